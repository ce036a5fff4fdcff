"""Files that lie behind a URL, fetched through fsspec where that is installed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from crossprof.errors import TraceError
from crossprof.ingest.source import BLOCK_BYTES

__all__ = ["fetch", "is_url", "shown_url"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(given: str) -> bool:
    """Whether a path is a URL, with a scheme and ://."""
    return bool(_URL.match(given))


def shown_url(url: str) -> str:
    """The URL without what may be a secret: user, password, query, fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch(url: str, folder: Path) -> Path:
    """The file behind a URL, or the folder, as it lies below the given folder now. Raises TraceError."""
    shown = shown_url(url)
    try:
        import fsspec
    except ImportError:
        raise TraceError(shown, "reading a URL needs the package fsspec: pip install fsspec.") from None
    try:
        system, path = fsspec.url_to_fs(url)
        return _fetched(system, path, folder / (PurePosixPath(urlsplit(shown).path).name or "index"))
    except ImportError as error:
        package = f"{urlsplit(url).scheme}:// needs a package that fsspec names: {error}"
        raise TraceError(shown, f"{' '.join(package.split())}") from None
    except FileNotFoundError:
        raise TraceError(shown, "there is no such file, or nobody answers there. Check the URL.") from None
    except Exception as error:  # each file system has errors of its own, whose text may hold the secrets of the URL
        status = getattr(error, "status", None) or getattr(error, "errno", None)
        cause = type(error).__name__ + (f" {status}" if status else "")
        raise TraceError(shown, f"it can't be fetched ({cause}). Check the URL and the credentials.") from None


def _fetched(system: Any, path: str, target: Path) -> Path:
    if system.info(path).get("type") != "directory":
        _copy(system, path, target)
        return target
    for file in system.find(path):
        inner = PurePosixPath(file).relative_to(PurePosixPath(path.rstrip("/")))
        if ".." not in inner.parts:
            _copy(system, file, target / inner)
    return target


def _copy(system: Any, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with system.open(path, "rb") as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, BLOCK_BYTES)
