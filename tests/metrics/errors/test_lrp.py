"""Optimal LRP against the paper's formulas in plain Python, and on cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.metrics.errors.counted_detections import count_detections
from detbench.metrics.errors.lrp import COMPONENTS, lrp, lrp_replicates
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, perfect, scored, truth
from tests.references.lrp import optimal_lrp

BOX = (10, 10, 60, 60)


def lrp_of(ground_truth, rows):
    return lrp(count_detections(scored(ground_truth, detections(ground_truth, rows))))


@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("iou", [0.5, 0.1])
@pytest.mark.parametrize("seed", range(12))
def test_plain_reference(seed, iou, protocol):
    evaluation = random_evaluation(seed, protocol, ties=seed % 2 == 1)
    result = lrp(count_detections(evaluation, iou=iou))
    columns = [getattr(result, name) for name in (*COMPONENTS, "threshold")]
    for k, row in enumerate(np.column_stack(columns)):
        expected = optimal_lrp(*plain_rows(evaluation), k, iou) or (math.nan,) * 5
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-12)


def test_by_hand():
    rows = [(0, 0, 0.9, (10, 10, 60, 50)), (2, 0, 0.8, BOX)]
    result = lrp_of(truth([(0, 0, BOX), (1, 0, BOX)]), rows)
    assert result.error[0] == pytest.approx((0.2 / 0.5 + 0 + 1) / 2)
    parts = result.localization[0], result.false_positives[0], result.false_negatives[0]
    assert parts == pytest.approx((0.2, 0, 0.5))
    assert result.threshold[0] == 0.9
    assert np.isnan(result.error[1])


def test_perfect_detections_have_no_error():
    ground_truth = truth([(0, 0, BOX), (1, 1, (5, 5, 25, 25))])
    means = lrp(count_detections(scored(ground_truth, perfect(ground_truth)))).means
    assert means == dict.fromkeys(COMPONENTS, 0)


def test_nothing_found_is_error_1_without_a_threshold():
    result = lrp_of(truth([(0, 0, BOX)]), [(1, 0, 0.9, BOX)])
    assert (result.error[0], result.false_negatives[0]) == (1, 1)
    assert result.threshold[0] == math.inf
    assert np.isnan(result.localization[0])


def test_no_objects():
    means = lrp_of(truth([]), [(0, 0, 0.5, BOX)]).means
    assert all(math.isnan(mean) for mean in means.values())


@pytest.mark.parametrize("seed", range(6))
def test_weights_of_1_change_nothing_and_0_leaves_out(seed):
    evaluation = random_evaluation(seed)
    counted = count_detections(evaluation)
    kept = np.arange(12) % 3 != 0
    images = np.flatnonzero(kept)
    subset = evaluation.ground_truth.select_images(images)
    alone = scored(subset, evaluation.detections.select_images(subset, images), "coco")
    values = lrp_replicates(counted, np.array([np.ones(12), kept], np.uint16))
    results = lrp(counted), lrp(count_detections(alone))
    for result, components in zip(results, np.moveaxis(values, 1, 0), strict=True):
        for name, column in zip(COMPONENTS, components, strict=True):
            np.testing.assert_allclose(column, getattr(result, name), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_repeated_images(seed):
    evaluation, weights = random_evaluation(seed, ties=seed % 2 == 1), np.arange(12) % 3
    repeated = [
        [(12 * copy + row[0], *row[1:]) for row in rows for copy in range(weights[row[0]])]
        for rows in plain_rows(evaluation)
    ]
    counted = count_detections(evaluation)
    values = lrp_replicates(counted, weights[None].astype(np.uint16))[:, 0]
    for k in range(values.shape[1]):
        expected = optimal_lrp(*repeated, k) or (math.nan,) * 5
        np.testing.assert_allclose(values[:, k], expected[:4], rtol=0, atol=1e-12)
