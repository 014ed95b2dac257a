"""Corrected p-values against their definitions: which hypotheses are rejected at each level."""

import numpy as np
import pytest

from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm, step_down


def holm_rejects(p, level):
    """Step down as Holm writes it: the smallest p against level / n, the next against level / (n - 1), until one fails."""
    rejected = set()
    for left, i in zip(
        range(len(p), 0, -1), sorted(range(len(p)), key=lambda i: p[i]), strict=True
    ):
        if p[i] > level / left:
            break
        rejected.add(i)
    return rejected


def benjamini_hochberg_rejects(p, level):
    """Step up: the largest i whose i-th smallest p is at most level · i / n, and all that are not larger."""
    rising = sorted(range(len(p)), key=lambda i: p[i])
    last = max(
        (i for i in range(1, len(p) + 1) if p[rising[i - 1]] <= level * i / len(p)), default=0
    )
    return set(rising[:last])


@pytest.mark.parametrize(
    ("adjust", "rejects"), [(holm, holm_rejects), (benjamini_hochberg, benjamini_hochberg_rejects)]
)
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


def plain_step_down(p, estimates, drawn):
    """Step down as Romano and Wolf write it: the largest statistic against the largest of all deviations, the next of those left, ..."""
    count = len(estimates)
    spread = [
        np.sqrt(np.mean([(row[j] - estimates[j]) ** 2 for row in drawn])) or 1.0
        for j in range(count)
    ]
    left = sorted(range(count), key=lambda j: abs(estimates[j]) / spread[j])
    adjusted, before = [np.nan] * count, 0.0
    while left:
        largest = [max(abs(row[j] - estimates[j]) / spread[j] for j in left) for row in drawn]
        j = left.pop()
        share = (1 + sum(each >= abs(estimates[j]) / spread[j] for each in largest)) / (
            len(drawn) + 1
        )
        before = adjusted[j] = max(before, share, p[j])
    return np.array(adjusted)


@pytest.mark.parametrize("seed", range(10))
def test_steps_down_as_the_procedure_says(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    estimates = rng.normal(0, 2, count)
    drawn = estimates + rng.normal(size=(200, count)) @ rng.normal(size=(count, count))
    p = rng.random(count) ** 4
    np.testing.assert_allclose(
        step_down(p, estimates, drawn), plain_step_down(p, estimates, drawn), rtol=1e-12
    )


def test_clear_answers_stay_clear_however_many_questions():
    rng = np.random.default_rng(0)
    estimates = np.concatenate([np.full(60, 10.0), np.zeros(60)])
    drawn = estimates + rng.normal(size=(1000, 120))
    p = np.concatenate([np.full(60, 0.002), np.full(60, 1.0)])
    adjusted = step_down(p, estimates, drawn)
    assert (adjusted[:60] <= 0.01).all()
    assert (adjusted[60:] == 1).all()
    assert (holm(p)[:60] > 0.05).all()


def test_a_false_call_is_as_rare_as_promised():
    """Ten equal means, all pairs asked: at most 5 % of studies call one, give or take what 400 studies can tell."""
    rng, false = np.random.default_rng(1), 0
    pairs = [(a, b) for a in range(10) for b in range(a)]
    for _ in range(400):
        values = rng.normal(size=10)
        draws = values + rng.normal(size=(300, 10))
        estimates = np.array([values[a] - values[b] for a, b in pairs])
        drawn = np.column_stack([draws[:, a] - draws[:, b] for a, b in pairs])
        false += bool((step_down(np.zeros(len(pairs)), estimates, drawn) <= 0.05).any())
    assert 0.02 <= false / 400 <= 0.08


def test_what_was_not_asked_and_what_never_varies():
    drawn = np.column_stack(
        [np.full(99, np.nan), np.zeros(99), np.random.default_rng(0).normal(5, 1, 99)]
    )
    adjusted = step_down(np.array([np.nan, 1.0, 0.02]), np.array([np.nan, 0.0, 5.0]), drawn)
    assert np.isnan(adjusted[0])
    assert adjusted[1:].tolist() == [1.0, 0.02]
