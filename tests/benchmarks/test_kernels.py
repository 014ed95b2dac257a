"""Benchmarks of kernels and scoring for `make bench`.

pytest-benchmark's own options compare commits.
"""

import numpy as np
import pytest

from detbench.data.columns import frozen
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.order import descending, order_by_class
from detbench.metrics.kernels.overlap import pairwise_iou
from detbench.metrics.scoring.evaluate import evaluate
from tests.benchmarks import workload


@pytest.fixture(scope="module")
def synthetic():
    return workload.make()


def corners(xywh):
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


@pytest.fixture(scope="module")
def dataset(synthetic):
    ground_truth = GroundTruth.from_rows(
        image_ids=[str(i) for i in range(synthetic.images)],
        class_names=[str(k) for k in range(synthetic.classes)],
        image_index=synthetic.truth_image - 1,
        class_index=synthetic.truth_class - 1,
        boxes=corners(synthetic.truth_box),
        iscrowd=synthetic.truth_crowd,
    )
    rows = {
        "image_index": synthetic.image - 1,
        "class_index": synthetic.category - 1,
        "scores": synthetic.score,
        "boxes": corners(synthetic.box),
    }
    return ground_truth, Detections.from_rows(ground_truth, **rows)


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
def test_evaluate_500_000_detections(benchmark, dataset, protocol):
    evaluate(*dataset, protocol)
    evaluation = benchmark(evaluate, *dataset, protocol)
    assert 0 < evaluation.average_precision < 1


def test_sort_500_000_scores(benchmark, synthetic):
    scores = frozen(synthetic.score, np.float64, (-1,))
    order = benchmark(descending, scores)
    assert (np.diff(scores[order]) <= 0).all()


def test_group_500_000_rows_by_class(benchmark, synthetic):
    classes = frozen(synthetic.category - 1, np.int32, (-1,))
    _, offsets = benchmark(order_by_class, classes, frozen([], np.int64, (-1,)), synthetic.classes)
    assert offsets[-1] == len(classes)


def test_iou_of_1000_by_1000_boxes(benchmark, synthetic):
    boxes = corners(synthetic.box[:1000])
    matrix = benchmark(pairwise_iou, boxes, boxes)
    assert np.allclose(np.diag(matrix), 1)
