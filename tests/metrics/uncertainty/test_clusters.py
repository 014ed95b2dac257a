"""Clusters: what is resampled, split and counted together."""

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.uncertainty.clusters import (
    check_cluster_count,
    cluster_count,
    clusters_of_classes,
    clusters_with,
    group_count,
    resample_clusters,
    resample_images,
    split_halves,
    stack_weights,
)
from tests.metrics.scored import truth

GROUPED = truth([], images=6, groups=[7, 7, 3, 3, 3, 9])
UNGROUPED = truth([], images=6)


def test_the_number_of_clusters():
    assert (cluster_count(GROUPED), group_count(GROUPED)) == (3, 3)
    assert (cluster_count(UNGROUPED), group_count(UNGROUPED)) == (6, None)
    assert cluster_count(truth([], images=0)) == 0


def test_fewer_than_two_clusters_are_refused():
    check_cluster_count(GROUPED, "a test")
    with pytest.raises(DetbenchError, match="a test needs at least two images; the dataset has 1"):
        check_cluster_count(truth([], images=1), "a test")
    with pytest.raises(DetbenchError, match="at least two groups of images; the dataset has 1"):
        check_cluster_count(truth([], images=3, groups=[5, 5, 5]), "a test")


def test_resamples_draw_as_many_images_as_there_are():
    weights_of = resample_images(50, seed=3)
    for b in range(10):
        images = np.random.default_rng([3, b]).integers(0, 50, 50)
        assert weights_of(b).tolist() == [images.tolist().count(i) for i in range(50)]


def test_groups_are_resampled_whole():
    weights_of = resample_clusters(GROUPED, 5)
    for b in range(20):
        weights = weights_of(b)
        assert weights[0] == weights[1]
        assert weights[2] == weights[3] == weights[4]
        np.testing.assert_array_equal(weights[[0, 2, 5]], resample_images(3, 5)(b))


def test_halves_are_complementary_and_keep_groups_whole():
    weights = stack_weights(split_halves(GROUPED, 1), 40)
    assert weights.shape == (40, 6)
    np.testing.assert_array_equal(weights[::2] + weights[1::2], np.ones((20, 6)))
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    assert set(weights[::2][:, [0, 2, 5]].sum(axis=1).tolist()) == {2}
    assert len({tuple(row) for row in weights.tolist()}) == 6


def test_clusters_with_something_are_counted_once():
    by_image = np.array([[1, 0], [2, 0], [0, 0], [0, 1], [0, 1], [0, 1]])
    assert clusters_with(GROUPED, by_image).tolist() == [1, 2]
    assert clusters_with(UNGROUPED, by_image).tolist() == [2, 3]


@pytest.mark.parametrize("ground_truth", [GROUPED, UNGROUPED])
def test_pairs_of_images_and_classes_are_counted_as_their_table(ground_truth):
    random = np.random.default_rng(0)
    for _ in range(20):
        table = random.random((6, 3)) < 0.3
        images, classes = np.nonzero(np.repeat(table, 2, axis=0))
        counts = clusters_of_classes(ground_truth, images // 2, classes, 3)
        assert counts.tolist() == clusters_with(ground_truth, table.astype(int)).tolist()
