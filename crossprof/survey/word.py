"""The word for how a claim of the survey and a measured row stand, and why it is this one."""

from __future__ import annotations

from crossprof.survey.claims import sizes
from crossprof.survey.contrast import NOT_MEASURED, Contrast
from crossprof.survey.names import model_title, title_of
from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Claim, Word

__all__ = ["word_of"]

_POINTS = 0.05
"""How far a measured ratio may lie from the survey's and still be called that."""
_CANNOT: Word = "cannot tell here"
_LEAST_REPEATS = 2
_KINDS = {"GPU": "gpu", "A100": "gpu", "H100": "gpu", "TPU v5": "tpu"}


def word_of(claim: Claim | None, metric: str, other: Repeats, found: Contrast) -> tuple[Word, str]:
    """The word and its reason: the first that stands against telling, else what the interval says.

    `other` is the cell beside PyTorch's, which does the same work on the same hardware.
    """
    if claim is None:
        return _CANNOT, f"The survey says nothing of {_unspoken(other, metric)}."
    for reason in (_hardware(claim, other), _size(claim, other), *found.doubts, _repeats(found), _lack(found)):
        if reason:
            return _CANNOT, reason if reason.endswith(".") else f"{reason}."
    if found.ratio is None or found.ratio.ci_low is None or found.ratio.ci_high is None:
        return _CANNOT, "There is no interval."
    low, high = found.ratio.ci_low, found.ratio.ci_high
    return _by_direction(claim, found) if claim.ratio is None else _by_ratio(claim.ratio, low, high)


def _unspoken(other: Repeats, metric: str) -> str:
    """What the survey has no claim for: another framework than TensorFlow, or this metric of the model."""
    return f"the {metric} of {model_title(other)}" if other.framework == "keras_tensorflow" else title_of(other)


def _hardware(claim: Claim, here: Repeats) -> str:
    """Why this is not the survey's class of hardware; empty where it is."""
    if here.device_kind == _KINDS[claim.hardware] and (claim.hardware == "GPU" or claim.hardware in here.device):
        return ""
    article = "an" if claim.hardware[0] in "AH" else "a"
    return f"Other hardware: the survey measured on {article} {claim.hardware}, this is {here.device} ({here.device_kind})"


def _size(claim: Claim, here: Repeats) -> str:
    """Why this is not the survey's number of devices, size or batch; empty where it is."""
    if claim.devices != here.world_size:
        return f"Other number of devices: {here.world_size} here, {claim.devices} in the survey"
    if claim.size and claim.size != here.size:
        return f"Other size: {here.size} here, {claim.size} in the survey"
    if (here.model, here.size) not in sizes():
        return f"Other size: the survey speaks of no {here.model} {here.size}"
    if claim.batch not in (None, here.batch):
        return f"Other batch: {here.batch} here, {claim.batch} in the survey"
    return ""


def _repeats(found: Contrast) -> str:
    if found.repeats < _LEAST_REPEATS:
        return f"Too few repeats: {found.repeats} of a side, where {_LEAST_REPEATS} are needed"
    return "The repeats disagree in direction" if found.disagrees else ""


def _lack(found: Contrast) -> str:
    if found.verdict == NOT_MEASURED:
        return "One side has no figure"
    if found.verdict == "not_comparable":
        return f"The two are not compared: {'; '.join(found.notes) or 'their figures mean different things'}"
    return "Too few samples for an interval" if found.verdict == "too_few" else ""


def _by_direction(claim: Claim, found: Contrast) -> tuple[Word, str]:
    """For a claim without a figure: who is ahead."""
    ahead = {"better": "tensorflow", "worse": "pytorch"}.get(found.verdict)
    if found.verdict == "different":
        return _CANNOT, "The two differ, but that alone makes neither the better."
    if ahead is None:
        return _CANNOT, "The interval covers no difference, and the survey gives no figure."
    who = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}[ahead]
    if ahead == claim.ahead:
        return "supports", f"{who} has the better figure here too."
    return "contradicts", f"{who} has the better figure here."


def _by_ratio(claimed: float, low: float, high: float) -> tuple[Word, str]:
    """For a claim with a figure: whether the interval leaves out no difference on its side, and comes near the figure."""
    interval = f"The interval {low:.3g} to {high:.3g}"
    is_open = low <= 1 <= high
    is_same_side = not is_open and (high < 1) == (claimed < 1)
    if low - _POINTS <= claimed <= high + _POINTS:
        if is_same_side:
            return "supports", f"{interval} leaves out no difference and comes within 5 points of {claimed:.3g}."
        if is_open:
            return _CANNOT, f"{interval} covers no difference and comes within 5 points of the survey's {claimed:.3g}."
        return _CANNOT, f"{interval} comes within 5 points of {claimed:.3g}, but lies on the other side of no difference."
    how = "in size, with no difference seen here" if is_open else "in size alone" if is_same_side else "in direction"
    return "contradicts", f"{interval} lies more than 5 points off the survey's {claimed:.3g}: it contradicts {how}."
