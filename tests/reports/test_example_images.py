"""Example images: each kind of mistake with its boxes, and a fair choice of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.errors import DetbenchError, NotComparableError
from detbench.reports.example_images import example_images
from detbench.reports.mistakes import KINDS
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
HALF_OFF = (35, 10, 85, 60)


def one_of_each():
    """One kind of mistake, or a few, in each image.

    Image 0: a hit, a duplicate and a confusion; 1: a misplaced box; 2: a miss; 3: a box on nothing.
    """
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
        (0, 0, 0.9, BOX),
        (0, 0, 0.8, (11, 10, 61, 60)),
        (0, 0, 0.85, (100, 10, 160, 60)),
        (1, 0, 0.95, HALF_OFF),
        (3, 0, 0.99, BOX),
        (2, 0, 0.75, BOX),
    ]
    return ground_truth, detections(ground_truth, rows)


def test_each_kind_of_mistake_has_its_boxes():
    ground_truth, finder = one_of_each()
    images = {image.image: image for image in example_images([scored(ground_truth, finder)])}
    reasons = {
        position: {(r.kind, r.class_name, image.boxes[r.box].outcome) for r in image.reasons}
        for position, image in images.items()
    }
    assert reasons == {
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
    assert [reason.weight for reason in images[3].reasons] == [0.99]


def test_a_disagreement_names_those_that_missed():
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX), (2, 1, BOX)])
    good = scored(ground_truth, perfect(ground_truth, "good"))
    half = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)], "half"))
    none = scored(ground_truth, detections(ground_truth, [], "none"))
    images = example_images([good, half, none])
    reasons = {
        image.image: {(r.kind, r.class_name, r.detectors) for r in image.reasons}
        for image in images
    }
    assert reasons == {
        0: {("missed", "cat", ("none",)), ("disagreement", "cat", ("none",))},
        1: {("missed", "cat", ("half", "none")), ("disagreement", "cat", ("half", "none"))},
        2: {("missed", "dog", ("half", "none")), ("disagreement", "dog", ("half", "none"))},
    }
    alone = example_images([none])
    assert {reason.kind for image in alone for reason in image.reasons} == {"missed"}
    renamed = example_images([good, none], names=["a", "b"])
    assert {name for image in renamed for reason in image.reasons for name in reason.detectors} == {
        "b"
    }


def test_the_largest_missed_object_and_the_highest_scoring_false_box_come_first():
    ground_truth = truth(
        [(0, 0, (0, 0, 10, 10)), (1, 0, (0, 0, 90, 90)), (2, 0, (0, 0, 50, 50)), (3, 1, BOX)]
    )
    rows = [
        (3, 1, 0.2, BOX),
        (0, 1, 0.5, BOX),
        (1, 1, 0.9, (100, 50, 190, 99)),
        (2, 1, 0.7, (100, 50, 190, 99)),
    ]
    images = example_images([scored(ground_truth, detections(ground_truth, rows))])
    by_kind = {
        kind: [r.weight for image in images for r in image.reasons if r.kind == kind]
        for kind in ("missed", "false")
    }
    assert by_kind["missed"][:1] == [0.9 * 90 / 200]
    assert images[0].image == 1
    assert by_kind["false"] == sorted(by_kind["false"], reverse=True)


@pytest.mark.parametrize("max_images", [1, 4, 1000])
def test_many_classes_and_kinds_share_few_images(max_images):
    ground_truth, finder = random_pair(3, classes=5, images=40, objects=200, boxes=300)
    other = replace(finder, scores=1 - finder.scores, name="other")
    evaluations = [scored(ground_truth, detector) for detector in (finder, other)]
    images = example_images(evaluations, max_images=max_images)
    assert len(images) == min(max_images, len(example_images(evaluations)))
    assert len({image.image for image in images}) == len(images)
    assert images == example_images(evaluations)[: len(images)]
    if max_images == 4:
        assert {reason.kind for image in images for reason in image.reasons} == set(KINDS)
    for image in images:
        assert all(0 <= reason.box < len(image.boxes) for reason in image.reasons)
        assert all(reason.detectors for reason in image.reasons)


def test_only_images_with_files():
    ground_truth, finder = one_of_each()
    evaluation = scored(ground_truth, finder)
    assert {image.image for image in example_images([evaluation], among=np.array([1, 3]))} == {1, 3}
    assert example_images([evaluation], among=np.array([], np.int64)) == []


def test_without_mistakes_there_are_no_examples():
    ground_truth = truth([(0, 0, BOX)])
    assert example_images([scored(ground_truth, perfect(ground_truth))]) == []
    empty = truth([])
    assert example_images([scored(empty, detections(empty, []))]) == []


def test_unknown_sizes_of_images():
    ground_truth = truth([(0, 0, BOX), (1, 0, (0, 0, 10, 10))], image_sizes=None)
    images = example_images([scored(ground_truth, detections(ground_truth, []))])
    assert [(image.image, image.reasons[0].weight) for image in images] == [
        (0, 1.0),
        (1, 100 / 2500),
    ]
    assert np.isnan(images[0].width)


def test_invalid_input():
    ground_truth, finder = one_of_each()
    with pytest.raises(DetbenchError, match="no evaluation"):
        example_images([])
    with pytest.raises(DetbenchError, match="2 names for 1"):
        example_images([scored(ground_truth, finder)], names=["a", "b"])
    other, elsewhere = random_pair(0)
    with pytest.raises(NotComparableError):
        example_images([scored(ground_truth, finder), scored(other, elsewhere)])


def test_every_class_of_voc_2007_shows_every_kind_of_mistake(shared_data):
    from detbench.data.load import load_detections, load_ground_truth

    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    detections = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", ground_truth)
    images = example_images([scored(ground_truth, detections)])
    shown = {(reason.kind, reason.class_name) for image in images for reason in image.reasons}
    assert shown == {(kind, name) for kind in KINDS[:3] for name in ground_truth.class_names}
