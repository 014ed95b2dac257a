"""Intervals and p-values of replicates: by each method, and never in contradiction."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import (
    intervals,
    p_values,
    standard_error,
    value_intervals,
)
from detbench.metrics.uncertainty.replicates import Replicates, resample
from tests.metrics.scored import perfect, random_pair, truth
from tests.metrics.uncertainty.test_interval_methods import order_statistic

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]
METHODS = ("percentile", "expanded", "bca", "halves")


def one_column(bootstrap, estimate, clusters=40, left_out=(0.4, 0.5, 0.6), halves=(0.5,)):
    """Return replicates of one overall value, without classes."""

    def column(values):
        return np.asarray(values, float).reshape(-1, 1)

    return Replicates(
        name="made",
        measure=Measure("AP"),
        class_names=(),
        values=np.array([estimate]),
        bootstrap=column(bootstrap),
        left_out=column(left_out),
        halves=column(halves),
        clusters=np.array([clusters]),
        resampling="made",
    )


def as_difference(replicates):
    return replace(replicates, bounds=(-1.0, 1.0))


def test_an_interval_states_how_it_was_made():
    bootstrap = np.random.default_rng(0).gamma(4, 0.05, 200)
    overall, classes = intervals(one_column(bootstrap, 0.2), confidence=0.8, method="percentile")
    assert (overall.estimate, overall.confidence, overall.method) == (0.2, 0.8, "percentile")
    assert overall.low == pytest.approx(order_statistic(bootstrap, 0.1))
    assert classes == ()


def test_halves_are_mirrored_at_the_estimate_within_the_bounds():
    halves = np.random.default_rng(0).normal(0.55, 0.05, 500)
    replicates = one_column([0.5], 0.5, clusters=10_000, halves=halves)
    overall, _ = intervals(replicates, method="halves")
    assert overall.low == pytest.approx(2 * 0.5 - order_statistic(halves, 0.975), abs=1e-3)
    assert overall.high == pytest.approx(2 * 0.5 - order_statistic(halves, 0.025), abs=1e-3)
    near_one, _ = intervals(one_column([0.9], 0.99, halves=halves), method="halves")
    assert near_one.high == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_p_is_where_the_interval_begins_to_exclude_zero(method, seed):
    rng = np.random.default_rng(seed)
    bootstrap = rng.normal(0.04, 0.04, 999)
    left_out, halves = rng.normal(0.04, 0.01, 25), rng.normal(0.045, 0.04, 999)
    change = as_difference(one_column(bootstrap, 0.04, 25, left_out, halves))
    (p,) = p_values(change, method)
    assert 0.01 < p < 1
    margin = 0.004
    excludes, _ = intervals(change, confidence=1 - p - margin, method=method)
    contains, _ = intervals(change, confidence=1 - p + margin, method=method)
    assert excludes.low > 0
    assert contains.low < 0


replicate_values = st.lists(
    st.sampled_from([-1.0, -0.5, -0.01, 0.0, 0.01, 0.25, 0.5, 1.0]) | st.floats(-1, 1),
    min_size=1,
    max_size=60,
)


@given(
    bootstrap=replicate_values,
    halves=replicate_values,
    estimate=st.floats(-1, 1),
    left_out=st.lists(st.floats(-1, 1), min_size=2, max_size=9),
    clusters=st.integers(2, 6) | st.integers(7, 100),
    method=st.sampled_from(METHODS),
    confidence=st.floats(0.01, 0.9999),
)
# Between 0 and the smallest positive number, interpolation underflows to 0.
@example([0.0, 5e-324], [0.0], 0.0, [0.0, 0.0], 50, "percentile", 0.3)
@settings(max_examples=400)
def test_interval_and_p_never_disagree(
    bootstrap, halves, estimate, left_out, clusters, method, confidence
):
    change = as_difference(one_column(bootstrap, estimate, clusters, left_out, halves))
    (p,) = p_values(change, method)
    assume(abs(p - (1 - confidence)) > 1e-6)
    overall, _ = intervals(change, confidence=confidence, method=method)
    assert (overall.low > 0 or overall.high < 0) == (p < 1 - confidence)


@pytest.mark.parametrize("method", METHODS)
def test_few_replicates_do_not_bound_the_interval(method):
    few, many = (np.linspace(0.4, 0.6, count) for count in (20, 999))
    wide, _ = intervals(one_column(few, 0.5, 40, halves=few), method=method)
    narrow, _ = intervals(one_column(many, 0.5, 40, halves=many), method=method)
    assert (wide.low, wide.high) == (0, 1)
    assert 0.4 < narrow.low < narrow.high < 0.6


@pytest.mark.parametrize("method", METHODS)
def test_a_difference_of_zero_in_all_replicates(method):
    change = as_difference(one_column(np.zeros(99), 0.0, halves=np.zeros(9)))
    overall, _ = intervals(change, method=method)
    assert (overall.low, overall.high) == (0, 0)
    assert p_values(change, method)[0] == 1


@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_resamples_without_a_class_are_left_out_of_its_interval(protocol):
    evaluation = evaluate(*random_pair(3, images=12, objects=30, boxes=80), protocol)
    [[replicates]] = resample([evaluation], [Measure("AP")], resamples=60, seed=5)
    overall, classes = intervals(replicates, method="percentile")
    for interval, column in zip((overall, *classes), replicates.bootstrap.T, strict=True):
        expected = order_statistic(column[~np.isnan(column)], 0.025)
        assert interval.low == pytest.approx(expected, abs=1e-12)


def test_classes_with_objects_in_two_images_one_image_and_none():
    cats = [(i, 0, BOX) for i in range(8)]
    rows = [*cats, (0, 1, FAR), (1, 1, FAR), (2, 2, FAR)]
    ground_truth = truth(rows, "abcd", images=8)
    evaluation = evaluate(ground_truth, perfect(ground_truth), "voc2007")
    [[replicates]] = resample([evaluation], resamples=300)
    overall, (eight, two, one, none) = intervals(replicates)
    assert (overall.low, overall.high, eight.low, two.low, two.high) == (1, 1, 1, 0, 1)
    assert all(interval.estimate <= 1 for interval in (overall, eight, two, one))
    assert one.estimate == pytest.approx(1)
    assert not one.is_defined
    assert math.isnan(none.estimate)
    assert not none.is_defined
    p_is_nan = np.isnan(p_values(replicates.minus(replicates)))
    assert p_is_nan.tolist() == [False, False, False, True, True]


def test_value_intervals_leave_out_measures_without_objects():
    ground_truth = truth([(i, 0, BOX) for i in range(6)], images=6)
    evaluation = evaluate(ground_truth, perfect(ground_truth), "coco")
    [by_measure] = value_intervals([evaluation])
    defined = [name for name, value in evaluation.summary.items() if value is not None]
    assert list(by_measure) == defined
    assert {"APs", "APl"}.isdisjoint(by_measure)
    one_image = truth([(0, 0, BOX)], images=1)
    assert value_intervals([evaluate(one_image, perfect(one_image), "coco")]) == [{}]


def test_the_standard_error_is_the_deviation_of_the_bootstrap():
    assert standard_error(one_column([0.1, 0.3, np.nan], 0.2)) == pytest.approx(np.sqrt(0.02))
    assert math.isnan(standard_error(one_column([0.1], 0.1)))


def test_an_impossible_confidence_and_an_unknown_method_are_refused():
    replicates = one_column([0.1, 0.2], 0.1)
    with pytest.raises(DetbenchError, match="confidence must lie between 0 and 1, got 95"):
        intervals(replicates, confidence=95)
    message = "no interval method 'basic'; choose one of percentile, expanded, bca, halves"
    with pytest.raises(DetbenchError, match=message):
        intervals(replicates, method="basic")
