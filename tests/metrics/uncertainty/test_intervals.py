"""Intervals and p against the textbook's formulas, and against bootstraps that copy images and score them again."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import intervals, p_values, standard_error
from detbench.metrics.uncertainty.replicates import HALVES, Replicates, resample
from tests.metrics.scored import detections, perfect, random_pair, truth

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]
NORMAL = NormalDist()
METHODS = ("percentile", "expanded", "bca", "halves")
T_975 = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 29: 2.045, 99: 1.984}


def made(drawn, estimate, units=40, left_out=(0.4, 0.5, 0.6), halves=(0.5,)):
    """Return one column of replicates as if resampled."""
    column = lambda values: np.asarray(values, float).reshape(-1, 1)  # noqa: E731
    return Replicates(
        name="made", measure=Measure("AP"), class_names=(), values=np.array([estimate]), bootstrap=column(drawn), left_out=column(left_out),
        halves=column(halves), clusters=np.array([units]), resampling="made",
    )  # fmt: skip


def order_statistic(values, share):
    """Return the (B + 1)·share-th smallest value, interpolated between neighbours; 0 or 1 beyond the ends."""
    rising, place = sorted(values), share * (len(values) + 1)
    if not 1 <= place <= len(rising):
        return float(place > 1)
    below, above = math.floor(place), math.ceil(place)
    return rising[below - 1] + (place - below) * (rising[above - 1] - rising[below - 1])


@pytest.mark.parametrize("count", [99, 200, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_percentile(count, confidence):
    drawn = np.random.default_rng(count).gamma(4, 0.05, count)
    overall, _ = intervals(made(drawn, 0.2), confidence=confidence, method="percentile")
    assert overall.low == pytest.approx(order_statistic(drawn, (1 - confidence) / 2))
    assert overall.high == pytest.approx(order_statistic(drawn, (1 + confidence) / 2))
    assert (overall.estimate, overall.confidence, overall.method) == (0.2, confidence, "percentile")


@pytest.mark.parametrize(("units", "t"), [(freedom + 1, t) for freedom, t in T_975.items()])
def test_expanded_is_wider_where_few_images_show_anything(units, t):
    drawn = np.random.default_rng(units).normal(0.5, 0.05, 1000)
    (low, high) = (NORMAL.cdf(side * math.sqrt(units / (units - 1)) * t) for side in (-1, 1))
    overall, _ = intervals(made(drawn, 0.5, units), method="expanded")
    assert overall.low == pytest.approx(order_statistic(drawn, low), abs=2e-3)
    assert overall.high == pytest.approx(order_statistic(drawn, high), abs=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_bca_as_efron_and_tibshirani_write_it(seed):
    rng = np.random.default_rng(seed)
    sample = rng.gamma(2, 0.1, 30)
    statistic = lambda values: float(np.var(values))  # noqa: E731
    drawn = [statistic(rng.choice(sample, 30)) for _ in range(400)]
    left_out = np.array([statistic(np.delete(sample, i)) for i in range(30)])
    estimate = statistic(sample)
    z0 = NORMAL.inv_cdf(sum(value < estimate for value in drawn) / 400)
    steps = left_out.mean() - left_out
    a = sum(steps**3) / (6 * sum(steps**2) ** 1.5)
    z = NORMAL.inv_cdf(0.975)
    alpha1 = NORMAL.cdf(z0 + (z0 - z) / (1 - a * (z0 - z)))
    alpha2 = NORMAL.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
    overall, _ = intervals(made(drawn, estimate, left_out=left_out), method="bca")
    assert overall.low == pytest.approx(order_statistic(drawn, alpha1))
    assert overall.high == pytest.approx(order_statistic(drawn, alpha2))


def test_halves_look_for_the_truth_on_the_other_side_within_what_the_measure_can_be():
    halves = np.random.default_rng(0).normal(0.55, 0.05, 500)
    overall, _ = intervals(made([0.5], 0.5, units=10_000, halves=halves), method="halves")
    assert overall.low == pytest.approx(2 * 0.5 - order_statistic(halves, 0.975), abs=1e-3)
    assert overall.high == pytest.approx(2 * 0.5 - order_statistic(halves, 0.025), abs=1e-3)
    near_one = intervals(made([0.9], 0.99, halves=halves), method="halves")[0]
    assert near_one.high == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_p_is_where_the_interval_begins_to_leave_zero_out(method, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0.04, 0.04, 999)
    change = replace(
        made(drawn, 0.04, 25, rng.normal(0.04, 0.01, 25), rng.normal(0.045, 0.04, 999)),
        bounds=(-1.0, 1.0),
    )
    (p,) = p_values(change, method)
    assert 0.01 < p < 1
    spread = 0.004
    surely, _ = intervals(change, confidence=1 - p - spread, method=method)
    hardly, _ = intervals(change, confidence=1 - p + spread, method=method)
    assert surely.low > 0
    assert hardly.low < 0


values = st.lists(
    st.sampled_from([-1.0, -0.5, -0.01, 0.0, 0.01, 0.25, 0.5, 1.0]) | st.floats(-1, 1),
    min_size=1,
    max_size=60,
)


@given(
    drawn=values, halves=values, estimate=st.floats(-1, 1), left_out=st.lists(st.floats(-1, 1), min_size=2, max_size=9),
    units=st.integers(2, 6) | st.integers(7, 100), method=st.sampled_from(METHODS), confidence=st.floats(0.01, 0.9999),
)  # fmt: skip
@settings(max_examples=400)
def test_interval_and_p_never_disagree(
    drawn, halves, estimate, left_out, units, method, confidence
):
    change = replace(made(drawn, estimate, units, left_out, halves), bounds=(-1.0, 1.0))
    (p,) = p_values(change, method)
    assume(abs(p - (1 - confidence)) > 1e-6)
    overall, _ = intervals(change, confidence=confidence, method=method)
    assert (overall.low > 0 or overall.high < 0) == (p < 1 - confidence)


@pytest.mark.parametrize("method", METHODS)
def test_an_end_beyond_the_outermost_replicate_is_where_the_measure_ends(method):
    few, many = (intervals(made(np.linspace(0.4, 0.6, count), 0.5, 40, halves=np.linspace(0.4, 0.6, count)), method=method)[0]
                 for count in (20, 999))  # fmt: skip
    assert (few.low, few.high) == (0, 1)
    assert 0.4 < many.low < many.high < 0.6


def test_p_counts_the_shares_beyond_zero_and_itself():
    change = made([-0.1, -0.05, *np.linspace(0.01, 0.3, 97)], 0.1)
    assert p_values(change, "percentile")[0] == pytest.approx(2 * (2 + 5 / 6) / 100)
    assert p_values(made(np.full(999, 0.2), 0.2), "percentile")[0] == pytest.approx(2 / 1000)
    for method in METHODS:
        assert p_values(made(np.zeros(99), 0.0, halves=np.zeros(9)), method)[0] == 1


def slow_values(ground_truth, found, protocol, positions):
    """Return overall value and classes of the dataset that really holds the images at `positions`, row by row."""
    columns = {"image": [], "label": [], "box": []}
    rows = {"image": [], "label": [], "score": [], "box": []}
    for place, i in enumerate(positions):
        for r in range(ground_truth.offsets[i], ground_truth.offsets[i + 1]):
            for name, value in zip(
                columns, (place, ground_truth.class_index[r], ground_truth.boxes[r]), strict=True
            ):
                columns[name].append(value)
        for r in range(found.offsets[i], found.offsets[i + 1]):
            for name, value in zip(
                rows, (place, found.class_index[r], found.scores[r], found.boxes[r]), strict=True
            ):
                rows[name].append(value)
    again = truth(
        list(zip(*columns.values(), strict=True)), ground_truth.class_names, len(positions)
    )
    boxes = Detections.from_rows(
        again,
        image_index=rows["image"],
        class_index=rows["label"],
        scores=rows["score"],
        boxes=rows["box"],
    )
    evaluation = evaluate(again, boxes, protocol)
    overall = evaluation.average_precision
    return [np.nan if overall is None else overall, *evaluation.class_ap]


@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_a_plain_bootstrap_that_copies_images_says_the_same(protocol):
    ground_truth, found = random_pair(3, images=12, objects=30, found=80)
    found = replace(found, scores=np.random.default_rng(3).permutation(80) / 80)
    (resampled,) = resample(
        [evaluate(ground_truth, found, protocol)], [Measure("AP")], resamples=60, seed=5
    )[0]
    draws = [np.sort(np.random.default_rng([5, b]).integers(0, 12, 12)) for b in range(60)]
    slow = np.array([slow_values(ground_truth, found, protocol, draw) for draw in draws])
    np.testing.assert_allclose(resampled.bootstrap, slow, atol=1e-12)
    overall, classes = intervals(resampled, method="percentile")
    for interval, column in zip((overall, *classes), slow.T, strict=True):
        assert interval.low == pytest.approx(
            order_statistic(column[~np.isnan(column)], 0.025), abs=1e-12
        )


def test_parts_and_halves_cover_all_images_evenly():
    ground_truth = truth([(i, 0, BOX) for i in range(9)], images=9)
    hits = detections(ground_truth, [(i, 0, 0.9, BOX if i < 4 else FAR) for i in range(9)])
    (recall,) = resample(
        [evaluate(ground_truth, hits, "voc2007")], [Measure("recall", "AR")], resamples=2
    )[0]
    assert sorted(recall.left_out[:, 0].round(6).tolist()) == [0.375] * 4 + [0.5] * 5
    assert len(recall.halves) == HALVES
    larger, smaller = recall.halves[::2, 0] * 5, recall.halves[1::2, 0] * 4
    np.testing.assert_allclose(larger + smaller, 4)


def test_a_class_that_a_replicate_lacks_and_one_that_a_single_image_shows():
    ground_truth = truth(
        [(i, 0, BOX) for i in range(8)] + [(0, 1, FAR), (1, 1, FAR), (2, 2, FAR)], "abcd", images=8
    )
    (resampled,) = resample(
        [evaluate(ground_truth, perfect(ground_truth), "voc2007")], resamples=300
    )[0]
    assert resampled.clusters.tolist() == [8, 8, 2, 1, 0]
    assert 0 < np.isnan(resampled.bootstrap[:, 2]).sum() < 100
    overall, (every, two, one, none) = intervals(resampled)
    assert (overall.low, overall.high, every.low, two.low, two.high) == (1, 1, 1, 0, 1)
    assert all(interval.estimate <= 1 for interval in (overall, every, two, one))
    assert one.estimate == pytest.approx(1)
    assert not one.is_defined
    assert math.isnan(none.estimate)
    assert not none.is_defined
    assert np.isnan(p_values(resampled.minus(resampled))).tolist() == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_groups_count_as_one_piece_of_evidence():
    ground_truth = truth([(i, 0, BOX) for i in range(6)], images=6, groups=[4, 4, 9, 9, 9, 1])
    evaluation = evaluate(ground_truth, perfect(ground_truth), "voc2007")
    (resampled,) = resample([evaluation], resamples=5)[0]
    assert resampled.clusters[0] == 3
    assert len(resampled.left_out) == 3


def test_standard_error():
    assert standard_error(made([0.1, 0.3, np.nan], 0.2)) == pytest.approx(np.sqrt(0.02))
    assert math.isnan(standard_error(made([0.1], 0.1)))


def test_what_is_not_allowed():
    with pytest.raises(DetbenchError, match="confidence must lie between 0 and 1, got 95"):
        intervals(made([0.1, 0.2], 0.1), confidence=95)
    with pytest.raises(
        DetbenchError,
        match="no interval method 'basic'; choose one of percentile, expanded, bca, halves",
    ):
        intervals(made([0.1, 0.2], 0.1), method="basic")
