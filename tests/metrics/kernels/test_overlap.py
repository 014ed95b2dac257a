"""IoU of boxes: compared with pycocotools, with a plain loop and with arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask

from detbench.metrics.kernels.overlap import paired_iou, pairwise_iou

number = st.integers(0, 30).map(float) | st.floats(0, 50, allow_subnormal=False)
xywh_boxes = st.lists(st.tuples(number, number, number, number), min_size=1, max_size=6)


def to_xyxy(boxes):
    return np.array([(x, y, x + w, y + h) for x, y, w, h in boxes])


def test_by_hand():
    boxes = np.array([(0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (10, 10, 0, 0)])
    assert pairwise_iou(boxes, boxes[:2]).tolist() == [
        [1.0, 50 / 150],
        [50 / 150, 1.0],
        [0.0, 0.0],
        [0.0, 0.0],
    ]
    assert pairwise_iou(boxes[:1], boxes[1:2], crowd=np.array([True])).tolist() == [[0.5]]


def test_empty_on_either_side():
    assert pairwise_iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert pairwise_iou(np.zeros((3, 4)), np.zeros((0, 4))).shape == (3, 0)
    no_rows = np.zeros(0, np.int64)
    assert paired_iou(np.zeros((3, 4)), np.zeros((0, 4)), no_rows, no_rows).shape == (0,)


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        pairwise_iou(np.zeros((2, 3)), np.zeros((2, 4)))


@settings(max_examples=200)
@given(xywh_boxes, xywh_boxes, st.lists(st.booleans(), min_size=6, max_size=6))
def test_equals_pycocotools(a, b, crowds):
    """Up to rounding: pycocotools multiplies the stated sides, detbench those of the corners."""
    crowd = np.array(crowds[: len(b)])
    theirs = mask.iou(np.array(a), np.array(b), crowd.astype(np.uint8).tolist())
    ours = pairwise_iou(to_xyxy(a), to_xyxy(b), crowd=crowd)
    thin_a = (np.array(a)[:, 2:] <= 1e-9).any(axis=1)[:, None]
    thin_b = (np.array(b)[:, 2:] <= 1e-9).any(axis=1)[None]
    expected = np.where(thin_a | thin_b, 0, theirs)
    assert np.allclose(np.where(thin_a | thin_b, 0, ours), expected, rtol=0, atol=1e-6)


corner = number | st.sampled_from([np.nan, np.inf, -np.inf])
xyxy_boxes = st.lists(st.tuples(corner, corner, corner, corner), min_size=1, max_size=6)


@settings(max_examples=200)
@given(xyxy_boxes, xyxy_boxes)
def test_pairs_are_those_of_the_matrix_where_boxes_are_sound(a, b):
    a, b = np.array(a), np.array(b)
    rows_a, rows_b = (rows.ravel() for rows in np.indices((len(a), len(b))))
    pairs = paired_iou(a, b, rows_a, rows_b).reshape(len(a), len(b))
    sound = [
        np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        for boxes in (a, b)
    ]
    both = sound[0][:, None] & sound[1][None]
    matrix = pairwise_iou(a[sound[0]], b[sound[1]])
    np.testing.assert_array_equal(pairs[both], matrix.ravel())
    assert not pairs[~both].any()
