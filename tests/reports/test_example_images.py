"""Telling images and the outcomes they come from, against plain loops and pycocotools' own matches."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench.errors import DetbenchError, NotComparableError
from detbench.reports.example_images import KINDS, telling_images
from detbench.reports.outcomes import (
    BACKGROUND,
    CONFUSED,
    DUPLICATE,
    HIT,
    IGNORED,
    MISPLACED,
    outcomes,
)
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
HALF_OFF = (35, 10, 85, 60)


def overlap(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (area - width * height)


def rows_of(columns, image):
    return range(columns.offsets[image], columns.offsets[image + 1])


def plain_voc_outcomes(evaluation, thresholds):
    """The devkit's matching by loops, restricted to detections from a threshold on: outcome of each row, and the objects found."""
    truth_, found = evaluation.ground_truth, evaluation.detections
    used, result = set(), {}
    for k in range(len(truth_.class_names)):
        rows = [
            row
            for row in range(len(found))
            if found.class_index[row] == k and found.scores[row] >= thresholds[k]
        ]
        image_of = np.repeat(np.arange(len(truth_.image_ids)), np.diff(found.offsets))
        for row in sorted(rows, key=lambda row: -found.scores[row]):
            objects = rows_of(truth_, image_of[row])
            own = [
                (overlap(found.boxes[row], truth_.boxes[g]), -g)
                for g in objects
                if truth_.class_index[g] == k
            ]
            other = [
                overlap(found.boxes[row], truth_.boxes[g])
                for g in objects
                if truth_.class_index[g] != k
            ]
            best, at = max(own, default=(0.0, 1))
            if best >= 0.5 and truth_.difficult[-at]:
                result[row] = IGNORED
            elif best >= 0.5 and -at not in used:
                used.add(-at)
                result[row] = HIT
            elif best >= 0.5:
                result[row] = DUPLICATE
            elif best >= 0.1:
                result[row] = MISPLACED
            else:
                result[row] = CONFUSED if max(other, default=0.0) >= 0.5 else BACKGROUND
    return result, used


@pytest.mark.parametrize("seed", range(6))
def test_outcomes_of_voc_against_loops(seed):
    ground_truth, found = random_pair(seed, images=5, objects=30, found=120)
    ground_truth = replace(ground_truth, difficult=np.random.default_rng(seed).random(30) < 0.2)
    evaluation = scored(
        ground_truth, replace(found, scores=np.random.default_rng(seed).permutation(120) / 120)
    )
    made = outcomes(evaluation)
    expected, used = plain_voc_outcomes(evaluation, made.thresholds)
    assert dict(zip(made.rows.tolist(), made.outcome.tolist(), strict=True)) == expected
    assert set(np.flatnonzero(made.found).tolist()) == used
    assert (made.to_find == ~ground_truth.difficult).all()
    assert not (made.approached & made.found).any()


@pytest.mark.parametrize("seed", range(4))
def test_objects_found_under_coco_are_those_that_pycocotools_matched(seed):
    ground_truth, found = random_pair(seed, images=5, objects=30, found=80)
    crowd = np.random.default_rng(seed).random(30) < 0.15
    ground_truth = replace(ground_truth, iscrowd=crowd)
    evaluation = scored(ground_truth, found, "coco")
    made = outcomes(evaluation)
    image_of = np.repeat(np.arange(5), np.diff(ground_truth.offsets)).tolist()
    found_image = np.repeat(np.arange(5), np.diff(found.offsets)).tolist()
    reference = COCO()
    boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in ground_truth.boxes.tolist()]
    annotations = [
        {
            "id": n + 1,
            "image_id": image_of[n],
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
            "image_id": found_image[n],
            "category_id": k,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for n, (k, score, (x1, y1, x2, y2)) in enumerate(
            zip(
                found.class_index.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True
            )
        )
        if score >= made.thresholds[k]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        reference.createIndex()
        evaluator = COCOeval(reference, reference.loadRes(results), "bbox")
        evaluator.evaluate()
    matched = set()
    for image in evaluator.evalImgs[: 3 * 4 * 5]:
        if image is not None and image["aRng"] == [0, 1e10]:
            matched |= {int(each) - 1 for each in image["dtMatches"][0] if each}
    matched -= set(np.flatnonzero(crowd).tolist())
    assert set(np.flatnonzero(made.found).tolist()) == matched


def one_of_each():
    """Image 0: a hit, a duplicate and a confusion; 1: a misplaced box; 2: a miss; 3: a box on nothing."""
    ground_truth = truth(
        [
            (0, 0, BOX),
            (0, 1, (100, 10, 160, 60)),
            (1, 0, BOX),
            (2, 0, BOX),
            (2, 1, (100, 10, 160, 60)),
        ]
    )
    rows = [
        (0, 0, 0.9, BOX), (0, 0, 0.8, (11, 10, 61, 60)), (0, 0, 0.85, (100, 10, 160, 60)), (1, 0, 0.95, HALF_OFF), (3, 0, 0.99, BOX),
        (2, 0, 0.75, BOX),
    ]  # fmt: skip
    return ground_truth, detections(ground_truth, rows)


def test_each_kind_is_told_with_its_boxes():
    ground_truth, found = one_of_each()
    images = {each.image: each for each in telling_images([scored(ground_truth, found)])}
    told = {
        image: {(r.kind, r.class_name, each.boxes[r.box].outcome) for r in each.reasons}
        for image, each in images.items()
    }
    assert told == {
        0: {
            ("false", "cat", "duplicate"),
            ("false", "cat", "confused"),
            ("missed", "dog", "object"),
        },
        1: {("misplaced", "cat", "misplaced")},
        2: {("missed", "dog", "object")},
        3: {("false", "cat", "background")},
    }
    first = images[0]
    assert (first.image_id, first.width, first.height) == ("000", 200, 100)
    assert [
        (box.xyxy, box.class_name, box.detector, box.score, box.outcome) for box in first.boxes
    ] == [
        (BOX, "cat", None, None, "object"),
        ((100, 10, 160, 60), "dog", None, None, "object"),
        (BOX, "cat", "finder", 0.9, "hit"),
        ((100, 10, 160, 60), "cat", "finder", 0.85, "confused"),
        ((11, 10, 61, 60), "cat", "finder", 0.8, "duplicate"),
    ]
    assert [box.missed_by for box in first.boxes[:2]] == [(), ("finder",)]
    [missed] = images[2].reasons
    assert missed.weight == pytest.approx(60 * 50 / (200 * 100))
    assert [each.weight for each in images[3].reasons] == [0.99]


def test_a_disagreement_names_those_that_missed():
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX), (2, 1, BOX)])
    good = scored(ground_truth, perfect(ground_truth, "good"))
    half = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)], "half"))
    none = scored(ground_truth, detections(ground_truth, [], "none"))
    images = telling_images([good, half, none])
    told = {
        each.image: {(r.kind, r.class_name, r.detectors) for r in each.reasons} for each in images
    }
    assert told == {
        0: {("missed", "cat", ("none",)), ("disagreement", "cat", ("none",))},
        1: {("missed", "cat", ("half", "none")), ("disagreement", "cat", ("half", "none"))},
        2: {("missed", "dog", ("half", "none")), ("disagreement", "dog", ("half", "none"))},
    }
    alone = telling_images([none])
    assert {reason.kind for each in alone for reason in each.reasons} == {"missed"}
    renamed = telling_images([good, none], names=["a", "b"])
    assert {name for each in renamed for reason in each.reasons for name in reason.detectors} == {
        "b"
    }


def test_the_largest_missed_object_and_the_surest_false_box_come_first():
    ground_truth = truth(
        [(0, 0, (0, 0, 10, 10)), (1, 0, (0, 0, 90, 90)), (2, 0, (0, 0, 50, 50)), (3, 1, BOX)]
    )
    rows = [
        (3, 1, 0.2, BOX),
        (0, 1, 0.5, BOX),
        (1, 1, 0.9, (100, 50, 190, 99)),
        (2, 1, 0.7, (100, 50, 190, 99)),
    ]
    images = telling_images([scored(ground_truth, detections(ground_truth, rows))])
    by_kind = {
        kind: [r.weight for each in images for r in each.reasons if r.kind == kind]
        for kind in ("missed", "false")
    }
    assert by_kind["missed"][:1] == [0.9 * 90 / 200]
    assert images[0].image == 1
    assert by_kind["false"] == sorted(by_kind["false"], reverse=True)


@pytest.mark.parametrize("most", [1, 4, 1000])
def test_many_classes_and_kinds_share_few_images(most):
    ground_truth, found = random_pair(3, classes=5, images=40, objects=200, found=300)
    other = replace(found, scores=1 - found.scores, name="other")
    evaluations = [scored(ground_truth, each) for each in (found, other)]
    images = telling_images(evaluations, most=most)
    assert len(images) == min(most, len(telling_images(evaluations)))
    assert len({each.image for each in images}) == len(images)
    assert images == telling_images(evaluations)[: len(images)]
    if most == 4:
        assert {kind for each in images for kind in {r.kind for r in each.reasons}} == set(KINDS)
    for each in images:
        assert all(0 <= reason.box < len(each.boxes) for reason in each.reasons)
        assert all(reason.detectors for reason in each.reasons)


def test_only_images_at_hand():
    ground_truth, found = one_of_each()
    evaluation = scored(ground_truth, found)
    assert {each.image for each in telling_images([evaluation], among=np.array([1, 3]))} == {1, 3}
    assert telling_images([evaluation], among=np.array([], np.int64)) == []


def test_nothing_wrong_nothing_told():
    ground_truth = truth([(0, 0, BOX)])
    assert telling_images([scored(ground_truth, perfect(ground_truth))]) == []
    empty = truth([])
    assert telling_images([scored(empty, detections(empty, []))]) == []


def test_unknown_sizes_of_images():
    ground_truth = truth([(0, 0, BOX), (1, 0, (0, 0, 10, 10))], image_sizes=None)
    images = telling_images([scored(ground_truth, detections(ground_truth, []))])
    assert [(each.image, each.reasons[0].weight) for each in images] == [(0, 1.0), (1, 100 / 2500)]
    assert np.isnan(images[0].width)


def test_what_cannot_be_told():
    ground_truth, found = one_of_each()
    with pytest.raises(DetbenchError, match="no evaluation"):
        telling_images([])
    with pytest.raises(DetbenchError, match="2 names for 1"):
        telling_images([scored(ground_truth, found)], names=["a", "b"])
    other, elsewhere = random_pair(0)
    with pytest.raises(NotComparableError):
        telling_images([scored(ground_truth, found), scored(other, elsewhere)])


def test_three_detectors_on_voc_2007(shared_data):
    """Every hit has its object, and every class shows every kind."""
    from detbench.data.load import load_detections, load_ground_truth

    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    found = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", ground_truth)
    evaluation = scored(ground_truth, found)
    made = outcomes(evaluation)
    assert made.found.sum() == (made.outcome == HIT).sum()
    assert made.to_find.sum() == 12_032
    told = {(r.kind, r.class_name) for each in telling_images([evaluation]) for r in each.reasons}
    assert told == {(kind, name) for kind in KINDS[:3] for name in ground_truth.class_names}
