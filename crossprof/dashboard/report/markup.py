"""HTML and SVG as text: elements whose words can't become markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["Markup", "element", "joined", "table"]

_VOID = ("meta", "br")


class Markup(str):
    """Text that is markup already. All other text is set off."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | float | None) -> Markup:
    """An element. `class_` is class, other underscores are hyphens; what is None is left out."""
    held = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    opening = f"<{tag}{held}>"
    return Markup(opening if tag in _VOID else f"{opening}{joined(children)}</{tag}>")


def joined(children: Iterable[str | None]) -> Markup:
    """Children side by side."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children if child is not None))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> Markup:
    """A table whose first column heads its rows, in a box that scrolls; the columns `numbers` are set to the right."""
    classes = ["number" if place in numbers else None for place in range(len(heads))]
    head = element("tr", *(element("th", name, scope="col", class_=one) for name, one in zip(heads, classes, strict=True)))
    body = [
        element(
            "tr",
            element("th", first, scope="row", class_=classes[0]),
            *(element("td", cell, class_=one) for cell, one in zip(rest, classes[1:], strict=True)),
        )
        for first, *rest in rows
    ]
    held = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", held, class_="scroll", role="region", tabindex=0, aria_label=caption)
