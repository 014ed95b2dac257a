"""Bands against AP of files in which the choice was really made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.metrics.errors.sensitivity import bands, cut_values
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.analysed import analysed
from tests.metrics.scored import detections, scored, truth

BOX = (10, 10, 60, 60)
FAR = (100, 10, 150, 60)


def band(evaluation, name):
    [found] = [each for each in bands(evaluation) if each.name == name]
    return found


def kept(evaluation, rows):
    """Score some of the detections only."""
    found = evaluation.detections
    image = np.repeat(np.arange(len(found.image_ids)), np.diff(found.offsets))
    columns = {name: getattr(found, name)[rows] for name in ("class_index", "scores", "boxes")}
    fewer = Detections.from_rows(
        evaluation.ground_truth, image_index=image[rows], name="some", **columns
    )
    return evaluate(evaluation.ground_truth, fewer, evaluation.protocol).average_precision


@pytest.mark.parametrize("protocol", ["voc2012", "coco"])
@pytest.mark.parametrize("seed", range(8))
def test_ties_are_those_of_scores_pulled_apart(seed, protocol):
    evaluation = analysed(seed, protocol, ties=True)
    found = band(evaluation, "score ties")
    low, value, high = found.low, evaluation.average_precision, found.high
    if value is None:
        assert low is None
        return
    assert low - 1e-12 <= value <= high + 1e-12
    if protocol == "voc2012":
        hits = np.zeros(len(evaluation.detections), np.bool_)
        hits[evaluation.matches.rows[(evaluation.matches.hits[0] & 1) == 1]] = True
        counted = np.zeros(len(hits), np.bool_)
        counted[evaluation.matches.rows[(evaluation.matches.ignored[0] & 1) == 0]] = True
        for end, sign in ((low, -1), (high, 1)):
            assert end == pytest.approx(_area_in_order(evaluation, hits, counted, sign), abs=1e-12)


def _area_in_order(evaluation, hits, counted, sign):
    """Mean area under the interpolated curve with hits before (1) or after (−1) what else has their score."""
    found, values = evaluation.detections, []
    for k, positives in enumerate(evaluation.counts[:, 0, 0, 3]):
        rows = [n for n in range(len(found)) if found.class_index[n] == k and counted[n]]
        rows.sort(key=lambda n: (-found.scores[n], -sign * hits[n]))
        curve = [(sum(hits[rows[: n + 1]]) / (n + 1), hits[row]) for n, row in enumerate(rows)]
        if positives:
            values.append(
                sum(max(p for p, _ in curve[n:]) for n, (_, hit) in enumerate(curve) if hit)
                / positives
            )
    return np.mean(values)


def test_one_tie():
    data = truth([(0, 0, BOX)])
    found = band(
        scored(data, detections(data, [(0, 0, 0.5, BOX), (1, 0, 0.5, BOX)]), "voc2012"),
        "score ties",
    )
    assert (found.low, found.high) == (0.5, 1)
    assert found.evidence.startswith("2 of 2 ")


@pytest.mark.parametrize("seed", range(4))
def test_cuts_are_files_without_lower_scores(seed):
    evaluation = analysed(seed, "coco", ties=True)
    for cut, value in cut_values(evaluation, (0.25, 0.5, 2.0)).items():
        assert value == pytest.approx(
            kept(evaluation, np.flatnonzero(evaluation.detections.scores >= cut)),
            abs=1e-12,
            nan_ok=True,
        )


def test_everything_missing_found_in_the_end():
    data = truth([(0, 0, BOX), (1, 0, BOX)])
    found = band(
        scored(data, detections(data, [(0, 0, 0.5, BOX), (2, 0, 0.4, BOX)]), "voc2012"),
        "score threshold",
    )
    assert (found.low, found.high) == pytest.approx((0.5, 0.5 + 0.5 * 2 / 3))


def test_limits():
    data = truth([(0, 0, BOX), (0, 1, BOX)])
    rows = [(0, 0, 0.9 - n / 1000, FAR) for n in range(100)] + [(0, 0, 0.1, BOX), (0, 1, 0.05, BOX)]
    evaluation = scored(data, detections(data, rows), "voc2012")
    by_class, by_image = (
        band(evaluation, name)
        for name in ("detections per image and class", "detections per image")
    )
    assert (by_class.low, by_class.high) == pytest.approx((0.5, (1 / 101 + 1) / 2))
    assert (by_image.low, by_image.high) == pytest.approx((0, (1 / 101 + 1) / 2))
    coco = scored(data, detections(data, rows), replace(evaluation.protocol, max_detections=(100,)))
    assert band(coco, "detections per image and class").high == pytest.approx((1 / 101 + 1) / 2)


def test_nothing_to_find():
    data = truth([])
    assert all(
        each.low is None and each.high is None
        for each in bands(scored(data, detections(data, [(0, 0, 0.5, BOX)])))
    )


def test_no_detections():
    data = truth([(0, 0, BOX)])
    assert band(scored(data, detections(data, []), "voc2012"), "score threshold").high == 1
