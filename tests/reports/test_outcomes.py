"""Outcomes of detections and objects, against plain loops and pycocotools' own matches."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench.reports.outcomes import OUTCOMES, outcomes
from tests.metrics.scored import random_pair, scored


def overlap(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (area - width * height)


def rows_of(columns, image):
    return range(columns.offsets[image], columns.offsets[image + 1])


def plain_voc_outcomes(evaluation, thresholds):
    """The devkit's matching and TIDE's kinds by loops, of detections from a threshold by class.

    Returns the outcome of each row in words, and the objects that are found.
    """
    ground_truth, finder = evaluation.ground_truth, evaluation.detections
    image_of = np.repeat(np.arange(len(ground_truth.image_ids)), np.diff(finder.offsets))
    kept = [
        row for row in range(len(finder)) if finder.scores[row] >= thresholds[label(finder, row)]
    ]
    overlaps = {
        row: {
            g: overlap(finder.boxes[row], ground_truth.boxes[g])
            for g in rows_of(ground_truth, image_of[row])
        }
        for row in kept
    }
    outcome_of, found_objects = {}, set()
    for row in sorted(kept, key=lambda row: -finder.scores[row]):
        own = {
            g: value
            for g, value in overlaps[row].items()
            if label(ground_truth, g) == label(finder, row)
        }
        best = max(own, key=own.__getitem__, default=None)
        if best is not None and own[best] >= 0.5:
            if ground_truth.difficult[best]:
                outcome_of[row] = "ignored"
            elif best not in found_objects:
                found_objects.add(best)
                outcome_of[row] = "hit"
    for row in set(kept) - set(outcome_of):
        own = other = duplicate = 0.0
        for g, value in overlaps[row].items():
            if label(ground_truth, g) == label(finder, row):
                own = max(own, value)
                duplicate = max(duplicate, value if g in found_objects else 0.0)
            else:
                other = max(other, value)
        if 0.1 <= own <= 0.5:
            outcome_of[row] = "misplaced"
        elif other >= 0.5:
            outcome_of[row] = "confused"
        elif duplicate >= 0.5:
            outcome_of[row] = "duplicate"
        elif max(own, other) <= 0.1:
            outcome_of[row] = "background"
        else:
            outcome_of[row] = "confused and misplaced"
    return outcome_of, found_objects


def label(boxes, row):
    return boxes.class_index[row]


@pytest.mark.parametrize("seed", range(6))
def test_outcomes_of_voc_against_loops(seed):
    ground_truth, finder = random_pair(seed, images=5, objects=30, boxes=120)
    ground_truth = replace(ground_truth, difficult=np.random.default_rng(seed).random(30) < 0.2)
    evaluation = scored(
        ground_truth, replace(finder, scores=np.random.default_rng(seed).permutation(120) / 120)
    )
    result = outcomes(evaluation)
    expected, found_objects = plain_voc_outcomes(evaluation, result.thresholds)
    words = [OUTCOMES[outcome] for outcome in result.outcome.tolist()]
    assert dict(zip(result.rows.tolist(), words, strict=True)) == expected
    assert set(np.flatnonzero(result.is_found).tolist()) == found_objects
    assert (result.to_find == ~ground_truth.difficult).all()
    assert not (result.approached & result.is_found).any()


@pytest.mark.parametrize("seed", range(4))
def test_objects_found_under_coco_are_those_that_pycocotools_matched(seed):
    ground_truth, finder = random_pair(seed, images=5, objects=30, boxes=80)
    crowd = np.random.default_rng(seed).random(30) < 0.15
    ground_truth = replace(ground_truth, iscrowd=crowd)
    evaluation = scored(ground_truth, finder, "coco")
    result = outcomes(evaluation)
    image_of_object = np.repeat(np.arange(5), np.diff(ground_truth.offsets)).tolist()
    image_of_detection = np.repeat(np.arange(5), np.diff(finder.offsets)).tolist()
    reference = COCO()
    boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in ground_truth.boxes.tolist()]
    annotations = [
        {
            "id": n + 1,
            "image_id": image_of_object[n],
            "category_id": k,
            "bbox": boxes[n],
            "area": boxes[n][2] * boxes[n][3],
            "iscrowd": int(crowd[n]),
        }
        for n, k in enumerate(ground_truth.class_index.tolist())
    ]
    reference.dataset = {
        "images": [{"id": n} for n in range(5)],
        "categories": [{"id": k} for k in range(3)],
        "annotations": annotations,
    }
    results = [
        {
            "image_id": image_of_detection[n],
            "category_id": k,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for n, (k, score, (x1, y1, x2, y2)) in enumerate(
            zip(
                finder.class_index.tolist(),
                finder.scores.tolist(),
                finder.boxes.tolist(),
                strict=True,
            )
        )
        if score >= result.thresholds[k]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        reference.createIndex()
        evaluator = COCOeval(reference, reference.loadRes(results), "bbox")
        evaluator.evaluate()
    matched = set()
    for image in evaluator.evalImgs[: 3 * 4 * 5]:
        if image is not None and image["aRng"] == [0, 1e10]:
            matched |= {int(match) - 1 for match in image["dtMatches"][0] if match}
    matched -= set(np.flatnonzero(crowd).tolist())
    assert set(np.flatnonzero(result.is_found).tolist()) == matched


def test_every_hit_on_voc_2007_has_its_object(shared_data):
    from detbench.data.load import load_detections, load_ground_truth

    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    detections = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", ground_truth)
    result = outcomes(scored(ground_truth, detections))
    assert result.is_found.sum() == sum(
        OUTCOMES[outcome] == "hit" for outcome in result.outcome.tolist()
    )
    assert result.to_find.sum() == 12_032
