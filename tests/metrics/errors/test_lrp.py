"""Optimal LRP against the paper's formulas in plain Python, and on cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.metrics.errors.counted_detections import rank
from detbench.metrics.errors.lrp import PARTS, lrp, lrp_replicates
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, perfect, scored, truth
from tests.references.lrp import optimal_lrp

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("iou", [0.5, 0.1])
@pytest.mark.parametrize("seed", range(12))
def test_plain_reference(seed, iou, protocol):
    evaluation = analysed(seed, protocol, ties=seed % 2 == 1)
    found = lrp(rank(evaluation, iou=iou))
    rows = np.column_stack(
        [
            found.error,
            found.localisation,
            found.false_positives,
            found.false_negatives,
            found.threshold,
        ]
    )
    for k, row in enumerate(rows):
        expected = optimal_lrp(*plain(evaluation), k, iou) or (math.nan,) * 5
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-12)


def test_by_hand():
    data = truth([(0, 0, BOX), (1, 0, BOX)])
    found = lrp(
        rank(scored(data, detections(data, [(0, 0, 0.9, (10, 10, 60, 50)), (2, 0, 0.8, BOX)])))
    )
    assert found.error[0] == pytest.approx((0.2 / 0.5 + 0 + 1) / 2)
    assert (
        found.localisation[0],
        found.false_positives[0],
        found.false_negatives[0],
    ) == pytest.approx((0.2, 0, 0.5))
    assert found.threshold[0] == 0.9
    assert np.isnan(found.error[1])


def test_perfect_detections_have_no_error():
    data = truth([(0, 0, BOX), (1, 1, (5, 5, 25, 25))])
    assert lrp(rank(scored(data, perfect(data)))).means == {
        "error": 0,
        "localisation": 0,
        "false_positives": 0,
        "false_negatives": 0,
    }


def test_nothing_found_is_error_1_without_a_threshold():
    data = truth([(0, 0, BOX)])
    found = lrp(rank(scored(data, detections(data, [(1, 0, 0.9, BOX)]))))
    assert (found.error[0], found.false_negatives[0], found.threshold[0]) == (1, 1, math.inf)
    assert np.isnan(found.localisation[0])


def test_nothing_to_find():
    data = truth([])
    assert all(
        math.isnan(mean)
        for mean in lrp(rank(scored(data, detections(data, [(0, 0, 0.5, BOX)])))).means.values()
    )


@pytest.mark.parametrize("seed", range(6))
def test_weights_of_1_change_nothing_and_0_leaves_out(seed):
    evaluation = analysed(seed)
    ranked = rank(evaluation)
    part = np.arange(12) % 3 != 0
    kept = np.flatnonzero(part)
    truth_part = evaluation.ground_truth.select_images(kept)
    again = rank(scored(truth_part, evaluation.detections.select_images(truth_part, kept), "coco"))
    values = lrp_replicates(ranked, np.array([np.ones(12), part], np.uint16))
    for found, drawn in zip((lrp(ranked), lrp(again)), np.moveaxis(values, 1, 0), strict=True):
        for name, column in zip(PARTS, drawn, strict=True):
            np.testing.assert_allclose(column, getattr(found, name), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_repeated_images(seed):
    evaluation, weights = analysed(seed, ties=seed % 2 == 1), np.arange(12) % 3
    objects, found = plain(evaluation)

    def drawn(rows):
        return [(12 * copy + row[0], *row[1:]) for row in rows for copy in range(weights[row[0]])]

    values = lrp_replicates(rank(evaluation), weights[None].astype(np.uint16))[:, 0]
    for k in range(values.shape[1]):
        expected = optimal_lrp(drawn(objects), drawn(found), k) or (math.nan,) * 5
        np.testing.assert_allclose(values[:, k], expected[:4], rtol=0, atol=1e-12)
