"""Interval methods: the formulas of the textbooks, and p-values that invert the intervals."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.metrics.uncertainty.interval_methods import (
    BiasCorrected,
    Expanded,
    Percentile,
    bias_corrected,
    expanded_quantile,
    interval_ends,
    two_sided_p,
)

NORMAL = NormalDist()
T_975 = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 29: 2.045, 99: 1.984}
"""Student's t by degrees of freedom, from a table."""

methods = (
    st.just(Percentile())
    | st.builds(Expanded, st.integers(2, 1000))
    | st.builds(BiasCorrected, st.floats(-1, 1), st.floats(-0.2, 0.2))
)


def order_statistic(values, share):
    """Return the (B + 1) · share-th smallest value, interpolated; 0 or 1 beyond the outermost."""
    rising, position = sorted(values), share * (len(values) + 1)
    if not 1 <= position <= len(rising):
        return float(position > 1)
    below, above = math.floor(position), math.ceil(position)
    step = rising[above - 1] - rising[below - 1]
    return rising[below - 1] + (position - below) * step


@pytest.mark.parametrize(("freedom", "t"), T_975.items())
def test_expanded_is_wider_if_few_images_have_objects(freedom, t):
    clusters = freedom + 1
    reach = math.sqrt(clusters / freedom) * t
    assert expanded_quantile(0.975, clusters) == pytest.approx(reach, abs=1e-3)
    assert Expanded(clusters).share(0.025) == pytest.approx(NORMAL.cdf(-reach), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_bca_as_efron_and_tibshirani_write_it(seed):
    rng = np.random.default_rng(seed)
    sample = rng.gamma(2, 0.1, 30)
    bootstrap = np.array([np.var(rng.choice(sample, 30)) for _ in range(400)])
    left_out = np.array([np.var(np.delete(sample, i)) for i in range(30)])
    estimate = float(np.var(sample))
    z0 = NORMAL.inv_cdf(sum(value < estimate for value in bootstrap) / 400)
    steps = left_out.mean() - left_out
    a = sum(steps**3) / (6 * sum(steps**2) ** 1.5)
    z = NORMAL.inv_cdf(0.975)
    alpha1 = NORMAL.cdf(z0 + (z0 - z) / (1 - a * (z0 - z)))
    alpha2 = NORMAL.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
    method = bias_corrected(estimate, bootstrap, left_out)
    low, high = interval_ends(bootstrap, method, 0.95, (0.0, 1.0))
    assert low == pytest.approx(order_statistic(bootstrap, alpha1))
    assert high == pytest.approx(order_statistic(bootstrap, alpha2))


@pytest.mark.parametrize("count", [99, 200, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_percentiles_are_order_statistics(count, confidence):
    bootstrap = np.random.default_rng(count).gamma(4, 0.05, count)
    low, high = interval_ends(bootstrap, Percentile(), confidence, (0.0, 1.0))
    assert low == pytest.approx(order_statistic(bootstrap, (1 - confidence) / 2))
    assert high == pytest.approx(order_statistic(bootstrap, (1 + confidence) / 2))


def test_an_end_beyond_the_outermost_replicate_is_the_bound():
    ends = interval_ends(np.linspace(0.4, 0.6, 20), Percentile(), 0.95, (0.0, 1.0))
    assert ends == (0, 1)


@given(methods, st.floats(1e-4, 0.5))
def test_the_tail_of_a_share_is_its_inverse(method, tail):
    share = method.share(tail)
    if 1e-9 < share < 1 - 1e-9:
        assert method.tail(share) == pytest.approx(tail, rel=1e-6)


@given(methods, st.floats(1e-4, 1 - 1e-4))
def test_mirrored_replicates_have_mirrored_shares(method, tail):
    mirrored = method.mirrored().share(1 - tail)
    assert method.share(tail) == pytest.approx(1 - mirrored, abs=1e-12)


def test_p_counts_the_shares_beyond_zero_and_itself():
    bootstrap = np.array([-0.1, -0.05, *np.linspace(0.01, 0.3, 97)])
    assert two_sided_p(bootstrap, Percentile()) == pytest.approx(2 * (2 + 5 / 6) / 100)
    assert two_sided_p(np.full(999, 0.2), Percentile()) == pytest.approx(2 / 1000)
    for method in (Percentile(), Expanded(40), BiasCorrected(0.1, 0.05)):
        assert two_sided_p(np.zeros(99), method) == 1
