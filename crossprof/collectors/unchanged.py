"""`crossprof record` inside the processes that it starts: their steps are found, and recorded from the first one on."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from crossprof import settings
from crossprof.collectors.found_steps import FoundSteps
from crossprof.collectors.import_hooks import after_import
from crossprof.collectors.profile import script_name
from crossprof.collectors.request import Request
from crossprof.collectors.step_sources import SOURCES

__all__ = ["record_this_process"]


def record_this_process() -> None:
    """Watch the frameworks that the script imports, as CROSSPROF_RECORD says."""
    text = settings.get("CROSSPROF_RECORD")
    if text is None or settings.is_on("CROSSPROF_DISABLE"):
        return
    wanted = json.loads(text)
    noted, named = Path(wanted.pop("noted")), wanted.pop("step")
    found = FoundSteps(partial(_request, wanted), named=named, on_start=partial(_note, noted))
    after_import({name: partial(watch, found) for name, watch in SOURCES.items()})


def _request(wanted: dict[str, Any], framework: str) -> Request:
    return Request(**{**wanted, "name": wanted["name"] or script_name(), "framework": wanted["framework"] or framework})


def _note(noted: Path, folder: Path) -> None:
    """Tell the command where this process records: one line, appended at once. On another host it can't be told."""
    with suppress(OSError), noted.open("a", encoding="utf-8") as file:
        file.write(os.fspath(folder) + "\n")
