"""Words in Markdown: names of runs and kernels are shown as they are, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["code", "line", "row", "text"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")
_OPENING = re.compile(r"^([+\-#=]|\d+(?=[.)]))")
_LONGEST_FENCE = re.compile("`+")


def text(words: str) -> str:
    """The words with what Markdown would read as markup set off; code in backquotes stays code."""
    parts = " ".join(words.split()).split("`")
    if len(parts) % 2 == 0:  # a backquote without its other half is a character
        return _SPECIAL.sub(r"\\\1", "`".join(parts))
    return "".join(code(part) if place % 2 else _SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


def line(words: str) -> str:
    """The same at the beginning of a line, where a sign or a number would open a list or a heading."""
    return _OPENING.sub(lambda found: found[1] + "\\" if found[1].isdigit() else "\\" + found[1], text(words))


def code(words: str) -> str:
    """The words as code, in more backquotes than they hold themselves. In a table a bar must be set off even there."""
    words = " ".join(words.split()).replace("|", "\\|")
    if not words:
        return ""
    fence = "`" * (max(map(len, _LONGEST_FENCE.findall(words)), default=0) + 1)
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{space}{words}{space}{fence}"


def row(cells: Iterable[str]) -> str:
    """A row of a table, its cells Markdown already."""
    return f"| {' | '.join(cells)} |"
