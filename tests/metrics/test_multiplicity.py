"""Corrected p-values against their definitions: which hypotheses are rejected at each level."""

import numpy as np
import pytest

from detbench.metrics.multiplicity import benjamini_hochberg, holm


def holm_rejects(p, level):
    """Step down as Holm writes it: the smallest p against level / n, the next against level / (n - 1), until one fails."""
    rejected = set()
    for left, i in zip(range(len(p), 0, -1), sorted(range(len(p)), key=lambda i: p[i]), strict=True):
        if p[i] > level / left:
            break
        rejected.add(i)
    return rejected


def benjamini_hochberg_rejects(p, level):
    """Step up: the largest i whose i-th smallest p is at most level · i / n, and all that are not larger."""
    rising = sorted(range(len(p)), key=lambda i: p[i])
    last = max((i for i in range(1, len(p) + 1) if p[rising[i - 1]] <= level * i / len(p)), default=0)
    return set(rising[:last])


@pytest.mark.parametrize(("adjust", "rejects"), [(holm, holm_rejects), (benjamini_hochberg, benjamini_hochberg_rejects)])
@pytest.mark.parametrize("seed", range(20))
def test_as_the_procedure_says(adjust, rejects, seed):
    rng = np.random.default_rng(seed)
    p = rng.random(rng.integers(1, 30)) ** 3
    for level in rng.random(40):
        assert set(np.flatnonzero(adjust(p) <= level)) == rejects(p.tolist(), level)


def test_known_values():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_questions_that_were_not_asked_do_not_count(adjust):
    p = np.array([np.nan, 0.01, np.nan, 0.2])
    np.testing.assert_array_equal(adjust(p)[[1, 3]], adjust(np.array([0.01, 0.2])))
    assert np.isnan(adjust(p)[[0, 2]]).all()
    assert adjust(np.zeros(0)).shape == (0,)
    np.testing.assert_allclose(adjust(np.array([0.9, 1.0])), [1.0, 1.0])
