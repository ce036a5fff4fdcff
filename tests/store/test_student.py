"""Student's t is held to scipy's."""

import numpy as np
import pytest
from scipy.special import stdtrit

from crossprof.store.student import quantile


@pytest.mark.parametrize("probability", [0.8, 0.975])
def test_scipy_says_the_same(probability: float) -> None:
    freedoms = [*np.geomspace(0.5, 1e7, 400).tolist(), 1.0, 1.5, 999.9, 1000.0, 1000.1]
    found = [quantile(freedom, probability) for freedom in freedoms]
    assert found == pytest.approx(stdtrit(freedoms, probability), rel=1e-11)
