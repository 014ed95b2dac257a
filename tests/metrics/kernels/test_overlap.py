"""IoU against pycocotools' own and against arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask

from detbench.metrics.kernels.overlap import iou

number = st.integers(0, 30).map(float) | st.floats(0, 50, allow_subnormal=False)
xywh = st.lists(st.tuples(number, number, number, number), min_size=1, max_size=6)


def xyxy(boxes):
    return np.array([(x, y, x + w, y + h) for x, y, w, h in boxes])


def test_by_hand():
    boxes = [(0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (10, 10, 0, 0)]
    assert iou(np.array(boxes), np.array(boxes[:2])).tolist() == [
        [1.0, 50 / 150],
        [50 / 150, 1.0],
        [0.0, 0.0],
        [0.0, 0.0],
    ]
    assert iou(np.array(boxes[:1]), np.array(boxes[1:2]), region=np.array([True])).tolist() == [
        [0.5]
    ]


def test_empty_on_either_side():
    assert iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert iou(np.zeros((3, 4)), np.zeros((0, 4))).shape == (3, 0)


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        iou(np.zeros((2, 3)), np.zeros((2, 4)))


@settings(max_examples=200, deadline=None)
@given(xywh, xywh, st.lists(st.booleans(), min_size=6, max_size=6))
def test_equals_pycocotools(a, b, crowds):
    """To rounding: pycocotools multiplies the stated widths and heights, this function those of the corners."""
    region = np.array(crowds[: len(b)])
    theirs = mask.iou(np.array(a), np.array(b), region.astype(np.uint8).tolist())
    ours = iou(xyxy(a), xyxy(b), region=region)
    degenerate = (np.array(a)[:, 2:] <= 1e-9).any(axis=1)[:, None] | (
        np.array(b)[:, 2:] <= 1e-9
    ).any(axis=1)[None]
    assert np.allclose(
        np.where(degenerate, 0, ours), np.where(degenerate, 0, theirs), rtol=0, atol=1e-6
    )
