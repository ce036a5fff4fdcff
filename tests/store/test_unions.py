"""The time that intervals cover together, against a count of instants."""

import numpy as np

from crossprof.store.peers.unions import covered, overlap, stretches


def test_what_ends_before_it_starts_takes_away_what_nothing_covers() -> None:
    assert covered(np.array([0, 20]), np.array([10, 18])) == 8
    assert covered(np.array([0, 20]), np.array([19, 18])) == 18
    assert covered(np.array([0, 20]), np.array([20, 18])) == 20


def test_a_union_holds_each_instant_once() -> None:
    generator = np.random.default_rng(1)
    for many in generator.integers(0, 12, (100, 2)):
        starts = [generator.integers(0, 60, size) for size in many]
        both = [(start, start + generator.integers(0, 9, len(start))) for start in starts]
        instants = [{at for low, high in zip(*some, strict=True) for at in range(low, high)} for some in both]
        some, others = (stretches(*intervals) for intervals in both)
        order = np.argsort(starts[0], kind="stable")
        assert covered(both[0][0][order], both[0][1][order]) == len(instants[0])
        assert np.all(some[0][1:] > some[1][:-1])
        assert (some[1] - some[0]).sum() == len(instants[0])
        assert overlap(some, others) == overlap(others, some) == len(instants[0] & instants[1])
