"""A check as people and CI read it: a table, Markdown for a pull request, JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from crossprof.cli import terminal
from crossprof.cli.terminal import Column
from crossprof.dashboard.markdown import code, line, row, text
from crossprof.dashboard.quantity import NONE, percent_change, percent_range, scale_for

if TYPE_CHECKING:
    from crossprof.store.check import Check, Outcome

__all__ = ["as_junit", "as_markdown", "complain", "print_check"]

_COLUMNS = ("metric", "state", "base", "other", "change", "95 % interval", "allowed")
_NUMBERS = ("base", "other", "change", "95 % interval", "allowed")
_MARKS = {"passed": "✅", "failed": "❌", "undecided": "❔", "too_few": "❔", "not_comparable": "❔"}
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def print_check(found: Check) -> None:
    """Print what became of the whole as a card, and each threshold as a row."""
    style = terminal.STYLES["good" if found.passes else "failed"]
    terminal.print_card(_title(found), _sentences(found), style=style)
    terminal.print_table(
        [Column(name, is_number=name in _NUMBERS) for name in _COLUMNS], [_cells(one) for one in found.outcomes]
    )


def complain(found: Check) -> None:
    """Print on stderr why a check fails, a line for each threshold that does not pass."""
    for one in found.outcomes:
        if not one.passes:
            terminal.print_error(_told(one))


def as_markdown(found: Check) -> str:
    """The check as a heading, a table and a list, good as a comment on a pull request."""
    numbers = [name in _NUMBERS for name in _COLUMNS]
    lines = [f"### {_MARKS['passed' if found.passes else 'failed']} {text(_title(found))}", ""]
    lines += [row(_COLUMNS), row("---:" if is_number else "---" for is_number in numbers)]
    for one in found.outcomes:
        metric, state, *rest = _cells(one)
        lines.append(row([code(metric), f"{_MARKS[one.state]} {state}", *map(text, rest)]))
    lines += ["", *(f"- {line(sentence)}" for sentence in _sentences(found))]
    return "\n".join(lines) + "\n"


def as_junit(found: Check) -> str:
    """The check as JUnit XML: a failure is a threshold that was overstepped, an error one that can't be decided."""
    suite = ElementTree.Element(
        "testsuite", name=_xml(f"{found.other.run} against {found.base}"), tests=str(len(found.outcomes)), time="0"
    )
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    for one in found.outcomes:
        name = f"{one.threshold.metric} {one.threshold.told}"
        case = ElementTree.SubElement(
            suite, "testcase", classname=_xml(f"crossprof.{found.other.run}"), name=_xml(name), time="0"
        )
        kind = _junit_kind(one)
        if kind is not None:
            counts["failures" if kind == "failure" else "errors" if kind == "error" else "skipped"] += 1
            kinds = {} if kind == "skipped" else {"type": one.state}
            ElementTree.SubElement(case, kind, {"message": _xml(one.reason), **kinds})
        ElementTree.SubElement(case, "system-out").text = _xml(_told(one))
    for name, count in counts.items():
        suite.set(name, str(count))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _junit_kind(one: Outcome) -> str | None:
    """The element that tells a test's end. What is undecided and passes is a test that passed."""
    if one.state in ("too_few", "not_comparable"):
        return "skipped" if one.passes else "error"
    return None if one.passes else "failure"


def _title(found: Check) -> str:
    passing, count = sum(one.passes for one in found.outcomes), len(found.outcomes)
    return f"{found.other.run} passes {passing} of {count} threshold{'s' * (count > 1)} against {found.base}"


def _sentences(found: Check) -> list[str]:
    """What there is to know beside the figures."""
    said = [f"{one.threshold.metric}: {one.reason}." for one in found.outcomes if one.state != "passed"]
    said += [f"Differs: {difference}." for difference in found.other.differences]
    return said + [f"The capture of {run} is broken: see `crossprof doctor {run}`." for run in found.broken]


def _cells(one: Outcome) -> Sequence[str]:
    if one.found is None:
        return (one.threshold.metric, one.state, NONE, NONE, NONE, NONE, one.threshold.told)
    scale = scale_for(one.found.unit, [one.found.base, one.found.other])
    values = (scale.full(one.found.base), scale.full(one.found.other), percent_change(one.found.ratio))
    interval = percent_range(one.found.ci_low, one.found.ci_high)
    return (one.threshold.metric, one.state, *values, interval, one.threshold.told)


def _told(one: Outcome) -> str:
    """One line that says it all."""
    metric, state, base, other, change, interval, allowed = _cells(one)
    doubt = "" if interval == NONE else f", 95 % interval {interval}"
    return f"{metric} {state}: {other} against {base} ({change}{doubt}; {allowed} allowed): {one.reason}."


def _xml(words: str) -> str:
    """The words without the characters that XML can't hold: a name may hold any."""
    return _NO_XML.sub("\ufffd", words)
