"""Student's t: published tables, closed forms, scipy, and the two functions as inverses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.metrics.uncertainty.student_t import student_t_cdf, student_t_quantile

# NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2: upper critical values.
TABLE_PROBABILITIES = (0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
TABLE = {
    1: (3.078, 6.314, 12.706, 31.821, 63.657, 318.309),
    2: (1.886, 2.920, 4.303, 6.965, 9.925, 22.327),
    3: (1.638, 2.353, 3.182, 4.541, 5.841, 10.215),
    4: (1.533, 2.132, 2.776, 3.747, 4.604, 7.173),
    5: (1.476, 2.015, 2.571, 3.365, 4.032, 5.893),
    8: (1.397, 1.860, 2.306, 2.896, 3.355, 4.501),
    10: (1.372, 1.812, 2.228, 2.764, 3.169, 4.144),
    30: (1.310, 1.697, 2.042, 2.457, 2.750, 3.385),
    100: (1.290, 1.660, 1.984, 2.364, 2.626, 3.174),
}
FREEDOMS = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 3.7, 5.0, 9.0, 39.0, 40.0, 41.5, 300.0, 4951.0, 1e6]
TAILS = [*np.logspace(-6, math.log10(0.49), 30), 0.0003, 0.025, 0.05, 0.25]
PROBABILITIES = [float(p) for tail in TAILS for p in (tail, 1 - tail)]


@pytest.mark.parametrize("freedom", TABLE)
def test_published_tables(freedom):
    for probability, value in zip(TABLE_PROBABILITIES, TABLE[freedom], strict=True):
        assert student_t_quantile(probability, freedom) == pytest.approx(value, abs=5.1e-4)
        assert student_t_quantile(1 - probability, freedom) == pytest.approx(-value, abs=5.1e-4)


def test_the_tail_that_the_gate_asks_for():
    """Confidence .9997 with 4 images: 15.35, where an expansion gives 14.52."""
    assert student_t_quantile(0.9997, 3) == pytest.approx(15.35474238, abs=1e-8)


@pytest.mark.parametrize("probability", PROBABILITIES)
def test_closed_forms_of_one_two_and_four_degrees_of_freedom(probability):
    cauchy = -1 / math.tan(math.pi * probability)
    assert student_t_quantile(probability, 1) == pytest.approx(cauchy, rel=1e-10)
    odds = 4 * probability * (1 - probability)
    two = 2 * (probability - 0.5) * math.sqrt(2 / odds)
    assert student_t_quantile(probability, 2) == pytest.approx(two, rel=1e-12)
    root = math.cos(math.acos(math.sqrt(odds)) / 3) / math.sqrt(odds)
    four = math.copysign(2 * math.sqrt(root - 1), probability - 0.5)
    assert student_t_quantile(probability, 4) == pytest.approx(four, rel=1e-7)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_quantiles_of_scipy(freedom):
    stats = pytest.importorskip("scipy.stats")
    ours = [student_t_quantile(probability, freedom) for probability in PROBABILITIES]
    np.testing.assert_allclose(ours, stats.t.ppf(PROBABILITIES, freedom), rtol=1e-10)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_distribution_function_of_scipy(freedom):
    stats = pytest.importorskip("scipy.stats")
    values = [float(sign * t) for t in np.logspace(-6, 4, 31) for sign in (-1, 1)]
    expected = stats.t.cdf(values, freedom)
    ours = [student_t_cdf(t, freedom) for t in values]
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-300)


@given(freedom=st.floats(0.5, 1e6), log_tail=st.floats(math.log(1e-6), math.log(0.5)))
@settings(max_examples=300)
def test_the_two_functions_are_inverse_and_symmetric(freedom, log_tail):
    tail = min(math.exp(log_tail), 0.5)
    t = student_t_quantile(tail, freedom)
    assert t <= 0
    assert student_t_cdf(t, freedom) == pytest.approx(tail, rel=1e-10)
    assert student_t_cdf(-t, freedom) == pytest.approx(1 - tail, rel=1e-10)
    assert student_t_quantile(1 - tail, freedom) == pytest.approx(-t, rel=1e-8)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_the_median_and_its_neighborhood(freedom):
    assert student_t_quantile(0.5, freedom) == 0
    assert student_t_cdf(0, freedom) == 0.5
    # Near 0 the distribution function is 1/2 + t · density, with density Γ((ν+1)/2) / √(νπ) Γ(ν/2).
    log_density = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    density = math.exp(log_density) / math.sqrt(freedom * math.pi)
    assert student_t_quantile(0.5 + 2**-30, freedom) == pytest.approx(2**-30 / density, rel=1e-7)


@given(freedom=st.floats(0.5, 1e6), probabilities=st.tuples(*[st.floats(1e-6, 1 - 1e-6)] * 2))
def test_quantiles_rise(freedom, probabilities):
    low, high = sorted(probabilities)
    first, second = student_t_quantile(low, freedom), student_t_quantile(high, freedom)
    assert first <= second + 1e-12 * abs(second)


def test_a_quantile_beyond_the_largest_float_is_infinite():
    assert student_t_quantile(0.975, 1e-3) == math.inf
    assert student_t_quantile(0.025, 1e-3) == -math.inf
    assert math.isfinite(student_t_quantile(1e-300, 2))
