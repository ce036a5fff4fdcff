"""What a difference means: a metric in two runs with one word for it, and the sentences that open a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crossprof.store.composition import CategoryDifference, Place
from crossprof.store.metrics import Metric
from crossprof.store.statistics import Estimate, Ratio

__all__ = ["MetricDifference", "Verdict", "apart_sentence", "judged", "next_sentence", "verdict_sentence", "why_sentence"]

Verdict = Literal["better", "worse", "indistinguishable", "different", "too_few", "not_comparable"]

_LEADING = ("step_time", "throughput", "kernel_time")  # the first that both runs have opens the comparison
_RESTS = {
    "idle_unknown": "idle time of the device, of unknown cause",
    "idle_host": "idle time of the device that waits for the host",
    "idle_sync": "idle time of the device while the host is blocked",
    "idle_input": "idle time of the device while data is loaded",
    "idle_launch": "idle time of the device during launches",
    "idle_kernel": "idle time of the device between launched kernels",
    "outside_ops": "host time outside operators",
    "launched_before": "work that an earlier step launched",
}
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))


@dataclass(frozen=True)
class MetricDifference:
    """One metric in two runs: values, numbers of samples, the ratio with its interval, and what that means.

    `minimum_detectable` is the change, as a share of the base, that such samples show four times in five. `p_value` is that of
    a permutation test, a second figure beside the interval. None where the samples are too few, or nothing can be compared.
    """

    metric: str
    unit: str
    base: float | None
    other: float | None
    n_base: int
    n_other: int
    ratio: float | None
    ci_low: float | None
    ci_high: float | None
    verdict: Verdict
    minimum_detectable: float | None = None
    p_value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields, by name."""
        return dict(vars(self))


def judged(metric: Metric, base: Estimate, other: Estimate, found: Ratio) -> Verdict:
    """The word for the difference of two estimates of a metric that can be compared."""
    if not (base.is_certain and other.is_certain):
        return "too_few"
    if found.low is None or found.high is None:  # the base is zero: no ratio, but a change may still be sure
        low, high = other.interval or (0.0, 0.0)
        pivot = 0.0
    else:
        low, high, pivot = found.low, found.high, 1.0
    if low <= pivot <= high:
        return "indistinguishable"
    if metric.better == "none":
        return "different"
    return "better" if (low > pivot) == (metric.better == "higher") else "worse"


def verdict_sentence(
    base: str, other: str, metrics: Sequence[MetricDifference], *, unlike: Sequence[str] = (), is_same_capture: bool = False
) -> str:
    """Which run is faster, by how much and how sure that is, with what stands against comparing them."""
    leading = _leading(metrics)
    sentences = [_speed(base, other, leading) if leading else f"{other} and {base} share no figure of speed."]
    if is_same_capture:
        sentences.insert(0, "Both runs hold the same capture.")
    if unlike:
        sentences.append(f"They are not alike: {'; '.join(unlike)}.")
    return " ".join(sentences)


def apart_sentence(names: tuple[str, str], places: tuple[Place | None, Place | None]) -> str:
    """Why the work of two runs can't be set side by side: the end of a sentence. Empty where it can."""
    lacking = [name for name, place in zip(names, places, strict=True) if place is None]
    if lacking:
        whose, they = " and ".join(lacking), "have" if len(lacking) > 1 else "has"
        return f"{whose} {they} no work in a measured step: the capture marks no steps, or holds neither kernels nor operators."
    if places[0] == places[1]:
        return ""
    device, host = names if places[0] == "device" else (names[1], names[0])
    return (
        f"the steps of {device} are known by the time of its device, those of {host} by operators on the host, "
        "and one kind of time is never set beside the other. Step time and throughput compare the two."
    )


def why_sentence(base: str, other: str, metrics: Sequence[MetricDifference], categories: Sequence[CategoryDifference]) -> str:
    """Where the difference in speed sits. Empty where the runs have no categories in common.

    Of the parts that go the way of the difference, the largest that is sure is the cause; without a sure one, the largest.
    """
    if not categories:
        return ""
    if not any(one.delta_ns for one in categories):
        return "No category of work takes longer in one than in the other."
    leading = _leading(metrics)
    if leading is None or leading.verdict not in ("better", "worse"):
        return f"No sure difference to explain; the largest between categories is {_size(base, other, categories[0])}."
    is_slower = leading.verdict == "worse"
    cause = _cause(leading, categories)
    if cause is None:
        return f"No category of the profiled steps takes {'longer' if is_slower else 'less'} in {other}: profile more steps."
    profiled = next((one for one in metrics if one.metric == "step_time_profiled"), None)
    doubt = " The profiled steps alone show no sure difference." if profiled and profiled.verdict == "indistinguishable" else ""
    return f"Largest difference: {_size(base, other, cause)}{_interval(cause)}{_share(cause, leading)}.{doubt}"


def next_sentence(
    names: tuple[str, str],
    metrics: Sequence[MetricDifference],
    categories: Sequence[CategoryDifference],
    *,
    unlike: Sequence[str] = (),
    is_same_capture: bool = False,
    broken: Sequence[str] = (),
) -> str:
    """What to do about the first thing that stands between the reader and a sure answer, else where to look further.

    `names` are those of the base and of the other run, `broken` those of runs whose capture is broken.
    """
    other = names[1]
    leading = _leading(metrics)
    named = ", ".join(difference.partition(":")[0].replace("_", " ") for difference in unlike)
    named_work = [one for one in categories if one.category not in _RESTS]
    drill = _cause(leading, named_work) or next(iter(named_work), None)
    obstacles = (
        (
            bool(broken),
            f"read `crossprof doctor {next(iter(broken), '')}` first: its numbers are wrong or missing.",
        ),
        (is_same_capture, "choose another run: one capture can't differ from itself."),
        (leading is None, "record both under @crossprof.profile: without step markers there is no step time to compare."),
        (leading is not None and leading.verdict == "too_few", "record more steps of both: five give an interval."),
        (bool(unlike), f"record again with the same {named}: until then that alone may be the difference."),
        (
            leading is not None and leading.verdict == "indistinguishable",
            f"take them as equal, or narrow the interval: more steps, or repeats pooled as {other}@all.",
        ),
        (drill is None, f"see `crossprof show {other}`."),
    )
    found = next((text for is_met, text in obstacles if is_met), None)
    if found is not None or drill is None:
        return found or ""
    view, column = ("kernel_summary", "total_ns") if drill.place == "device" else ("op_summary", "self_ns")
    runs = ", ".join("'" + name.removesuffix("@all").partition(" (")[0].replace("'", "''") + "'" for name in names)
    condition = f"run in ({runs}) and category = '{drill.category}'"
    return f'crossprof sql "from {view} where {condition} order by {column} desc limit 10"'


def _cause(leading: MetricDifference | None, categories: Sequence[CategoryDifference]) -> CategoryDifference | None:
    """The largest category difference that goes the way of the difference in speed."""
    if leading is None or leading.verdict not in ("better", "worse"):
        return None
    is_slower = leading.verdict == "worse"
    that_way = [one for one in categories if one.delta_ns != 0 and (one.delta_ns > 0) == is_slower]
    return next((one for one in that_way if one.is_sure), next(iter(that_way), None))


def _size(base: str, other: str, difference: CategoryDifference) -> str:
    where = _RESTS.get(difference.category) or f"{difference.category} on the {difference.place}"
    more = "more" if difference.delta_ns > 0 else "less"
    return f"{where}, {_duration(abs(difference.delta_ns))} {more} a profiled step in {other} than in {base}"


def _interval(difference: CategoryDifference) -> str:
    low, high = difference.ci_low_ns, difference.ci_high_ns
    if low is None or high is None or low == high:
        return ""
    if not difference.is_sure:
        return ", within what these steps vary by"
    ends = sorted((abs(low), abs(high)))
    return f" (95 % interval {_duration(ends[0])} to {_duration(ends[1])})"


def _share(cause: CategoryDifference, leading: MetricDifference | None) -> str:
    """How much of the difference of the step times the cause is. Empty where other parts make up for some of it."""
    if leading is None or leading.metric != "step_time" or leading.base is None or leading.other is None:
        return ""
    share = cause.delta_ns / (leading.other - leading.base)
    return f", {100 * share:.0f} % of the difference of the step times" if share <= 1 else ""


def _leading(metrics: Sequence[MetricDifference]) -> MetricDifference | None:
    """The figure of speed that opens the comparison."""
    by_name = {one.metric: one for one in metrics if one.ratio is not None}
    return next((by_name[name] for name in _LEADING if name in by_name), None)


def _speed(base: str, other: str, found: MetricDifference) -> str:
    change = found.ratio or 0.0
    title = found.metric.replace("_", " ")
    values = f"{title} {_quantity(found.other, found.unit)} against {_quantity(found.base, found.unit)}"
    if found.ci_low is None or found.ci_high is None:
        return f"Too few samples to tell {other} from {base}: {values}, from {found.n_other} and {found.n_base} samples."
    factor, low, high = change, found.ci_low, found.ci_high
    if found.verdict == "indistinguishable":
        interval = f"{100 * (factor - 1):+.1f} %, 95 % interval {100 * (low - 1):+.1f} to {100 * (high - 1):+.1f} %"
        return f"{other} and {base} are indistinguishable: {values} ({interval})."
    word = "faster" if found.verdict == "better" else "slower"
    if factor < 1:
        factor, low, high = 1 / factor, 1 / high, 1 / low
    return f"{other} is {word} than {base} by a factor of {factor:.2f} (95 % interval {low:.2f} to {high:.2f}): {values}."


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    return _duration(value) if unit == "ns" else f"{value:,.4g} {unit}"


def _duration(ns: float) -> str:
    for size, unit in _UNITS:
        if abs(ns) >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"
