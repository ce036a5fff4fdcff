"""Archives, zip and tar: their members as files of a folder, none of them outside of it, and no more than a bound."""

from __future__ import annotations

import io
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from crossprof.errors import TraceError
from crossprof.ingest.source import BLOCK_BYTES, Source

__all__ = ["Skipped", "bound", "is_archive", "unpack"]

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_ALWAYS_BYTES = 1 << 30
_TIMES = 200
_BLOCK_BYTES = 4096
_HEADER_BYTES = 4 << 20  # tarfile reads the headers between two members into memory, however long they say they are
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Skipped:
    """A member that was not taken, or not whole, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def is_archive(source: Source) -> bool:
    """Whether the file is a zip, a tar or a compressed tar, by what it holds."""
    return _is_zip(source) or source.head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC)


def bound(source: Source, folder: Path) -> int:
    """The bytes that an archive may hold: 1 GiB or 200 times its own size, but not more than half of what is free there."""
    return min(max(_ALWAYS_BYTES, _TIMES * source.bytes_on_disk), shutil.disk_usage(folder).free // 2)


def unpack(source: Source, folder: Path, *, most: int) -> tuple[int, list[Skipped]]:
    """Write the members of an archive into a folder. How many of `most` bytes are left, and what was skipped or cut short.

    Links, devices and names that lead out of the folder are skipped. A member counts a block of the disk at least. Raises
    TraceError for an archive that holds more, and for one that holds nothing that can be read.
    """
    left = most
    skipped: list[Skipped] = []
    try:
        for member in _zip_members(source) if _is_zip(source) else _tar_members(source):
            left -= max(member.size, _BLOCK_BYTES)
            if left < 0:
                raise TraceError(
                    source.path, f"it holds more than {most >> 20:,} MiB, too much for its size. Unpack it yourself."
                )
            reason = _objection(member) or _write(member, folder)
            if reason:
                skipped.append(Skipped(member.name, reason))
    except _DAMAGE as error:
        if left == most:
            raise TraceError(source.path, f"this archive can't be read ({_line(error)}).") from None
        skipped.append(Skipped("", f"the archive is damaged ({_line(error)}); what stands before that was read."))
    return left, skipped


def _is_zip(source: Source) -> bool:
    return not source.is_compressed and source.head.startswith(_ZIP_MAGICS)


def _zip_members(source: Source) -> Iterator[_Member]:
    with zipfile.ZipFile(source.path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                yield _Member(info.filename, info.file_size, is_file, lambda info=info: archive.open(info))  # type: ignore[misc]


def _tar_members(source: Source) -> Iterator[_Member]:
    stream = _Stream(source.chunks())
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        for info in archive:
            stream.left = info.size + _HEADER_BYTES
            if not info.isdir():
                yield _Member(info.name, info.size, info.isfile(), lambda info=info: archive.extractfile(info))  # type: ignore[misc]
    if source.damage:
        raise tarfile.ReadError(source.damage)


class _Stream:
    """The blocks as a file to be read, `left` bytes of it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.left = _HEADER_BYTES
        self._blocks = blocks
        self._block = io.BytesIO()

    def read(self, size: int) -> bytes:
        if not (data := self._block.read(size)):
            self._block = io.BytesIO(next(self._blocks, b""))
            data = self._block.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise tarfile.ReadError("a header is too long")
        return data


def _objection(member: _Member) -> str | None:
    """Why a member is not written at all."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    if not member.is_file:
        return "it is a link or a device, not a file."
    if path.is_absolute() or _DRIVE.match(member.name) or ".." in path.parts or not path.name:
        return "its name leads out of the archive."
    return None


def _write(member: _Member, folder: Path) -> str | None:
    """Write a member below the folder. What went wrong, if anything; what could be read is written."""
    target = folder / member.name.replace("\\", "/")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            content: Any = member.open()
            shutil.copyfileobj(content, file, BLOCK_BYTES)
    except FileExistsError:
        return "another member has its name."
    except OSError as error:
        return f"it can't be written ({error.strerror})."
    except _DAMAGE as error:
        return f"it can't be read whole ({_line(error)})."
    return None


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
