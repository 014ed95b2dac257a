"""Postprocessing: which boxes become detections, in which order, and their position."""

import numpy as np
import pytest

from detbench.adapters.geometry import fit_image
from detbench.adapters.postprocessing import Postprocessing
from detbench.errors import DetbenchError

UNCHANGED = fit_image((100, 100), (100, 100), "stretch")


def apply(postprocessing, boxes, scores, classes, placement=UNCHANGED, dtype=np.float32):
    return postprocessing.apply(
        np.array(boxes, dtype).reshape(-1, 4),
        np.array(scores, dtype),
        np.array(classes, np.int64),
        placement,
    )


def spread(count):
    """Return boxes that do not overlap."""
    return [(10 * n, 0, 10 * n + 5, 5) for n in range(count)]


def test_a_score_equal_to_the_minimum_stays():
    detections = apply(Postprocessing(0.5, None), spread(3), [0.5, 0.49, 0.51], [0, 1, 2])
    assert detections.classes.tolist() == [2, 0]


def test_scores_fall_and_ties_keep_their_order():
    detections = apply(
        Postprocessing(0.0, 0.5), spread(5), [0.1, 0.5, 0.1, 0.5, 0.9], [0, 1, 2, 3, 4]
    )
    assert detections.classes.tolist() == [4, 1, 3, 0, 2]


def test_the_best_candidates_enter_nms_and_the_best_of_those_it_keeps_stay():
    boxes = [(0, 0, 5, 5), (0, 0, 5, 5), *spread(4)[1:]]
    scores = [0.9, 0.8, 0.7, 0.6, 0.5]

    def kept(postprocessing):
        return apply(postprocessing, boxes, scores, [0] * 5).scores.tolist()

    assert kept(Postprocessing(0, 0.5, top_k=2)) == pytest.approx([0.9, 0.7])
    assert kept(Postprocessing(0, 0.5, max_candidates=2)) == pytest.approx([0.9])
    assert kept(Postprocessing(0, None, top_k=2)) == pytest.approx([0.9, 0.8])


def test_classes_suppress_each_other_only_when_agnostic():
    boxes = [(0, 0, 5, 5), (0, 0, 5, 5)]
    per_class, agnostic = Postprocessing(0, 0.5), Postprocessing(0, 0.5, class_agnostic=True)
    assert len(apply(per_class, boxes, [0.9, 0.8], [0, 1]).scores) == 2
    assert len(apply(agnostic, boxes, [0.9, 0.8], [0, 1]).scores) == 1


def test_boxes_are_suppressed_in_input_pixels_and_returned_in_image_pixels():
    """Both cross the image's edge: their IoU is 1/2 in the input, 1 if clipped to the image."""
    placement = fit_image((200, 100), (100, 100), "letterbox")
    boxes = [(0, 0, 100, 75), (0, 25, 100, 100)]
    detections = apply(Postprocessing(0, 0.6), boxes, [0.9, 0.8], [0, 0], placement)
    assert detections.boxes.tolist() == [[0, 0, 200, 100], [0, 0, 200, 100]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_are_in_double_precision(dtype):
    detections = apply(Postprocessing(0.1, 0.5), spread(2), [0.25, 0.5], [3, 4], dtype=dtype)
    assert (detections.boxes.dtype, detections.scores.dtype, detections.classes.dtype) == (
        np.float64,
        np.float64,
        np.int64,
    )
    assert detections.scores.tolist() == [0.5, 0.25]
    assert detections.boxes.tolist() == [[10, 0, 15, 5], [0, 0, 5, 5]]


@pytest.mark.parametrize("boxes", [[], [(0, 0, 5, 5)]])
def test_no_box_reaches_the_score(boxes):
    detections = apply(Postprocessing(0.5, 0.5), boxes, [0.1] * len(boxes), [0] * len(boxes))
    assert (detections.boxes.shape, detections.scores.shape, detections.classes.shape) == (
        (0, 4),
        (0,),
        (0,),
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_if_they_could_count(bad):
    with pytest.raises(DetbenchError, match=r"scores that are NaN or infinite \(1 of 2\)"):
        apply(Postprocessing(0.5, 0.5), spread(2), [0.9, bad], [0, 0])
    with pytest.raises(DetbenchError, match=r"boxes that are NaN or infinite \(1 of 1\)"):
        apply(Postprocessing(0.5, 0.5), [(0, 0, 5, bad), (0, 0, 5, 5)], [0.9, 0.1], [0, 0])
    boxes = [(0, 0, 5, bad), (0, 0, 5, 5)]
    assert len(apply(Postprocessing(0.5, 0.5), boxes, [0.1, 0.9], [0, 0]).scores) == 1


def test_settings_are_json_ready():
    assert Postprocessing(0.001, None).as_dict() == {
        "score": 0.001,
        "nms_iou": None,
        "class_agnostic": False,
        "top_k": 300,
        "max_candidates": 30_000,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score": float("nan")}, "score must be from 0 to 1"),
        ({"score": "a"}, "score must be from 0 to 1"),
        ({"score": -1}, "score must be from 0 to 1, not -1"),
        ({"nms_iou": "a"}, r"nms_iou\) must be from 0 to 1, not 'a'"),
        ({"class_agnostic": "no"}, "class_agnostic must be true or false"),
        ({"top_k": "a"}, "top_k must be a whole number from 1"),
        ({"nms_iou": 45}, "must be from 0 to 1, not 45"),
        ({"top_k": 0}, "top_k must be a whole number from 1"),
        ({"max_candidates": -1}, "max_candidates must be a whole number from 1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(DetbenchError, match=message):
        Postprocessing(**{"score": 0.1, "nms_iou": 0.5} | settings)
