"""Benchmarks of NMS and of a loop in numpy, which must be at least 5 times slower."""

import pytest

from detbench.metrics.kernels.nms import nms
from tests.benchmarks.nms import IOU, SIZES, make, numpy_loop


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_nms_of_10_000_boxes(benchmark, sizes):
    boxes, scores = make(*sizes)
    kept = nms(boxes, scores, iou=IOU)
    assert benchmark(nms, boxes, scores, iou=IOU).tolist() == kept.tolist()


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_numpy_loop_of_10_000_boxes(benchmark, sizes):
    boxes, scores = make(*sizes)
    assert benchmark(numpy_loop, boxes, scores, IOU) == nms(boxes, scores, iou=IOU).tolist()
