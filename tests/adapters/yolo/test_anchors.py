"""Anchors against a search through all partitions, and against what they must not depend on."""

import numpy as np
import pytest

from detbench.adapters.yolo.anchors import average_iou, average_ious, find_anchors, shape_iou
from detbench.errors import DetbenchError
from tests.references import yolo_loss as plain


def sizes(seed, count):
    return np.random.default_rng(seed).uniform(0.3, 6, (count, 2))


def test_shape_iou():
    boxes, anchors = sizes(0, 7), sizes(1, 3)
    expected = [[plain.shape_iou(box, anchor) for anchor in anchors] for box in boxes]
    np.testing.assert_allclose(shape_iou(boxes, anchors), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_good_as_k_means_can_be(seed, count):
    boxes = sizes(seed, 7)
    resting, best = plain.k_means(boxes.tolist(), count)
    assert resting - 1e-12 <= average_iou(boxes, find_anchors(boxes, count)) <= best + 1e-12


def test_clusters_far_apart_are_found():
    centres = np.array([[1, 1], [1, 6], [7, 2], [9, 9]], float)
    boxes = np.concatenate(
        [centre * np.random.default_rng(0).uniform(0.98, 1.02, (30, 2)) for centre in centres]
    )
    means = np.array([boxes[30 * n : 30 * n + 30].mean(axis=0) for n in range(4)])
    np.testing.assert_allclose(find_anchors(boxes, 4), means, rtol=1e-12)


def test_seeded_ordered_and_as_many_as_asked_for():
    boxes = sizes(3, 200)
    anchors = find_anchors(boxes, 5, seed=7)
    assert (anchors == find_anchors(boxes, 5, seed=7)).all()
    assert (np.diff(anchors.prod(axis=1)) > 0).all()


def test_average_iou_rises_to_one():
    boxes = np.repeat(sizes(4, 4), 3, axis=0)
    found = average_ious(boxes, 9)
    assert found.shape == (4,)
    assert (np.diff(found) > 0).all()
    assert found[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 4])
def test_as_many_anchors_as_sizes_at_most(count):
    boxes = np.repeat(sizes(5, 3), 2, axis=0)
    with pytest.raises(
        DetbenchError, match=f"{count} anchors cannot be made of 3 box sizes; choose from 1 to 3"
    ):
        find_anchors(boxes, count)


@pytest.mark.parametrize("side", [0.0, -1.0, np.nan, np.inf])
def test_sizes_must_be_positive(side):
    with pytest.raises(DetbenchError, match="positive widths and heights"):
        find_anchors(np.array([[1.0, 2.0], [side, 1.0], [3.0, 3.0]]), 1)
