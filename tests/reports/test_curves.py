"""Curves over recall and score, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.reports.curves import envelope, interpolated, thinned, threshold_curve
from tests.metrics.scored import detections, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def plain_curve(evaluation, names, iou=0.5):
    """Precision, recall and F1 of the detections from each score on, counted again for each."""
    rows, positives = [], 0
    for name in names:
        precision, recall, score = evaluation.curve(name, iou)
        count = int(evaluation.per_class().loc[name, "ground_truths"])
        positives += count
        hits = np.round(recall * max(count, 1)).astype(int)
        rows += [
            (s, h) for s, h in zip(score.tolist(), np.diff(hits, prepend=0).tolist(), strict=True)
        ]
        assert len(precision) == len(score)
    result = []
    for threshold in sorted({score for score, _ in rows}, reverse=True):
        kept = [hit for score, hit in rows if score >= threshold]
        precision, recall = sum(kept) / len(kept), sum(kept) / positives
        f1 = 2 * precision * recall / (precision + recall) if sum(kept) else 0.0
        result.append((threshold, precision, recall, f1))
    return result


@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
@pytest.mark.parametrize("seed", range(4))
def test_precision_recall_and_f1_over_the_score(protocol, seed):
    ground_truth, finder = random_pair(seed, boxes=90)
    evaluation = scored(ground_truth, finder, protocol)
    names = list(ground_truth.class_names)
    for classes in ([0], [1], [2], [0, 1, 2]):
        curve = threshold_curve(evaluation, np.array(classes), 0.5)
        expected = plain_curve(evaluation, [names[k] for k in classes])
        actual = list(zip(curve.score, curve.precision, curve.recall, curve.f1, strict=True))
        assert np.allclose(actual, expected, rtol=0, atol=1e-12)
        best = max(range(len(expected)), key=lambda n: (expected[n][3], expected[n][0]))
        assert curve.best() is not None
        assert curve.f1[curve.best()] == pytest.approx(expected[best][3], abs=1e-12)


def test_detections_of_equal_score_are_kept_together():
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX)])
    rows = [(0, 0, 0.9, BOX), (1, 0, 0.5, BOX), (2, 0, 0.5, BOX), (3, 0, 0.1, BOX)]
    curve = threshold_curve(
        scored(ground_truth, detections(ground_truth, rows)), np.array([0]), 0.5
    )
    assert curve.score.tolist() == [0.9, 0.5, 0.1]
    assert curve.precision.tolist() == [1, 2 / 3, 1 / 2]
    assert curve.recall.tolist() == [0.5, 1, 1]
    assert curve.f1.tolist() == [2 / 3, 4 / 5, 4 / 6]
    assert curve.best() == 1


def test_of_equally_good_thresholds_the_highest_is_best():
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX), (2, 0, BOX)])
    rows = [
        (0, 0, 0.9, BOX),
        (3, 0, 0.8, BOX),
        (1, 0, 0.7, BOX),
        (3, 0, 0.6, BOX),
        (3, 0, 0.5, BOX),
        (2, 0, 0.4, BOX),
    ]
    curve = threshold_curve(
        scored(ground_truth, detections(ground_truth, rows)), np.array([0]), 0.5
    )
    ties = np.flatnonzero(curve.f1 == curve.f1.max())
    assert len(ties) == 2
    assert curve.best() == ties[0]


def test_without_objects_or_detections_the_curve_is_empty():
    ground_truth = truth([(0, 0, BOX)])
    for rows in ([], [(0, 1, 0.9, BOX)]):
        evaluation = scored(ground_truth, detections(ground_truth, rows))
        for classes in ([0], [1], [0, 1]):
            curve = threshold_curve(evaluation, np.array(classes), 0.5)
            assert (len(curve.score), curve.best()) == (0, None)
            assert curve.thinned(4) is curve


@given(st.integers(0, 1000), st.integers(4, 40))
def test_thinned_thresholds_are_measured_ones_with_first_last_and_best(seed, points):
    rng = np.random.default_rng(seed)
    ground_truth = truth([(n, 0, BOX) for n in range(40)], images=80)
    rows = [
        (int(n), 0, score, BOX)
        for n, score in zip(rng.integers(0, 80, 200), rng.beta(0.4, 1, 200), strict=True)
    ]
    curve = threshold_curve(
        scored(ground_truth, detections(ground_truth, rows)), np.array([0]), 0.5
    )
    thin = curve.thinned(points)
    assert len(thin.score) <= points + 1
    assert (np.diff(thin.score) < 0).all()
    measured = set(zip(curve.score, curve.precision, curve.recall, curve.f1, strict=True))
    assert set(zip(thin.score, thin.precision, thin.recall, thin.f1, strict=True)) <= measured
    assert (thin.score[0], thin.score[-1], thin.f1.max()) == (
        curve.score[0],
        curve.score[-1],
        curve.f1.max(),
    )


def random_curve(seed, length):
    rng = np.random.default_rng(seed)
    hits = np.cumsum(rng.random(length) < np.linspace(0.95, 0.05, length))
    return hits / np.arange(1, length + 1), hits / (hits[-1] + 5)


def height(recall, precision, at):
    """The best precision at a recall or above it, 0 above the last."""
    return max((p for r, p in zip(recall, precision, strict=True) if r >= at), default=0.0)


@pytest.mark.parametrize("points", [4, 5, 16, 100, 400, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_thinning_keeps_the_ends_and_no_more_points_than_wanted(seed, points):
    precision, recall = random_curve(seed, 3000)
    kept = thinned(recall, precision, points)
    assert len(kept) <= points
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(recall) - 1)


@pytest.mark.parametrize("seed", range(5))
def test_with_points_for_all_corners_the_interpolated_curve_is_exact(seed):
    precision, recall = random_curve(seed, 400)
    best = envelope(precision)
    corners = int((best[:-1] > best[1:]).sum())
    kept = thinned(recall, precision, corners + 2)
    assert len(kept) < len(recall)
    corners_all, levels_all = interpolated(recall, precision)
    corners_kept, levels_kept = interpolated(recall[kept], precision[kept])
    for at in np.linspace(0.001, recall[-1], 300):
        full = levels_all[np.searchsorted(corners_all, at)]
        assert (
            levels_kept[np.searchsorted(corners_kept, at)] == full == height(recall, precision, at)
        )


@pytest.mark.parametrize("points", [16, 40, 100])
@pytest.mark.parametrize("seed", range(3))
def test_with_fewer_points_little_area_is_lost(seed, points):
    """N equal steps of a straight fall through the unit square lose an area of 1 / 2n.

    That is n triangles, each half of a square of side 1 / n.
    """
    precision, recall = random_curve(seed, 20_000)
    kept = thinned(recall, precision, points)
    grid = np.linspace(0, recall[-1], 500)[1:]
    best = envelope(precision)
    full = best[np.searchsorted(recall, grid)]
    few = envelope(precision[kept])[np.searchsorted(recall[kept], grid)]
    lost = np.abs(full - few).mean()
    assert 0 < lost < 0.5 / points


def test_the_remaining_points_show_the_measured_curve():
    """Hits, then many false positives, then hits again: the lowest precision is kept."""
    hits = np.array([1] * 50 + [0] * 50 + [1] * 400)
    n_hits = np.cumsum(hits)
    precision, recall = n_hits / np.arange(1, 501), n_hits / 500
    kept = thinned(recall, precision, 20)
    assert precision[kept].min() == precision.min() == 0.5
    assert len(kept) < 21


def test_the_interpolated_precision_of_a_point():
    assert envelope(np.array([1, 0.5, 2 / 3, 0.25])).tolist() == [1, 2 / 3, 2 / 3, 0.25]


def test_false_positives_after_the_last_hit_take_no_points_from_the_curve():
    """After the last hit, precision falls at the same recall: one corner, not thousands."""
    hits = np.array([1, 1, 0] * 60 + [0] * 5000)
    n_hits = np.cumsum(hits)
    precision, recall = n_hits / np.arange(1, len(hits) + 1), n_hits / n_hits[-1]
    kept = thinned(recall, precision, 130)
    for at in np.linspace(0.001, 1, 200):
        assert height(recall[kept], precision[kept], at) == height(recall, precision, at)
