"""Scripts and styles go to the browser compressed: plotly.js alone has 4.8 MB, which a distant browser waits for."""

from __future__ import annotations

import gzip
import hashlib

from flask import Flask, Response, request

__all__ = ["compress_static_files"]

_STATIC = ("/_dash-component-suites/", "/assets/", "/speedscope/")
_TEXT = ("text/javascript", "application/javascript", "text/css", "image/svg+xml", "application/json")
_LEAST_BYTES = 1024


def compress_static_files(server: Flask) -> None:
    """Let a Flask server compress its static text files, each once, for clients that take gzip."""
    held: dict[bytes, bytes] = {}  # by content: Dash answers to any number of addresses for one file

    def compress(response: Response) -> Response:
        is_text = request.path.startswith(_STATIC) and response.mimetype in _TEXT
        if not is_text or response.status_code != 200 or response.content_encoding:
            return response
        response.vary.add("Accept-Encoding")
        response.direct_passthrough = False
        content = response.get_data()
        if len(content) < _LEAST_BYTES or not request.accept_encodings.quality("gzip"):
            return response
        digest = hashlib.blake2b(content, digest_size=16).digest()
        if digest not in held:
            held[digest] = gzip.compress(content, 6, mtime=0)
        response.set_data(held[digest])
        response.content_encoding = "gzip"
        response.headers.pop("Accept-Ranges", None)
        etag, _ = response.get_etag()
        if etag:  # equal in meaning to the file as it is, not byte for byte
            response.set_etag(etag, weak=True)
        return response

    server.after_request(compress)
