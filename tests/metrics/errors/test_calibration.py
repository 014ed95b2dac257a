"""Calibration errors against a plain reference, and on scores right or wrong by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.metrics.errors.calibration import (
    d_ece,
    d_ece_replicates,
    has_unit_scores,
    la_ece,
    la_ece_replicates,
    reliability,
)
from detbench.metrics.errors.counted_detections import count_detections
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, scored, truth
from tests.references.calibration import calibration_error, rows_of

BOX = (10, 10, 60, 60)
THRESHOLDS = np.array([0.0, 0.25, 0.5, 0.1])
"""One for each class."""


@pytest.mark.parametrize(("bins", "min_score"), [(25, 0.0), (10, 0.3)])
@pytest.mark.parametrize("seed", range(12))
def test_d_ece_as_the_plain_reference(seed, bins, min_score):
    evaluation = random_evaluation(seed, "voc2007", ties=seed % 2 == 1)
    rows = [row for row in rows_of(*plain_rows(evaluation), 0.5) if row[1] >= min_score]
    value = d_ece(count_detections(evaluation), min_score=min_score, bins=bins)
    assert value == pytest.approx(calibration_error(rows, bins), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(12))
def test_la_ece_as_the_plain_reference(seed):
    evaluation = random_evaluation(seed, ties=seed % 2 == 1)
    rows = rows_of(*plain_rows(evaluation), 0.1)
    values = la_ece(count_detections(evaluation, iou=0.1), THRESHOLDS)
    assert values.tolist() == pytest.approx(la_ece_reference(rows), abs=1e-12, nan_ok=True)


def la_ece_reference(rows):
    """Return LaECE of each class above `THRESHOLDS`."""
    return [
        calibration_error(
            [row for row in rows if row[0] == k and row[1] >= threshold], 25, localization=True
        )
        for k, threshold in enumerate(THRESHOLDS)
    ]


def test_scores_that_are_right():
    ground_truth = truth([(0, 0, BOX)], images=2)
    rows = [(0, 0, 1.0, BOX), (1, 0, 0.0, BOX)]
    counted = count_detections(scored(ground_truth, detections(ground_truth, rows)))
    assert d_ece(counted) == 0
    assert la_ece(counted, np.zeros(2))[0] == 0


def test_bins_of_the_diagram():
    ground_truth = truth([(0, 0, BOX)], images=2)
    rows = [(0, 0, 0.9, (10, 10, 60, 50)), (1, 0, 0.9, BOX)]
    counted = count_detections(scored(ground_truth, detections(ground_truth, rows)))
    diagram = reliability(counted, bins=10)
    assert diagram.counts.tolist() == [0] * 9 + [2]
    last = diagram.precision[9], diagram.localized_precision[9], diagram.score[9]
    assert last == pytest.approx((0.5, 0.4, 0.9))
    errors = diagram.expected_error, diagram.localization_aware_error
    assert errors == pytest.approx((0.4, 0.5))


def test_without_detections():
    ground_truth = truth([(0, 0, BOX)])
    counted = count_detections(scored(ground_truth, detections(ground_truth, [])))
    assert math.isnan(d_ece(counted))
    assert np.isnan(la_ece(counted, np.zeros(2))).all()
    assert has_unit_scores(counted)


def test_scores_above_1():
    ground_truth = truth([(0, 0, BOX)])
    evaluation = scored(ground_truth, detections(ground_truth, [(0, 0, 99.0, BOX)]))
    assert not has_unit_scores(count_detections(evaluation))


@pytest.mark.parametrize("seed", range(4))
def test_weights_of_d_ece(seed):
    evaluation = random_evaluation(seed)
    counted = count_detections(evaluation)
    weights = np.array([np.ones(12), np.arange(12) % 3], np.uint16)
    # Without ties, counted detections are in the order of class and falling score.
    rows = sorted(rows_of(*plain_rows(evaluation), 0.5), key=lambda row: (row[0], -row[1]))
    repeated = [
        row for row, image in zip(rows, counted.images, strict=True) for _ in range(int(image) % 3)
    ]
    expected = [d_ece(counted), calibration_error(repeated, 25)]
    assert d_ece_replicates(counted, weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_weights_of_la_ece(seed):
    evaluation = random_evaluation(seed, ties=seed % 2 == 1)
    weights = np.array([np.ones(12), np.arange(12) % 3], np.uint16)
    counted = count_detections(evaluation, iou=0.1)
    values = la_ece_replicates(counted, THRESHOLDS, weights)
    for value, weight in zip(values, weights, strict=True):
        repeated = [
            [(12 * n + row[0], *row[1:]) for row in rows for n in range(weight[row[0]])]
            for rows in plain_rows(evaluation)
        ]
        errors = la_ece_reference(rows_of(*repeated, 0.1))
        present = [error for error in errors if not math.isnan(error)]
        assert value == pytest.approx(sum(present) / len(present), abs=1e-12)
