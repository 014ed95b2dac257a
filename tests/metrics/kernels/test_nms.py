"""Non-maximum suppression: as a plain loop over all pairs, by hand, and as OpenCV."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.metrics.kernels.nms import nms

edge = st.integers(0, 12).map(float) | st.floats(0, 12, width=32)
score = st.integers(0, 3).map(lambda n: n / 4) | st.floats(0, 1)
row = st.tuples(edge, edge, edge, edge, score, st.integers(0, 2))


def plain_nms(boxes, scores, classes, threshold, limit=None):
    """Suppress greedily, one pair at a time."""
    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        rivals = [other for other in kept if classes[other] == classes[row]]
        if all(plain_iou(boxes[row], boxes[other]) <= threshold for other in rivals):
            kept.append(row)
    return kept[:limit]


def plain_iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)


@settings(max_examples=300)
@given(
    st.lists(row, max_size=40),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]),
    st.sampled_from([None, 1, 5]),
)
def test_equals_the_plain_loop(rows, threshold, limit):
    """With score ties, equal, inverted and empty boxes, and IoUs equal to the threshold."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    boxes, scores, classes = table[:, :4], table[:, 4], table[:, 5].astype(np.int64)
    kept = nms(boxes, scores, classes, iou=threshold, limit=limit)
    assert kept.tolist() == plain_nms(boxes, scores, classes, threshold, limit)
    one_class = np.zeros(len(scores), np.int64)
    kept = nms(boxes, scores, iou=threshold, limit=limit)
    assert kept.tolist() == plain_nms(boxes, scores, one_class, threshold, limit)


@pytest.mark.parametrize("classes", [1, 7])
def test_equals_the_plain_loop_on_more_boxes_than_a_block(classes):
    rng = np.random.default_rng(classes)
    corner = rng.uniform(0, 100, (700, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (700, 2))], axis=1)
    scores, class_index = rng.random(700).round(2), rng.integers(0, classes, 700)
    kept = nms(boxes, scores, class_index, iou=0.45)
    assert kept.tolist() == plain_nms(boxes, scores, class_index, 0.45)


def test_a_box_with_an_iou_equal_to_the_threshold_is_kept():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5]])
    assert nms(boxes, [0.9, 0.8], iou=0.5).tolist() == [0, 1]
    assert nms(boxes, [0.9, 0.8], iou=np.nextafter(0.5, 0)).tolist() == [0]


def test_of_equal_boxes_and_scores_the_first_is_kept():
    assert nms(np.tile([0.0, 0.0, 4.0, 4.0], (3, 1)), [0.5, 0.5, 0.5], iou=0.5).tolist() == [0]


def test_inverted_boxes_neither_suppress_nor_are_suppressed():
    assert nms(np.tile([4.0, 4.0, 0.0, 0.0], (2, 1)), [0.9, 0.8], iou=0.0).tolist() == [0, 1]


def test_boxes_of_different_classes_suppress_each_other_only_without_classes():
    boxes = np.tile([0.0, 0.0, 4.0, 4.0], (2, 1))
    assert nms(boxes, [0.8, 0.9], [0, 1], iou=0.5).tolist() == [1, 0]
    assert nms(boxes, [0.8, 0.9], iou=0.5).tolist() == [1]


def test_empty():
    assert nms(np.zeros((0, 4)), [], [], iou=0.5).tolist() == []


def test_invalid_input_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        nms(np.zeros((2, 4)), [0.5], iou=0.5)
    with pytest.raises(ValueError, match="negative"):
        nms(np.zeros((1, 4)), [0.5], [-1], iou=0.5)


def test_agrees_with_opencv():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(3)
    corner, size = rng.uniform(0, 100, (300, 2)), rng.uniform(10, 40, (300, 2))
    scores = rng.random(300)
    theirs = cv2.dnn.NMSBoxes(np.hstack([corner, size]).tolist(), scores.tolist(), 0.0, 0.5)
    assert nms(np.hstack([corner, corner + size]), scores, iou=0.5).tolist() == list(theirs)
