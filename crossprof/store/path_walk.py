"""The critical path through a graph of steps, what each part of it is worth, and the step as it would have been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import highest_cover
from crossprof.store.step_graph import Graph

__all__ = ["critical_paths", "gains", "replay"]

Ints = NDArray[np.int64]
_FAR = 1 << 41  # more than any instant
_MOST_RANKS = 32


def critical_paths(graph: Graph, start_ns: Ints) -> list[Ints]:
    """The binding edges that lead to the end of each window, first to last; some take no time.

    `start_ns` is where each window starts: the first edge of its path may begin before.
    """
    parent, source, time = graph.parent.tolist(), graph.source.tolist(), graph.time.tolist()
    paths = []
    for sink, start in zip(graph.sink.tolist(), start_ns.tolist(), strict=True):
        path, instant = [], sink
        while time[instant] > start:
            path.append(parent[instant])
            instant = source[parent[instant]]
        paths.append(np.array(path[::-1], np.int64))
    return paths


def gains(graph: Graph, paths: Sequence[Ints]) -> list[Ints]:
    """For each edge of each path the most that its window can get shorter if that edge alone does (and others of its wait).

    Without the edge, the window is as long as the longest way around it. A way around leaves the tree of binding edges by an
    edge of slack `s`, from an instant that hangs on the path before the edge to one that hangs on it after the edge and comes
    `r` too early to matter. It is shorter than the path by s + r, which bounds what all edges in between can gain.

    Each rank of a component takes a turn over all of it: those of a component of more than 32 get -1, for unknown.
    """
    component = graph.component[graph.sink]
    order = np.argsort(component, kind="stable")
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.searchsorted(component[order], component[order])
    is_small = (np.bincount(component) <= _MOST_RANKS)[component]
    found = {window: np.full(len(paths[window]), -1) for window in np.flatnonzero(~is_small).tolist()}
    for number in range(int(turn[is_small].max(initial=-1)) + 1):
        chosen = np.flatnonzero(is_small & (turn == number))
        found |= zip(
            chosen.tolist(), _gains(graph, [paths[window] for window in chosen.tolist()], component[chosen]), strict=True
        )
    return [found[window] for window in range(len(paths))]


def _gains(graph: Graph, paths: Sequence[Ints], component: Ints) -> list[Ints]:
    """As `gains`, for paths in different components."""
    lengths = np.array([len(path) + 1 for path in paths], np.int64)
    base = np.cumsum(lengths) - lengths
    base_of = np.full(int(graph.component.max(initial=0)) + 1, -1, np.int64)
    base_of[component] = base
    edges = np.concatenate(paths)
    place = np.full(len(graph.time), -1, np.int64)
    place[graph.target[edges]] = np.concatenate(
        [first + 1 + np.arange(len(path)) for first, path in zip(base, paths, strict=True)]
    )
    hangs_on = np.where((place < 0) & (graph.parent >= 0), graph.source[graph.parent], np.arange(len(place)))
    while (further := hangs_on[hangs_on]).tobytes() != hangs_on.tobytes():
        hangs_on = further
    place = np.where(place[hangs_on] >= 0, place[hangs_on], base_of[graph.component])
    slack = graph.time[graph.target] - graph.time[graph.source] - graph.lag
    early = _earliness(graph, graph.target[edges], slack)
    is_around = (place[graph.source] < place[graph.target]) & (early[graph.target] < _FAR)
    is_around[graph.parent[graph.parent >= 0]] = False
    is_on_path = np.zeros(len(place), bool)
    is_on_path[graph.target[edges]] = True
    shares = is_on_path[graph.target] & (graph.why == graph.why[graph.parent[graph.target]])  # a wait is that of all its edges
    low, high = place[graph.source[is_around]] + 1, (place[graph.target] + ~shares)[is_around]
    around = (slack + early[graph.target])[is_around]
    most = -highest_cover(low, high, -around, int(lengths.sum()), empty=-_FAR)
    return [most[first + 1 : first + length] for first, length in zip(base, lengths, strict=True)]


def _earliness(graph: Graph, on_path: Ints, slack: Ints) -> Ints:
    """How much later each instant could come without the end of its path coming later; _FAR where nothing waits for it."""
    early = np.full(len(graph.time), _FAR)
    early[on_path] = 0
    found = early.tolist()
    back = _forward(graph)[::-1]
    # An edge at a time: all at once would take a turn for each change of threads on a way, and a way may change at every step.
    for source, target, spare in zip(
        graph.source[back].tolist(), graph.target[back].tolist(), slack[back].tolist(), strict=True
    ):
        found[source] = min(found[source], found[target] + spare)
    return np.array(found, np.int64)


def replay(graph: Graph, shorter: Ints) -> Ints:
    """When each instant would have come, had each edge taken `shorter` ns less."""
    forward = _forward(graph)
    time = np.where(graph.parent < 0, graph.time, np.iinfo(np.int64).min).tolist()
    lag = np.maximum(graph.lag - shorter, 0)
    for source, target, needed in zip(
        graph.source[forward].tolist(), graph.target[forward].tolist(), lag[forward].tolist(), strict=True
    ):
        time[target] = max(time[target], time[source] + needed)
    return np.array(time, np.int64)


def _forward(graph: Graph) -> Ints:
    """The edges, each after all that lead to its source."""
    place = np.empty(len(graph.order), np.int64)
    place[graph.order] = np.arange(len(graph.order))
    return np.argsort(place[graph.target], kind="stable")
