"""Sensitivity ranges against AP of files in which the choice was really made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.metrics.errors.sensitivity import score_cutoffs, sensitivity
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.random_evaluations import random_evaluation
from tests.metrics.scored import detections, scored, truth

BOX = (10, 10, 60, 60)
FAR = (100, 10, 150, 60)


def range_of(evaluation, choice):
    [chosen] = [each for each in sensitivity(evaluation) if each.choice == choice]
    return chosen


def value_of_rows(evaluation, rows):
    """Return AP of some of the detections only."""
    detections = evaluation.detections
    images = np.repeat(np.arange(len(detections.image_ids)), np.diff(detections.offsets))
    columns = {name: getattr(detections, name)[rows] for name in ("class_index", "scores", "boxes")}
    fewer = Detections.from_rows(
        evaluation.ground_truth, image_index=images[rows], name="some", **columns
    )
    return evaluate(evaluation.ground_truth, fewer, evaluation.protocol).average_precision


@pytest.mark.parametrize("protocol", ["voc2012", "coco"])
@pytest.mark.parametrize("seed", range(8))
def test_ties_as_if_the_scores_differed(seed, protocol):
    evaluation = random_evaluation(seed, protocol, ties=True)
    ties, value = range_of(evaluation, "score ties"), evaluation.average_precision
    if value is None:
        assert ties.low is None
        return
    assert ties.low - 1e-12 <= value <= ties.high + 1e-12
    if protocol == "voc2012":
        hits = np.zeros(len(evaluation.detections), np.bool_)
        hits[evaluation.matches.rows[(evaluation.matches.hits[0] & 1) == 1]] = True
        counted = np.zeros(len(hits), np.bool_)
        counted[evaluation.matches.rows[(evaluation.matches.ignored[0] & 1) == 0]] = True
        for end, sign in ((ties.low, -1), (ties.high, 1)):
            assert end == pytest.approx(_area_in_order(evaluation, hits, counted, sign), abs=1e-12)


def _area_in_order(evaluation, hits, counted, sign):
    """Return mean AP with hits before (1) or after (−1) false positives of the same score."""
    detections, values = evaluation.detections, []
    for k, positives in enumerate(evaluation.counts[:, 0, 0, 3]):
        rows = [n for n in np.flatnonzero(counted) if detections.class_index[n] == k]
        rows.sort(key=lambda n: (-detections.scores[n], -sign * hits[n]))
        curve = [(sum(hits[rows[: n + 1]]) / (n + 1), hits[row]) for n, row in enumerate(rows)]
        if positives:
            at_hits = [max(p for p, _ in curve[n:]) for n, (_, hit) in enumerate(curve) if hit]
            values.append(sum(at_hits) / positives)
    return np.mean(values)


def test_one_tie():
    ground_truth = truth([(0, 0, BOX)])
    rows = [(0, 0, 0.5, BOX), (1, 0, 0.5, BOX)]
    evaluation = scored(ground_truth, detections(ground_truth, rows), "voc2012")
    ties = range_of(evaluation, "score ties")
    assert (ties.low, ties.high) == (0.5, 1)
    assert ties.evidence.startswith("2 of 2 ")


@pytest.mark.parametrize("seed", range(4))
def test_cutoffs_are_files_without_lower_scores(seed):
    evaluation = random_evaluation(seed, "coco", ties=True)
    for cutoff, value in score_cutoffs(evaluation, (0.25, 0.5, 2.0)).items():
        kept = np.flatnonzero(evaluation.detections.scores >= cutoff)
        assert value == pytest.approx(value_of_rows(evaluation, kept), abs=1e-12, nan_ok=True)


def test_all_missed_objects_found_below_the_lowest_score():
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX)])
    rows = [(0, 0, 0.5, BOX), (2, 0, 0.4, BOX)]
    evaluation = scored(ground_truth, detections(ground_truth, rows), "voc2012")
    threshold = range_of(evaluation, "score threshold")
    assert (threshold.low, threshold.high) == pytest.approx((0.5, 0.5 + 0.5 * 2 / 3))


def test_limits():
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)])
    rows = [(0, 0, 0.9 - n / 1000, FAR) for n in range(100)]
    rows += [(0, 0, 0.1, BOX), (0, 1, 0.05, BOX)]
    evaluation = scored(ground_truth, detections(ground_truth, rows), "voc2012")
    all_detections = pytest.approx((1 / 101 + 1) / 2)
    per_class = range_of(evaluation, "detections per image and class")
    assert (per_class.low, per_class.high) == (pytest.approx(0.5), all_detections)
    per_image = range_of(evaluation, "detections per image")
    assert (per_image.low, per_image.high) == (pytest.approx(0), all_detections)
    limited = replace(evaluation.protocol, max_detections=(100,))
    limited = scored(ground_truth, evaluation.detections, limited)
    assert range_of(limited, "detections per image and class").high == all_detections


def test_no_objects():
    ground_truth = truth([])
    evaluation = scored(ground_truth, detections(ground_truth, [(0, 0, 0.5, BOX)]))
    ends = [(each.low, each.high) for each in sensitivity(evaluation)]
    assert set(ends) == {(None, None)}


def test_no_detections():
    ground_truth = truth([(0, 0, BOX)])
    evaluation = scored(ground_truth, detections(ground_truth, []), "voc2012")
    assert range_of(evaluation, "score threshold").high == 1
