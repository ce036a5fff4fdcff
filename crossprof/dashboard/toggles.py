"""Switches of a card between ways to show the same rows. They work in place, and the address says which is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, State

from crossprof.dashboard.components import labelled

__all__ = ["Toggle", "connect_toggles"]


@dataclass(frozen=True)
class Toggle:
    """A switch: its name in the address, its title, and its ways by value in the address, the first where that says nothing."""

    name: str
    title: str
    ways: Mapping[str, str]

    def chosen(self, query: Mapping[str, str]) -> str:
        """The way that an address asks for; the first where it asks for none that there is."""
        asked = query.get(self.name, "")
        return asked if asked in self.ways else next(iter(self.ways))

    def control(self, page: str, query: Mapping[str, str]) -> dmc.SegmentedControl:
        """The switch as a part of a card of a page."""
        return dmc.SegmentedControl(
            id={"page": page, "toggle": self.name},
            data=[{"value": value, "label": text} for value, text in self.ways.items()],
            value=self.chosen(query),
            size="xs",
            className="toggle",
            **labelled(self.title),
        )

    def input(self, page: str) -> Input:
        """What a callback listens to."""
        return Input({"page": page, "toggle": self.name}, "value")


def connect_toggles(app: Dash, page: str) -> None:
    """The address follows the switches of a page."""
    every: dict[str, Any] = {"page": page, "toggle": ALL}
    app.clientside_callback(
        ClientsideFunction("crossprof", "keepToggles"),
        Input(every, "value"),
        State(every, "id"),
        State(every, "data"),
        prevent_initial_call=True,
    )
