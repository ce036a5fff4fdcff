"""The file that thresholds are committed in: [check] of crossprof.toml, else [tool.crossprof.check] of pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossprof.errors import CrossprofError

__all__ = ["FLAGS", "CheckFile", "committed", "read_file"]

_TABLES = {"crossprof.toml": ("check",), "pyproject.toml": ("tool", "crossprof", "check")}
FLAGS = ("strict", "allow-missing", "allow-unlike")
"""The switches that the file may set too, named as on the command line."""


@dataclass(frozen=True)
class CheckFile:
    """What a file says: the amount for each metric, the base by name or by tags, and the flags that it sets."""

    amounts: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None
    tags: tuple[str, ...] = ()
    is_pooled: bool = False
    flags: frozenset[str] = frozenset()


def committed(folder: Path) -> CheckFile:
    """What the nearest file says, in a folder or above it. Empty where there is none. Raises CrossprofError."""
    for above in (folder, *folder.parents):
        for name in _TABLES:
            if (path := above / name).is_file() and (table := _table(path)) is not None:
                return _parsed(path, table)
    return CheckFile()


def read_file(path: Path) -> CheckFile:
    """What a file says. Raises CrossprofError: it is no TOML, has no thresholds, or says what nobody reads."""
    table = _table(path)
    if table is None:
        raise CrossprofError(f"{path} has no table [{'.'.join(_steps(path))}].")
    return _parsed(path, table)


def _steps(path: Path) -> tuple[str, ...]:
    return _TABLES.get(path.name, _TABLES["crossprof.toml"])


def _table(path: Path) -> Any:
    """The table of a file, None where it has none."""
    try:
        found: Any = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CrossprofError(f"{path} is no TOML: {error}.") from None
    for step in _steps(path):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found


def _parsed(path: Path, table: Any) -> CheckFile:
    where = f"[{'.'.join(_steps(path))}] of {path}"
    _expect(where, table, ("max-regression", "baseline", *FLAGS))
    amounts = table.get("max-regression", {})
    _expect(f"max-regression in {where}", amounts, amounts)
    base = table.get("baseline")
    wanted = base if isinstance(base, dict) else {}
    _expect(f"baseline in {where}", wanted, ("tag", "pool"))
    tags = wanted.get("tag", [])
    tags = [tags] if isinstance(tags, str) else tags
    texts = [*amounts.values(), *(tags if isinstance(tags, list) else [None]), "" if base is None or wanted else base]
    switches = [*(table.get(flag, False) for flag in FLAGS), wanted.get("pool", False)]
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(switch, bool) for switch in switches):
        raise CrossprofError(f'{where}: amounts, names and tags are texts such as "3%", switches are true or false.')
    flags = frozenset(flag for flag in FLAGS if table.get(flag))
    name = base if isinstance(base, str) else None
    return CheckFile(amounts, name, tuple(tags), bool(wanted.get("pool")), flags)


def _expect(where: str, table: Any, known: Any) -> None:
    if not isinstance(table, dict):
        raise CrossprofError(f"{where} is no table.")
    for key in table:
        if key not in known:
            raise CrossprofError(f"{where} has an unknown key '{key}'. Known are {', '.join(known)}.")
