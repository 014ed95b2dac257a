"""Calibration errors against a plain reference, and on scores that are right or wrong by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.metrics.errors.calibration import (
    calibrated_scale,
    d_ece,
    d_ece_replicates,
    la_ece,
    la_ece_replicates,
    reliability,
)
from detbench.metrics.errors.counted_detections import rank
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, scored, truth
from tests.references.calibration import calibration_error, rows_of

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize(("bins", "least"), [(25, 0.0), (10, 0.3)])
@pytest.mark.parametrize("seed", range(12))
def test_d_ece_as_the_plain_reference(seed, bins, least):
    evaluation = analysed(seed, "voc2007", ties=seed % 2 == 1)
    rows = [row for row in rows_of(*plain(evaluation), 0.5) if row[1] >= least]
    value = d_ece(rank(evaluation), least_score=least, bins=bins)
    assert value == pytest.approx(calibration_error(rows, bins), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(12))
def test_la_ece_as_the_plain_reference(seed):
    evaluation = analysed(seed, ties=seed % 2 == 1)
    rows, thresholds = rows_of(*plain(evaluation), 0.1), np.array([0.0, 0.25, 0.5, 0.1])
    values = la_ece(rank(evaluation, iou=0.1), thresholds)
    for k, value in enumerate(values):
        own = [row for row in rows if row[0] == k and row[1] >= thresholds[k]]
        assert value == pytest.approx(
            calibration_error(own, 25, localisation=True), abs=1e-12, nan_ok=True
        )


def test_scores_that_are_right():
    data = truth([(0, 0, BOX)], images=2)
    ranked = rank(scored(data, detections(data, [(0, 0, 1.0, BOX), (1, 0, 0.0, BOX)])))
    assert d_ece(ranked) == 0
    assert la_ece(ranked, np.zeros(2))[0] == 0


def test_bins_of_the_diagram():
    data = truth([(0, 0, BOX)], images=2)
    diagram = reliability(
        rank(scored(data, detections(data, [(0, 0, 0.9, (10, 10, 60, 50)), (1, 0, 0.9, BOX)]))),
        bins=10,
    )
    assert diagram.counts.tolist() == [0] * 9 + [2]
    assert (diagram.precision[9], diagram.placement[9], diagram.score[9]) == pytest.approx(
        (0.5, 0.4, 0.9)
    )
    assert (diagram.expected_error, diagram.localisation_aware_error) == pytest.approx((0.4, 0.5))


def test_without_detections():
    data = truth([(0, 0, BOX)])
    ranked = rank(scored(data, detections(data, [])))
    assert math.isnan(d_ece(ranked))
    assert np.isnan(la_ece(ranked, np.zeros(2))).all()
    assert calibrated_scale(ranked)


def test_scale():
    data = truth([(0, 0, BOX)])
    assert not calibrated_scale(rank(scored(data, detections(data, [(0, 0, 99.0, BOX)]))))


@pytest.mark.parametrize("seed", range(4))
def test_weights(seed):
    evaluation = analysed(seed)
    ranked = rank(evaluation)
    weights = np.array([np.ones(12), np.arange(12) % 3], np.uint16)
    rows = rows_of(*plain(evaluation), 0.5)
    drawn = [
        row
        for row, image in zip(sorted_rows(ranked, rows), ranked.images, strict=True)
        for _ in range(int(image) % 3)
    ]
    expected = [d_ece(ranked), calibration_error(drawn, 25)]
    assert d_ece_replicates(ranked, weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_weights_of_la_ece(seed):
    evaluation, thresholds = analysed(seed, ties=seed % 2 == 1), np.array([0.0, 0.25, 0.5, 0.1])
    weights = np.array([np.ones(12), np.arange(12) % 3], np.uint16)
    objects, found = plain(evaluation)
    values = la_ece_replicates(rank(evaluation, iou=0.1), thresholds, weights)
    for value, weight in zip(values, weights, strict=True):
        drawn = [
            [(12 * n + row[0], *row[1:]) for row in rows for n in range(weight[row[0]])]
            for rows in (objects, found)
        ]
        rows = rows_of(*drawn, 0.1)
        classes = [
            calibration_error(
                [row for row in rows if row[0] == k and row[1] >= thresholds[k]],
                25,
                localisation=True,
            )
            for k in range(4)
        ]
        known = [each for each in classes if not math.isnan(each)]
        assert value == pytest.approx(sum(known) / len(known), abs=1e-12)


def sorted_rows(ranked, rows):
    """Return the rows in the order of `ranked`; without ties it is that of class and falling score."""
    return sorted(rows, key=lambda row: (row[0], -row[1]))
