"""Postprocessing: which boxes stay, in which order, and where in the picture they are."""

import numpy as np
import pytest

from detbench.adapters.geometry import fit_image
from detbench.adapters.postprocessing import Postprocessing
from detbench.errors import DetbenchError

SAME = fit_image((100, 100), (100, 100), "stretch")


def apply(postprocessing, boxes, scores, classes, placement=SAME, dtype=np.float32):
    return postprocessing.apply(
        np.array(boxes, dtype).reshape(-1, 4),
        np.array(scores, dtype),
        np.array(classes, np.int64),
        placement,
    )


def spread(count):
    """Boxes that do not overlap."""
    return [(10 * n, 0, 10 * n + 5, 5) for n in range(count)]


def test_a_score_equal_to_the_floor_stays():
    found = apply(Postprocessing(0.5, None), spread(3), [0.5, 0.49, 0.51], [0, 1, 2])
    assert found.classes.tolist() == [2, 0]


def test_falling_score_with_ties_in_place():
    found = apply(Postprocessing(0.0, 0.5), spread(5), [0.1, 0.5, 0.1, 0.5, 0.9], [0, 1, 2, 3, 4])
    assert found.classes.tolist() == [4, 1, 3, 0, 2]


def test_the_best_candidates_enter_nms_and_the_best_of_those_it_keeps_stay():
    boxes = [(0, 0, 5, 5), (0, 0, 5, 5), *spread(4)[1:]]
    scores = [0.9, 0.8, 0.7, 0.6, 0.5]
    assert apply(
        Postprocessing(0, 0.5, top_k=2), boxes, scores, [0] * 5
    ).scores.tolist() == pytest.approx([0.9, 0.7])
    assert apply(
        Postprocessing(0, 0.5, max_candidates=2), boxes, scores, [0] * 5
    ).scores.tolist() == pytest.approx([0.9])
    assert apply(
        Postprocessing(0, None, top_k=2), boxes, scores, [0] * 5
    ).scores.tolist() == pytest.approx([0.9, 0.8])


def test_classes_suppress_each_other_only_when_agnostic():
    boxes = [(0, 0, 5, 5), (0, 0, 5, 5)]
    assert len(apply(Postprocessing(0, 0.5), boxes, [0.9, 0.8], [0, 1]).scores) == 2
    assert (
        len(apply(Postprocessing(0, 0.5, class_agnostic=True), boxes, [0.9, 0.8], [0, 1]).scores)
        == 1
    )


def test_boxes_are_suppressed_in_the_input_and_given_in_the_picture():
    """Both reach over the picture's edge: in the input their IoU is 1/2, clipped to the picture it would be 1."""
    placement = fit_image((200, 100), (100, 100), "letterbox")
    boxes = [(0, 0, 100, 75), (0, 25, 100, 75 + 25)]
    found = apply(Postprocessing(0, 0.6), boxes, [0.9, 0.8], [0, 0], placement)
    assert found.boxes.tolist() == [[0, 0, 200, 100], [0, 0, 200, 100]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_are_in_double_precision(dtype):
    found = apply(Postprocessing(0.1, 0.5), spread(2), [0.25, 0.5], [3, 4], dtype=dtype)
    assert (found.boxes.dtype, found.scores.dtype, found.classes.dtype) == (
        np.float64,
        np.float64,
        np.int64,
    )
    assert found.scores.tolist() == [0.5, 0.25]
    assert found.boxes.tolist() == [[10, 0, 15, 5], [0, 0, 5, 5]]


@pytest.mark.parametrize("boxes", [[], [(0, 0, 5, 5)]])
def test_nothing_found(boxes):
    found = apply(Postprocessing(0.5, 0.5), boxes, [0.1] * len(boxes), [0] * len(boxes))
    assert (found.boxes.shape, found.scores.shape, found.classes.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_where_it_could_count(bad):
    with pytest.raises(DetbenchError, match=r"scores that are NaN or infinite \(1 of 2\)"):
        apply(Postprocessing(0.5, 0.5), spread(2), [0.9, bad], [0, 0])
    with pytest.raises(DetbenchError, match=r"boxes that are NaN or infinite \(1 of 1\)"):
        apply(Postprocessing(0.5, 0.5), [(0, 0, 5, bad), (0, 0, 5, 5)], [0.9, 0.1], [0, 0])
    assert (
        len(
            apply(
                Postprocessing(0.5, 0.5), [(0, 0, 5, bad), (0, 0, 5, 5)], [0.1, 0.9], [0, 0]
            ).scores
        )
        == 1
    )


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
        ({"score": float("nan")}, "score must be a number within 0 and 1"),
        ({"score": "a"}, "score must be a number"),
        ({"score": -1}, "score must be a number within 0 and 1, not -1"),
        ({"nms_iou": "a"}, r"nms_iou\) must lie within 0 and 1, not 'a'"),
        ({"class_agnostic": "no"}, "class_agnostic must be true or false"),
        ({"top_k": "a"}, "top_k must be at least 1"),
        ({"nms_iou": 45}, "must lie within 0 and 1, not 45"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"max_candidates": -1}, "max_candidates must be at least 1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(DetbenchError, match=message):
        Postprocessing(**{"score": 0.1, "nms_iou": 0.5} | settings)
