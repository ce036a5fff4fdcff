"""What the Runs page changes in the store: tags, notes, pins, and runs that are deleted. The store's own functions do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dash import html

from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store, edits, publish
from crossprof.store.lifecycle import delete

__all__ = ["apply", "delete_runs", "farewell"]

_MOST_NAMED = 8


def apply(root: Path, changed: Sequence[Mapping[str, Any]]) -> str:
    """Write the cells that a user changed, and publish; in a sentence what was done. Raises StoreError."""
    done = [_apply_one(root, cell) for cell in changed]
    publish(root)
    return " ".join(sentence for sentence in done if sentence)


def _apply_one(root: Path, cell: Mapping[str, Any]) -> str:
    run_id, name, value = str(cell["data"]["run_id"]), cell["data"]["run"], cell["value"]
    if cell["colId"] == "note":
        edits.note(root, run_id, value or "")
        return f"The note of {name} is {'saved' if value else 'taken away'}."
    if cell["colId"] == "is_pinned":
        edits.pin(root, run_id, is_pinned=bool(value))
        return f"{name} is {'pinned' if value else 'no longer pinned'}."
    if cell["colId"] == "tags":
        edits.tag(root, run_id, retagged(cell.get("oldValue") or "", value or ""))
        return f"The tags of {name} are saved."
    return ""


def retagged(before: str, after: str) -> dict[str, str | None]:
    """What to set so that the tags of one text become those of the other; None takes one away. Raises StoreError."""
    held, wanted = (edits.parsed_tags(word for word in text.split(",") if word.strip()) for text in (before, after))
    return {key: wanted.get(key) for key in {**held, **wanted} if held.get(key) != wanted.get(key)}


def delete_runs(root: Path, run_ids: Sequence[str]) -> str:
    """Take runs out of the store; in a sentence what was done. Raises StoreError."""
    delete(root, run_ids)
    return f"Deleted {len(run_ids)} run{'s' * (len(run_ids) != 1)}."


def farewell(store: Store, run_ids: Sequence[str]) -> list[Any]:
    """What is lost with these runs: their rows, what users wrote, and the files that the store keeps of them."""
    runs = frame(
        store, "select run_id, run, note, part_count from run where list_contains(?, run_id)", list(run_ids)
    ).to_dicts()
    kept = frame(
        store,
        "select path, bytes from artifact where list_contains(?, run_id) and storage <> 'referenced' order by bytes desc",
        list(run_ids),
    ).to_dicts()
    names = [html.Li([html.Strong(run["run"]), " ", html.Code(run["run_id"]), _noted(run["note"])]) for run in runs]
    files = [html.Li([html.Code(file["path"]), " ", scale_for("bytes", [file["bytes"]]).full(file["bytes"])]) for file in kept]
    return [
        html.P("They leave the store at once, with their tags and notes; their files follow an hour later."),
        html.Ul(_first(names)),
        html.P("Traces that the store keeps, and that go too:" if files else "The store keeps no trace of them."),
        html.Ul(_first(files)),
        html.P("Traces that were only read stay where they are.", className="dimmed"),
    ]


def _noted(note: str | None) -> str:
    return f" · {note}" if note else ""


def _first(entries: Sequence[html.Li]) -> list[html.Li]:
    rest = len(entries) - _MOST_NAMED
    return [*entries[:_MOST_NAMED], *([html.Li(f"and {rest} more")] if rest > 0 else [])]
