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
from tests.metrics.scored import detections, perfect, random_pair, truth
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
    return replace(replicates, bounds=(-1.0, 1.0), is_difference=True)


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
def test_few_replicates_show_no_interval(method):
    few, many = (np.linspace(0.4, 0.6, count) for count in (20, 999))
    wide, _ = intervals(one_column(few, 0.5, 40, halves=few), method=method)
    narrow, _ = intervals(one_column(many, 0.5, 40, halves=many), method=method)
    assert not wide.is_defined
    assert 0.4 < narrow.low < narrow.high < 0.6


@pytest.mark.parametrize("method", METHODS)
def test_a_difference_of_zero_in_all_replicates(method):
    change = as_difference(one_column(np.zeros(99), 0.0, halves=np.zeros(9)))
    overall, _ = intervals(change, method=method)
    assert (overall.low, overall.high) == (0, 0)
    assert p_values(change, method)[0] == 1


@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_resamples_without_a_class_are_left_out_of_its_interval(protocol):
    ground_truth, detector = random_pair(3, images=12, objects=30, boxes=80)
    pair = [evaluate(ground_truth, each, protocol) for each in (detector, perfect(ground_truth))]
    [first], [second] = resample(pair, [Measure("AP")], resamples=60, seed=5)
    change = second.minus(first)
    overall, classes = intervals(change, method="percentile")
    for interval, column in zip((overall, *classes), change.bootstrap.T, strict=True):
        expected = order_statistic(column[~np.isnan(column)], 0.025)
        assert interval.low == pytest.approx(expected, abs=1e-12)


def few_hits(hits_of_classes, images, misses_of_classes=None):
    """Return the evaluation of a detector that finds objects of each class in few images.

    Every image has an object of each class, unless `misses_of_classes` limits their number.
    """
    misses = misses_of_classes or [images - hits for hits in hits_of_classes]
    objects, rows = [], []
    for k, (hits, missed) in enumerate(zip(hits_of_classes, misses, strict=True)):
        positions = [(3 * k + n) % images for n in range(hits + missed)]
        objects += [(image, k, BOX) for image in positions]
        rows += [(image, k, 0.9, BOX) for image in positions[:hits]]
    names = [f"class {k}" for k in range(len(misses))]
    ground_truth = truth(objects, names, images=images)
    return evaluate(ground_truth, detections(ground_truth, rows), "voc2012")


def interval_of_class(hits, misses, images=40):
    [[replicates]] = resample([few_hits([hits], images, [misses])], resamples=1)
    return intervals(replicates)[1][0]


@pytest.mark.parametrize(
    ("hits", "misses", "is_defined"),
    [(5, 2, True), (4, 2, False), (4, 30, False), (5, 30, True), (30, 2, True), (30, 1, False)],
)
def test_the_interval_of_a_class_needs_images_with_objects_hits_and_misses(
    hits, misses, is_defined
):
    interval = interval_of_class(hits, misses)
    assert interval.is_defined == is_defined
    assert interval.estimate == pytest.approx(hits / (hits + misses))
    if is_defined:
        assert 0 <= interval.low < interval.estimate < interval.high <= 1
        assert (interval.low, interval.high) != (0, 1)


@pytest.mark.parametrize("hits", [0, 40])
def test_a_detector_that_finds_nothing_or_everything_has_no_interval(hits):
    interval = interval_of_class(hits, 40 - hits)
    assert interval.estimate == hits / 40
    assert interval.is_missing


def test_the_interval_of_the_overall_value_needs_two_images_with_hits_per_class():
    for hits, is_defined in ((1, False), (2, True)):
        [[replicates]] = resample([few_hits([hits, hits, 1, 3, 2], 40)], resamples=1)
        overall, classes = intervals(replicates)
        assert overall.is_defined == is_defined
        assert not any(interval.is_defined for interval in classes)


def test_no_interval_of_a_measure_excludes_the_measure():
    halves = np.random.default_rng(0).normal(0.5, 0.02, 2000)
    replicates = replace(one_column([0.4], 0.4, halves=halves), varies=np.array([True]))
    assert not intervals(replicates)[0].is_defined
    assert intervals(replace(replicates, varies=None))[0].high == 0.4
    inside = replace(replicates, values=np.array([0.49]))
    assert intervals(inside)[0].low < 0.49 < intervals(inside)[0].high


def test_value_intervals_leave_out_measures_without_objects():
    ground_truth = truth([(i, 0, BOX) for i in range(6)], images=6)
    evaluation = evaluate(ground_truth, perfect(ground_truth), "coco")
    [by_measure] = value_intervals([evaluation])
    defined = [name for name, value in evaluation.summary.items() if value is not None]
    assert list(by_measure) == defined
    assert {"APs", "APl"}.isdisjoint(by_measure)
    no_objects = truth([], images=3)
    assert value_intervals([evaluate(no_objects, perfect(no_objects), "coco")]) == [{}]


def test_one_image_shows_no_interval():
    ground_truth, detector = random_pair(3, images=1)
    [by_measure] = value_intervals([evaluate(ground_truth, detector, "coco")])
    assert by_measure
    assert all(interval.is_missing for interval, _ in by_measure.values())


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
