"""TIDE against a plain reference, against golden numbers of tidecv 1.0.1, and on cases whose errors are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.tide import ERRORS, SPECIAL, tide, tide_replicates
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.clusters import image_draws
from detbench.metrics.uncertainty.drawn import stacked
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, perfect, scored, truth
from tests.metrics.uncertainty.test_weighted_scores import repeated
from tests.references import tide as reference

GOLDEN = Path(__file__).parents[2] / "golden" / "tide.json"
BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("as_tidecv", [False, True])
@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(25))
def test_plain_reference(seed, protocol, as_tidecv):
    evaluation = analysed(seed, protocol, images=4 if seed % 3 else 12, ties=seed % 2 == 1)
    result = tide(evaluation, as_tidecv=as_tidecv)
    base, gains, counts = reference.tide(*plain(evaluation), as_tidecv=as_tidecv)
    assert result.base == pytest.approx(base, abs=1e-12)
    assert result.costs == pytest.approx(gains, abs=1e-12)
    assert result.counts == counts


@pytest.mark.parametrize("levels", [(0.75, 0.1), (0.5, 0.3)])
def test_other_thresholds(levels):
    evaluation = analysed(3)
    result = tide(evaluation, iou=levels[0], background=levels[1])
    base, gains, counts = reference.tide(*plain(evaluation), *levels)
    assert (result.base, result.costs, result.counts) == (
        pytest.approx(base),
        pytest.approx(gains),
        counts,
    )


@pytest.mark.parametrize(
    "case", json.loads(GOLDEN.read_text())["cases"], ids=lambda case: f"seed{case['seed']}"
)
def test_golden_numbers_of_tidecv(case):
    result = tide(analysed(case["seed"], images=case["images"]), as_tidecv=True)
    assert result.base * 100 == pytest.approx(case["base"], abs=1e-6)
    assert {name: cost * 100 for name, cost in result.costs.items()} == pytest.approx(
        case["costs"], abs=1e-6
    )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("Cls", [(0, 1, 0.9, BOX)]),
        ("Loc", [(0, 0, 0.9, (10, 10, 30, 60))]),
        ("Both", [(0, 1, 0.9, (10, 10, 30, 60))]),
        ("Dupe", [(0, 0, 0.9, BOX), (0, 0, 0.8, BOX)]),
        ("Bkg", [(0, 0, 0.9, (100, 10, 150, 60))]),
        ("Miss", []),
    ],
)
def test_one_error_of_each_kind(kind, found):
    data = truth([(0, 0, BOX)])
    counts = tide(scored(data, detections(data, found))).counts
    expected = {kind: 1} if kind in ("Cls", "Loc", "Dupe", "Miss") else {kind: 1, "Miss": 1}
    assert {name: count for name, count in counts.items() if count} == expected


def test_perfect_detections_cost_nothing():
    data = truth([(0, 0, BOX), (1, 1, (5, 5, 25, 25))])
    result = tide(scored(data, perfect(data)))
    assert result.base == 1
    assert set(result.costs.values()) == {0}


@pytest.mark.parametrize("as_tidecv", [False, True])
@pytest.mark.parametrize(
    ("rows", "found"), [([], []), ([(0, 0, BOX)], []), ([], [(0, 0, 0.5, BOX)])]
)
def test_empty_on_either_side(rows, found, as_tidecv):
    data = truth(rows)
    result = tide(scored(data, detections(data, found)), as_tidecv=as_tidecv)
    assert result.base == 0 if rows else math.isnan(result.base)
    assert all(math.isnan(cost) for cost in result.costs.values()) == (not rows)
    assert result.counts["Miss"] == len(rows)
    assert result.counts["Bkg"] == len(found)


def test_classes_without_objects_count_for_tidecv_only():
    data = truth([(0, 0, BOX)])
    evaluation = scored(data, detections(data, [(0, 1, 0.9, (100, 10, 150, 60)), (0, 0, 0.8, BOX)]))
    ours, theirs = tide(evaluation), tide(evaluation, as_tidecv=True)
    assert (ours.base, ours.classes, ours.costs["Bkg"]) == (1, 1, 0)
    assert (theirs.base, theirs.classes, theirs.costs["Bkg"]) == (0.5, 2, 0.5)
    assert "1 class with objects" in ours.rule
    assert "(0 without objects)" in theirs.rule


def test_tidecv_looks_at_100_detections_over_all_classes():
    data = truth([(0, 0, BOX)])
    wrong = [(0, 1, 0.9, (100, 10, 150, 60))] * 100
    evaluation = scored(data, detections(data, [*wrong, (0, 0, 0.8, BOX)]))
    assert tide(evaluation, as_tidecv=True).base == 0
    assert tide(evaluation).base == 1


def test_a_class_without_objects_in_a_replicate_is_left_out_of_it():
    data = truth([(0, 0, BOX), (1, 1, BOX)], images=2)
    evaluation = scored(
        data, detections(data, [(0, 0, 0.9, BOX), (0, 1, 0.8, BOX), (1, 0, 0.7, BOX)])
    )
    weights = np.array([[1, 1], [2, 0], [0, 2]], np.uint16)
    assert tide_replicates(evaluation, weights)["base"].tolist() == [0.5, 1, 0]


def test_replicates_are_the_costs_of_the_drawn_dataset():
    evaluation = analysed(8, ties=False)
    data, found = evaluation.ground_truth, evaluation.detections
    columns = tide_replicates(evaluation, stacked(image_draws(12, 5), 3))
    for b in range(3):
        weights = image_draws(12, 5)(b)
        objects = {
            "image_index": np.repeat(np.arange(12), np.diff(data.offsets)),
            "class_index": data.class_index,
            "boxes": data.boxes,
        }
        rows = {
            "image_index": np.repeat(np.arange(12), np.diff(found.offsets)),
            "class_index": found.class_index,
            "boxes": found.boxes,
        }
        copies = repeated(objects | {"iscrowd": data.iscrowd}, weights)
        drawn = GroundTruth.from_rows(
            image_ids=map(str, range(weights.sum())), class_names=data.class_names, **copies
        )
        again = Detections.from_rows(drawn, **repeated(rows | {"scores": found.scores}, weights))
        expected = tide(evaluate(drawn, again, "coco"))
        assert columns["base"][b] == pytest.approx(expected.base, abs=1e-12)
        for name in (*ERRORS, *SPECIAL):
            assert max(columns[name][b], 0 if name in ERRORS else -1) == pytest.approx(
                expected.costs[name], abs=1e-12
            )
