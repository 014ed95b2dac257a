"""TIDE against a plain reference, against golden numbers of tidecv 1.0.1, and on known errors."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.tide import MAIN_ERRORS, SPECIAL_ERRORS, tide
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.clusters import resample_images, stack_weights
from tests.metrics.random_cases import repeat
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, perfect, scored, truth
from tests.references import tide as reference

GOLDEN = Path(__file__).parents[2] / "golden" / "tide.json"
BOX = (10, 10, 60, 60)
FAR = (100, 10, 150, 60)


def evaluation_of(ground_truth, rows):
    return scored(ground_truth, detections(ground_truth, rows))


@pytest.mark.parametrize("as_tidecv", [False, True])
@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(25))
def test_plain_reference(seed, protocol, as_tidecv):
    evaluation = random_evaluation(seed, protocol, images=4 if seed % 3 else 12, ties=seed % 2 == 1)
    result = tide(evaluation, as_tidecv=as_tidecv)
    base, gains, counts = reference.tide(*plain_rows(evaluation), as_tidecv=as_tidecv)
    assert result.base == pytest.approx(base, abs=1e-12)
    assert result.costs == pytest.approx(gains, abs=1e-12)
    assert result.counts == counts


@pytest.mark.parametrize(("iou", "background"), [(0.75, 0.1), (0.5, 0.3)])
def test_other_thresholds(iou, background):
    evaluation = random_evaluation(3)
    result = tide(evaluation, iou=iou, background=background)
    base, gains, counts = reference.tide(*plain_rows(evaluation), iou, background)
    assert result.base == pytest.approx(base)
    assert result.costs == pytest.approx(gains)
    assert result.counts == counts


@pytest.mark.parametrize(
    "case", json.loads(GOLDEN.read_text())["cases"], ids=lambda case: f"seed{case['seed']}"
)
def test_golden_numbers_of_tidecv(case):
    result = tide(random_evaluation(case["seed"], images=case["images"]), as_tidecv=True)
    assert result.base * 100 == pytest.approx(case["base"], abs=1e-6)
    points = {name: cost * 100 for name, cost in result.costs.items()}
    assert points == pytest.approx(case["costs"], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("Cls", [(0, 1, 0.9, BOX)]),
        ("Loc", [(0, 0, 0.9, (10, 10, 30, 60))]),
        ("Both", [(0, 1, 0.9, (10, 10, 30, 60))]),
        ("Dupe", [(0, 0, 0.9, BOX), (0, 0, 0.8, BOX)]),
        ("Bkg", [(0, 0, 0.9, FAR)]),
        ("Miss", []),
    ],
)
def test_one_error_of_each_kind(kind, rows):
    counts = tide(evaluation_of(truth([(0, 0, BOX)]), rows)).counts
    expected = {kind: 1} if kind in ("Cls", "Loc", "Dupe", "Miss") else {kind: 1, "Miss": 1}
    assert {name: count for name, count in counts.items() if count} == expected


def test_perfect_detections_cost_nothing():
    ground_truth = truth([(0, 0, BOX), (1, 1, (5, 5, 25, 25))])
    result = tide(scored(ground_truth, perfect(ground_truth)))
    assert result.base == 1
    assert set(result.costs.values()) == {0}


@pytest.mark.parametrize("as_tidecv", [False, True])
@pytest.mark.parametrize(
    ("objects", "rows"), [([], []), ([(0, 0, BOX)], []), ([], [(0, 0, 0.5, BOX)])]
)
def test_empty_on_either_side(objects, rows, as_tidecv):
    result = tide(evaluation_of(truth(objects), rows), as_tidecv=as_tidecv)
    assert result.base == 0 if objects else math.isnan(result.base)
    assert all(math.isnan(cost) for cost in result.costs.values()) == (not objects)
    assert result.counts["Miss"] == len(objects)
    assert result.counts["Bkg"] == len(rows)


def test_classes_without_objects_count_for_tidecv_only():
    evaluation = evaluation_of(truth([(0, 0, BOX)]), [(0, 1, 0.9, FAR), (0, 0, 0.8, BOX)])
    ours, theirs = tide(evaluation), tide(evaluation, as_tidecv=True)
    assert (ours.base, ours.classes, ours.costs["Bkg"]) == (1, 1, 0)
    assert (theirs.base, theirs.classes, theirs.costs["Bkg"]) == (0.5, 2, 0.5)
    assert "1 class with objects" in ours.base_rule
    assert "(0 without objects)" in theirs.base_rule


def test_tidecv_evaluates_100_detections_over_all_classes():
    rows = [(0, 1, 0.9, FAR)] * 100 + [(0, 0, 0.8, BOX)]
    evaluation = evaluation_of(truth([(0, 0, BOX)]), rows)
    assert tide(evaluation, as_tidecv=True).base == 0
    assert tide(evaluation).base == 1


def test_a_class_without_objects_in_a_replicate_is_left_out_of_it():
    ground_truth = truth([(0, 0, BOX), (1, 1, BOX)], images=2)
    rows = [(0, 0, 0.9, BOX), (0, 1, 0.8, BOX), (1, 0, 0.7, BOX)]
    weights = np.array([[1, 1], [2, 0], [0, 2]], np.uint16)
    result = tide(evaluation_of(ground_truth, rows), weights=weights)
    assert result.replicates["base"].tolist() == [0.5, 1, 0]


def test_replicates_are_the_costs_of_the_resampled_dataset():
    evaluation = random_evaluation(8, ties=False)
    ground_truth = evaluation.ground_truth
    objects = columns_of(ground_truth) | {"iscrowd": ground_truth.iscrowd}
    rows = columns_of(evaluation.detections) | {"scores": evaluation.detections.scores}
    weights = stack_weights(resample_images(12, 5), 3)
    replicates = tide(evaluation, weights=weights).replicates
    for b in range(3):
        resampled = GroundTruth.from_rows(
            image_ids=map(str, range(weights[b].sum())),
            class_names=ground_truth.class_names,
            **repeat(objects, weights[b]),
        )
        again = Detections.from_rows(resampled, **repeat(rows, weights[b]))
        expected = tide(evaluate(resampled, again, "coco"))
        assert replicates["base"][b] == pytest.approx(expected.base, abs=1e-12)
        for name in MAIN_ERRORS:  # only the cost itself is never below 0
            gain = max(replicates[name][b], 0)
            assert gain == pytest.approx(expected.costs[name], abs=1e-12)
        for name in SPECIAL_ERRORS:
            assert replicates[name][b] == pytest.approx(expected.costs[name], abs=1e-12)


def columns_of(boxes):
    """Return image, class and box of ground truth or detections, row by row."""
    images = np.repeat(np.arange(len(boxes.image_ids)), np.diff(boxes.offsets))
    return {"image_index": images, "class_index": boxes.class_index, "boxes": boxes.boxes}
