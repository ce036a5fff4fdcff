"""Runs as files to download: `/export/<run id><suffix>`, with `?rank=` and `?step=`; and the viewer of speedscope.

An export runs in a child process, `crossprof export`, so that its memory and its time are not the server's; few run at once.
"""

from __future__ import annotations

import mimetypes
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import BoundedSemaphore

from flask import Flask, Response, request, send_file

from crossprof.dashboard.addresses import EXPORTS
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import RunNotFound

__all__ = ["serve_exports"]

_TYPES = {"perfetto": "application/gzip", "speedscope": "application/json", "parquet": "application/zip", "html": "text/html"}
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the viewer needs: it unmangles the names of C++ in WebAssembly, which the dashboard's own policy forbids."""
_AT_ONCE = 2
_PATIENCE_S = 30
_MOST_S = 600


def serve_exports(server: Flask, snapshot: Snapshot) -> None:
    """Let a Flask server answer to these addresses."""
    free = BoundedSemaphore(_AT_ONCE)

    def export(name: str) -> Response:
        return _export(snapshot, free, name)

    server.add_url_rule("/export/<name>", "export", export, methods=["GET"])
    server.add_url_rule("/speedscope/<name>", "speedscope", _viewer, methods=["GET"])


def _viewer(name: str) -> Response:
    held = _viewer_files()
    if name not in held:
        return _text(f"The viewer has no file '{name}'.", 404)
    answer = Response(held[name], mimetype=mimetypes.guess_type(name)[0])
    answer.headers["Content-Security-Policy"] = _POLICY
    if not name.endswith(".html"):  # the other names hold a hash of what they name
        answer.cache_control.public = answer.cache_control.immutable = True
        answer.cache_control.max_age = 365 * 24 * 3600
    return answer


@cache
def _viewer_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (files("crossprof.dashboard") / "vendor" / "speedscope").iterdir()}


def _export(snapshot: Snapshot, free: BoundedSemaphore, name: str) -> Response:
    found = next(((form, name.removesuffix(end)) for form, end in EXPORTS.items() if name.endswith(end)), None)
    if found is None:
        return _text(f"'{name}' is no export: its name ends in one of {', '.join(EXPORTS.values())}.", 404)
    try:
        run_id = snapshot.store().resolve(found[1])[0]
    except RunNotFound as error:
        return _text(str(error), 404)
    if request.method == "HEAD":
        return Response(mimetype=_TYPES[found[0]])
    if not free.acquire(timeout=_PATIENCE_S):
        return _text(f"{_AT_ONCE} exports are being made: try again when they are done.", 503)
    try:
        return _made(snapshot.path, run_id, found[0])
    finally:
        free.release()


def _made(store: Path, run_id: str, form: str) -> Response:
    """The file, gone from the disk when it is sent; or why there is none."""
    with tempfile.TemporaryDirectory(prefix="crossprof-export-") as folder:
        path = Path(folder) / f"{run_id}{EXPORTS[form]}"
        command = [
            sys.executable,
            "-m",
            "crossprof",
            "export",
            run_id,
            f"--format={form}",
            f"--output={path}",
            f"--store={store}",
        ]
        command += [f"--{option}={value}" for option in ("rank", "step") if (value := request.args.get(option))]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MOST_S, check=False)
        except subprocess.TimeoutExpired:
            return _text(f"The export took more than {_MOST_S // 60} minutes: choose a rank or steps.", 504)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            return _text(lines[-1] if lines else f"The export ended with code {done.returncode}.", 422)
        file = path.open("rb")  # stays open while it is sent, though the folder goes
    answer = send_file(file, mimetype=_TYPES[form], as_attachment=True, download_name=path.name, max_age=0)
    answer.content_length = os.fstat(file.fileno()).st_size
    answer.call_on_close(file.close)
    return answer


def _text(message: str, status: int) -> Response:
    return Response(message + "\n", status=status, mimetype="text/plain")
