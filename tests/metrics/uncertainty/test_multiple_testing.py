"""Multiple testing: the corrected p-values reject what the procedures reject at each level."""

import numpy as np
import pytest

from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm, step_down
from tests.references import step_down as reference


@pytest.mark.parametrize(
    ("adjust", "rejects"),
    [
        (holm, reference.holm_rejects),
        (benjamini_hochberg, reference.benjamini_hochberg_rejects),
    ],
)
@pytest.mark.parametrize("seed", range(20))
def test_rejects_what_the_procedure_rejects(adjust, rejects, seed):
    rng = np.random.default_rng(seed)
    p = rng.random(rng.integers(1, 30)) ** 3
    for level in rng.random(40):
        assert set(np.flatnonzero(adjust(p) <= level)) == rejects(p.tolist(), level)


def test_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_hypotheses_that_were_not_tested_do_not_count(adjust):
    p = np.array([np.nan, 0.01, np.nan, 0.2])
    np.testing.assert_array_equal(adjust(p)[[1, 3]], adjust(np.array([0.01, 0.2])))
    assert np.isnan(adjust(p)[[0, 2]]).all()
    assert adjust(np.zeros(0)).shape == (0,)
    np.testing.assert_allclose(adjust(np.array([0.9, 1.0])), [1.0, 1.0])


@pytest.mark.parametrize("seed", range(10))
def test_steps_down_as_the_procedure_says(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    estimates = rng.normal(0, 2, count)
    bootstrap = estimates + rng.normal(size=(200, count)) @ rng.normal(size=(count, count))
    p = rng.random(count) ** 4
    expected = reference.step_down(p, estimates, bootstrap)
    np.testing.assert_allclose(step_down(p, estimates, bootstrap), expected, rtol=1e-12)


def test_clear_differences_stay_significant_among_many():
    rng = np.random.default_rng(0)
    estimates = np.concatenate([np.full(60, 10.0), np.zeros(60)])
    bootstrap = estimates + rng.normal(size=(1000, 120))
    p = np.concatenate([np.full(60, 0.002), np.full(60, 1.0)])
    adjusted = step_down(p, estimates, bootstrap)
    assert (adjusted[:60] <= 0.01).all()
    assert (adjusted[60:] == 1).all()
    assert (holm(p)[:60] > 0.05).all()


def test_a_false_call_is_as_rare_as_promised():
    """Ten equal means, all pairs tested: at most 5% of studies call one, up to chance in 400."""
    rng, false_calls = np.random.default_rng(1), 0
    pairs = [(a, b) for a in range(10) for b in range(a)]
    for _ in range(400):
        values = rng.normal(size=10)
        resamples = values + rng.normal(size=(300, 10))
        estimates = np.array([values[a] - values[b] for a, b in pairs])
        bootstrap = np.column_stack([resamples[:, a] - resamples[:, b] for a, b in pairs])
        adjusted = step_down(np.zeros(len(pairs)), estimates, bootstrap)
        false_calls += bool((adjusted <= 0.05).any())
    assert 0.02 <= false_calls / 400 <= 0.08


def test_a_missing_hypothesis_and_one_without_variation():
    never, constant = np.full(99, np.nan), np.zeros(99)
    varying = np.random.default_rng(0).normal(5, 1, 99)
    bootstrap = np.column_stack([never, constant, varying])
    p, estimates = np.array([np.nan, 1.0, 0.02]), np.array([np.nan, 0.0, 5.0])
    adjusted = step_down(p, estimates, bootstrap)
    assert np.isnan(adjusted[0])
    assert adjusted[1:].tolist() == [1.0, 0.02]
