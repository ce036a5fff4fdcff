"""`show --collected`: what a recording holds of the machine, the job and its user, and where that goes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from crossprof import settings
from crossprof.cli import terminal
from crossprof.cli.options import print_json
from crossprof.collectors.collected import COLLECTED
from crossprof.collectors.privacy import GROUPS

__all__ = ["print_collected"]


def print_collected(store: Path, *, is_json: bool) -> None:
    """Every field with its reason, then where it goes and how it is left out."""
    goes_to = f"{store / 'recordings'}, then {store / 'runs'} and {store / 'artifacts'}"
    left_out = settings.get("CROSSPROF_LEAVE_OUT")
    if is_json:
        fields = [asdict(one) for one in COLLECTED]
        print_json({"fields": fields, "goes_to": goes_to, "groups": GROUPS, "left_out_by_setting": left_out})
        return
    columns = [terminal.Column(name) for name in ("file", "field", "why", "leave_out")]
    terminal.print_table(columns, [(one.file, one.field, one.why, one.leave_out) for one in COLLECTED], title="Collected")
    words = [(word, meaning) for word, meaning in GROUPS.items()]
    terminal.print_table([terminal.Column("leave_out"), terminal.Column("what")], words, title="What can be left out")
    terminal.print_line(f"\nAll of it stays on this machine, in {goes_to}. Nothing is sent anywhere.")
    terminal.print_line(
        "Left out by crossprof.profile(..., leave_out=['host', 'paths']), or by CROSSPROF_LEAVE_OUT=host,paths."
    )
    terminal.print_line(f"CROSSPROF_LEAVE_OUT is {left_out or 'not set'} here.")
