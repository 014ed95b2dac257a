"""Intervals of statistics: the same as those of a measure with the same replicates."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from detbench.metrics.uncertainty.clusters import MIN_WITH_OBJECTS
from detbench.metrics.uncertainty.interval_methods import expanded_quantile
from detbench.metrics.uncertainty.statistic_intervals import (
    statistic_ends,
    statistic_interval,
    statistic_interval_from_halves,
    statistic_p,
)

CLUSTERS = 30


def expected_ends(values):
    share = NormalDist().cdf(expanded_quantile(0.025, CLUSTERS))
    return np.quantile(values, (share, 1 - share), method="weibull")


def test_ends_are_expanded_percentiles():
    bootstrap = np.random.default_rng(0).normal(0.4, 0.05, (999, 3))
    low, high = statistic_ends(bootstrap, CLUSTERS)
    for column in range(3):
        interval = statistic_interval(0.4, bootstrap[:, column], CLUSTERS)
        ends = expected_ends(bootstrap[:, column])
        assert (interval.low, interval.high) == pytest.approx(tuple(ends))
        assert (low[column], high[column]) == (interval.low, interval.high)


def test_halves_are_mirrored_and_the_interval_contains_the_value():
    halves = np.random.default_rng(1).normal(0.42, 0.03, 200)
    interval = statistic_interval_from_halves(0.4, halves, CLUSTERS)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected_ends(0.8 - halves)))
    shifted = statistic_interval_from_halves(0.4, halves + 0.3, CLUSTERS)
    assert shifted.high == 0.4


def test_bounds_are_those_of_the_statistic():
    replicates = np.linspace(1, 2, 99)
    interval = statistic_interval(1.5, replicates, CLUSTERS, lowest=1.2, highest=9)
    assert interval.low == 1.2
    assert interval.high == pytest.approx(expected_ends(replicates)[1])


def test_an_interval_of_all_possible_values_is_none():
    few = np.linspace(1, 2, 5)
    assert not statistic_interval(1.5, few, CLUSTERS, lowest=-math.inf, highest=math.inf).is_defined


def test_p_agrees_with_the_interval():
    bootstrap = np.random.default_rng(2).normal(0.1, 0.05, 999)
    p = statistic_p(0.1, bootstrap, CLUSTERS)
    interval = statistic_interval(0.1, bootstrap, CLUSTERS, lowest=-1)
    assert (p < 0.05) == (interval.low > 0)


def test_one_image_gives_neither_interval_nor_p():
    bootstrap = np.linspace(0, 1, 50)
    assert not statistic_interval(0.5, bootstrap, 1).is_defined
    assert math.isnan(statistic_p(0.5, bootstrap, 1))


@pytest.mark.parametrize("clusters", [MIN_WITH_OBJECTS - 1, MIN_WITH_OBJECTS])
def test_few_images_give_no_interval_of_a_value(clusters):
    halves = np.random.default_rng(1).normal(0.42, 0.03, 2000)
    interval = statistic_interval_from_halves(0.4, halves, clusters)
    assert interval.is_defined == (clusters == MIN_WITH_OBJECTS)


def test_equal_halves_give_no_interval_of_a_value():
    assert not statistic_interval_from_halves(0.4, np.full(2000, 0.4), CLUSTERS).is_defined
    # A value of which the lowest possible one is below 0 is not a difference.
    assert not statistic_interval_from_halves(0.0, np.zeros(2000), CLUSTERS, lowest=-1).is_defined
