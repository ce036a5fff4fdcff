"""An element as a component of Dash."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

__all__ = ["component"]

_NAMES = {"class_": "className", "colspan": "colSpan", "rowspan": "rowSpan", "tabindex": "tabIndex"}


def component(tag: str, *children: Component | str | None, **attributes: str | float | None) -> Component:
    """A `survey.draw.Draw` of Dash's components."""
    held: dict[str, Any] = {
        _NAMES.get(name) or name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None
    }
    if "style" in held:
        held["style"] = dict(part.split(":", 1) for part in str(held["style"]).split(";"))
    shown = [child for child in children if child is not None]
    made: Component = getattr(html, tag.capitalize())(shown[0] if len(shown) == 1 else shown, **held)
    return made
