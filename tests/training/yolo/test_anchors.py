"""Anchors against a search through all partitions, and what they must not depend on."""

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.training.yolo.anchors import average_iou, average_ious, find_anchors, shape_iou
from tests.references import yolo_loss as reference


def random_sizes(seed, count):
    return np.random.default_rng(seed).uniform(0.3, 6, (count, 2))


def test_shape_iou():
    sizes, anchors = random_sizes(0, 7), random_sizes(1, 3)
    expected = [[reference.shape_iou(size, anchor) for anchor in anchors] for size in sizes]
    np.testing.assert_allclose(shape_iou(sizes, anchors), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_anchors_are_as_good_as_k_means_can_be(seed, count):
    sizes = random_sizes(seed, 7)
    best_fixed_point, best = reference.k_means(sizes.tolist(), count)
    score = average_iou(sizes, find_anchors(sizes, count))
    assert best_fixed_point - 1e-12 <= score <= best + 1e-12


def test_clusters_far_apart_are_found():
    centers = np.array([[1, 1], [1, 6], [7, 2], [9, 9]], float)
    factors = np.random.default_rng(0).uniform(0.98, 1.02, (30, 2))
    sizes = np.concatenate([center * factors for center in centers])
    means = np.array([sizes[30 * n : 30 * n + 30].mean(axis=0) for n in range(4)])
    np.testing.assert_allclose(find_anchors(sizes, 4), means, rtol=1e-12)


def test_anchors_depend_on_the_seed_only_and_are_ordered_by_area():
    sizes = random_sizes(3, 200)
    anchors = find_anchors(sizes, 5, seed=7)
    assert (anchors == find_anchors(sizes, 5, seed=7)).all()
    assert (np.diff(anchors.prod(axis=1)) > 0).all()


def test_average_iou_rises_to_one():
    sizes = np.repeat(random_sizes(4, 4), 3, axis=0)
    ious = average_ious(sizes, 9)
    assert ious.shape == (4,)
    assert (np.diff(ious) > 0).all()
    assert ious[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 4])
def test_there_are_at_most_as_many_anchors_as_different_sizes(count):
    sizes = np.repeat(random_sizes(5, 3), 2, axis=0)
    message = f"cannot find {count} anchors in 3 different box sizes; choose from 1 to 3"
    with pytest.raises(DetbenchError, match=message):
        find_anchors(sizes, count)


@pytest.mark.parametrize("side", [0.0, -1.0, np.nan, np.inf])
def test_sizes_must_be_positive(side):
    with pytest.raises(DetbenchError, match="every box needs a positive width and height"):
        find_anchors(np.array([[1.0, 2.0], [side, 1.0], [3.0, 3.0]]), 1)
