"""The look of the dashboard: colours, names and order of frameworks and categories, the layout of every figure.

Framework hues are Okabe and Ito's, which colour-blind readers can tell apart. Categories never borrow them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "GRAPH_CONFIG",
    "Lane",
    "Theme",
    "bare",
    "category_color",
    "framework_title",
    "ink_on",
    "lanes",
    "named",
    "shades",
    "shortened",
    "stylesheet",
    "theme",
    "variables",
]

_SHARED_BY_KERNELS = re.compile(r"\(anonymous namespace\)::|at::native::|c10::")
_DARK = 125  # of 255: from here on dark text reads better than white
_FRAMEWORK_TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX", "onnxruntime": "ONNX Runtime"}

# A framework's first run gets the strong shade, the second the tint; from the third on a dash tells them apart.
_FRAMEWORK_COLORS = {
    "light": {
        "torch": ("#D55E00", "#F0A06A"),
        "tensorflow": ("#E69F00", "#F3CC7A"),
        "jax": ("#0072B2", "#6DB3DD"),
        "onnxruntime": ("#009E73", "#74CDB2"),
        "": ("#6B7280", "#A3A9B3"),
    },
    "dark": {
        "torch": ("#FF8A3D", "#B8632C"),
        "tensorflow": ("#FFC145", "#B38730"),
        "jax": ("#4DABF7", "#3678AE"),
        "onnxruntime": ("#2BC79A", "#1F8C6D"),
        "": ("#A3A9B3", "#6B7280"),
    },
}
_DASHES = ("solid", "solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "2px,8px")

# In order of meaning, the same in every run: compute, then memory, then communication, then what is no work.
_CATEGORY_COLORS = {
    "gemm": "#3CA951",
    "attention": "#FF8AB7",
    "conv": "#4269D0",
    "fusion": "#5B8DB8",
    "norm": "#A463F2",
    "softmax": "#C98BDB",
    "elementwise": "#EFB118",
    "reduce": "#97BBF5",
    "pooling": "#2F8F83",
    "embedding": "#7FA65A",
    "index": "#B9C46A",
    "loss": "#E58FB1",
    "rng": "#C7A98B",
    "optimizer": "#6CC5B0",
    "input": "#B5A642",
    "copy": "#9C6B4E",
    "communication": "#FF725C",
    "control": "#7C8694",
    "other": "#A9B0B8",
    "outside_ops": "#CED4DA",
    "idle_host": "#B4C0CC",
    "idle_sync": "#C8BCD4",
    "idle_input": "#D6CBA8",
    "idle_launch": "#BCCFC2",
    "idle_kernel": "#DDE2E6",
    "idle_unknown": "#CED4DA",
}


@dataclass(frozen=True)
class Theme:
    """The tokens of one colour scheme."""

    scheme: str
    text: str
    dimmed: str
    grid: str
    surface: str
    better: str
    worse: str


_THEMES = {
    "light": Theme("light", "#1A1D21", "#5C636A", "#E9ECEF", "#FFFFFF", "#1B6E33", "#C92A2A"),
    "dark": Theme("dark", "#E3E5E8", "#A6A7AB", "#33363B", "#1B1D20", "#69DB7C", "#FF8787"),
}

# No bar of buttons: a card's menu saves the picture, and plotly 7's own would post the figure to its makers' cloud on a click.
GRAPH_CONFIG: Any = {"displayModeBar": False, "responsive": True, "plotlyServerURL": ""}


@dataclass(frozen=True)
class Lane:
    """One run as figures draw it: the same label, colour and dash on every card of a page."""

    run_id: str
    label: str
    framework: str | None
    color: str
    dash: str


def theme(scheme: str | None) -> Theme:
    """The tokens of a colour scheme; anything but dark is light."""
    return _THEMES["dark" if scheme == "dark" else "light"]


def lanes(runs: Sequence[Mapping[str, Any]], scheme: str | None, *, labels: Sequence[str] | None = None) -> list[Lane]:
    """A lane for each run, in order. Without labels, a name that several of the runs share gets the start of the run id."""
    colors = _FRAMEWORK_COLORS[theme(scheme).scheme]
    seen: dict[str, int] = {}
    drawn = []
    for run, label in zip(runs, labels or named(runs), strict=True):
        family = run["framework"] if run["framework"] in colors else ""
        nth = seen[family] = seen.get(family, -1) + 1
        shade = colors[family][min(nth, 1)]
        drawn.append(Lane(str(run["run_id"]), shortened(label), run["framework"], shade, _DASHES[min(nth, len(_DASHES) - 1)]))
    return drawn


def shades(frameworks: Sequence[str | None]) -> list[str]:
    """The CSS variables of the colours that lanes of these frameworks get."""
    seen: dict[str, int] = {}
    names = []
    for framework in frameworks:
        family = framework if framework in _FRAMEWORK_COLORS["light"] else ""
        nth = seen[family or ""] = seen.get(family or "", -1) + 1
        names.append(f"--framework-{family or 'unknown'}{'-tint' if nth else ''}")
    return names


def shortened(label: str, *, most: int = 38) -> str:
    """A label that leaves room for the figure: the beginning and the end of a long name tell runs apart."""
    if len(label) <= most:
        return label
    _, mark, last = label.rpartition(" (")  # a run's id, which is all that tells two of one name apart
    tail = mark + last if mark and len(last) < most // 2 else label[-(most // 2 - 1) :]
    return f"{label[: most - 1 - len(tail)]}…{tail}"


def bare(name: str) -> str:
    """A kernel's name without what hundreds share: the return type, and the namespaces of PyTorch. `bareName` does the same."""
    return _SHARED_BY_KERNELS.sub("", name.removeprefix("void "))


def named(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the runs; one that several share gets the start of the run id."""
    names = [str(run["run"]) for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} · {str(run['run_id'])[:8]}" for run, name in zip(runs, names, strict=True)
    ]


def framework_title(framework: str | None) -> str:
    """PyTorch for torch: a framework as its makers write it."""
    return _FRAMEWORK_TITLES.get(framework or "", framework or "unknown")


def category_color(category: str) -> str:
    """The colour of a category, the same on every page and in both schemes."""
    return _CATEGORY_COLORS.get(category, _CATEGORY_COLORS["other"])


def ink_on(color: str) -> str:
    """The colour of text over a category's: dark, or white where that is dark itself."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return "#1A1D21" if 0.299 * red + 0.587 * green + 0.114 * blue > _DARK else "#FFFFFF"


def category_order(categories: Iterable[str]) -> list[str]:
    """Categories in order of meaning; unknown ones before the rest that has no name."""
    order = {name: place for place, name in enumerate(_CATEGORY_COLORS)}
    return sorted(set(categories), key=lambda name: (order.get(name, order["control"]), name))


def figure_layout(look: Theme, *, height: int = 260) -> dict[str, Any]:
    """What all figures share: transparent ground, faint grid, no legend, room for labels."""
    axis = {
        "gridcolor": look.grid,
        "linecolor": look.grid,
        "zerolinecolor": look.grid,
        "automargin": True,
        "title": {"font": {"size": 12, "color": look.dimmed}, "standoff": 8},
        "tickfont": {"size": 12, "color": look.dimmed},
    }
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Inter, system-ui, sans-serif", "size": 12, "color": look.text},
        "xaxis": axis,
        "yaxis": axis,
        "showlegend": False,
        "hoverlabel": {"bgcolor": look.surface, "bordercolor": look.grid, "font": {"color": look.text, "size": 12}},
        "dragmode": False,
    }


def stylesheet() -> str:
    """The framework and verdict colours as CSS variables, so that tables and figures agree."""
    return "\n".join(f":root[data-mantine-color-scheme='{scheme}']{{{variables(scheme)}}}" for scheme in ("light", "dark"))


def variables(scheme: str) -> str:
    """The colours of a scheme as CSS variables."""
    look = _THEMES[scheme]
    named = {f"framework-{name or 'unknown'}": strong for name, (strong, _) in _FRAMEWORK_COLORS[scheme].items()}
    named |= {f"framework-{name or 'unknown'}-tint": tint for name, (_, tint) in _FRAMEWORK_COLORS[scheme].items()}
    named |= {"better": look.better, "worse": look.worse, "dimmed": look.dimmed, "line": look.grid}
    named |= {"text": look.text, "surface": look.surface}
    return "".join(f"--{name}:{value};" for name, value in named.items())
