"""How the parts that the page and the file share are drawn: by what makes an element of either."""

from __future__ import annotations

from typing import Protocol, TypeVar

from crossprof.dashboard import wording

__all__ = ["Draw", "sentence"]

T = TypeVar("T")


class Draw(Protocol[T]):
    """Makes an element: of text, as `report.markup.element` does, or of Dash, as `component.component`.

    `class_` is class, other underscores are hyphens; what is None is left out.
    """

    def __call__(self, tag: str, *children: T | str | None, **attributes: str | float | None) -> T:
        """The element."""
        ...


def sentence(draw: Draw[T], text: str) -> list[T | str]:
    """A sentence whose commands, which stand between grave accents, can be copied."""
    parts = wording.unbroken(text).split("`")
    return [_command(draw, part) if place % 2 else part for place, part in enumerate(parts) if part]


def _command(draw: Draw[T], text: str) -> T:
    """A command whose lines end between its words: browsers would end them inside of `--size`."""
    words = text.split(" ")
    spaced = (part for word in words for part in (draw("span", word), " "))
    return draw("code", *list(spaced)[:-1], class_="advice")
