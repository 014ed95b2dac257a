"""Warm-up: compile the kernels, or load them from the cache, before work that is measured or watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

_NOTICE_AFTER_S = 1.5


def warm_scoring(say: Callable[[str], None]) -> None:
    """Make scoring ready; `say` is called with a sentence when this takes a while, as it does once after installation."""
    with _said(say):
        from detbench.data.detections import Detections
        from detbench.data.ground_truth import GroundTruth
        from detbench.metrics.scoring.evaluate import evaluate

        box = [[0.0, 0.0, 8.0, 8.0]]
        truth = GroundTruth.from_rows(
            image_ids=["0"], class_names=["a"], image_index=[0], class_index=[0], boxes=box
        )
        evaluate(
            truth,
            Detections.from_rows(truth, image_index=[0], class_index=[0], scores=[1.0], boxes=box),
        )


def warm_analysis(say: Callable[[str], None]) -> None:
    """Make the analyses ready; as `warm_scoring`, which comes first."""
    with _said(say):
        from detbench.data.detections import Detections
        from detbench.data.ground_truth import GroundTruth
        from detbench.metrics.errors.confusion_matrix import confusion
        from detbench.metrics.errors.counted_detections import rank
        from detbench.metrics.errors.lrp import lrp
        from detbench.metrics.errors.tide import tide
        from detbench.metrics.scoring.evaluate import evaluate

        box = [[0.0, 0.0, 8.0, 8.0]]
        truth = GroundTruth.from_rows(
            image_ids=["0"], class_names=["a"], image_index=[0], class_index=[0], boxes=box
        )
        evaluation = evaluate(
            truth,
            Detections.from_rows(truth, image_index=[0], class_index=[0], scores=[1.0], boxes=box),
        )
        tide(evaluation)
        confusion(evaluation)
        lrp(rank(evaluation))


def warm_postprocessing(say: Callable[[str], None]) -> None:
    """Make suppression and the preparation of pictures ready, which threads do side by side; as `warm_scoring`."""
    with _said(say):
        from detbench.metrics.kernels.nms import nms
        from detbench.metrics.kernels.resizing import resize_linear, write_scaled

        nms(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([1.0]), np.array([0]), iou=0.5)
        picture = resize_linear(np.zeros((4, 4, 3), np.uint8), (8, 8))
        for dtype in (np.float32, np.float16, np.uint8):
            table = np.zeros((3, 256), dtype)
            rows_first, planes_first = (
                np.empty((8, 8, 3), dtype),
                np.moveaxis(np.empty((3, 8, 8), dtype), 0, -1),
            )
            for out in (rows_first, planes_first):
                write_scaled(picture, table, (0, 0), out, swapped=False)


@contextmanager
def _said(say: Callable[[str], None]) -> Iterator[None]:
    notice = threading.Timer(
        _NOTICE_AFTER_S,
        say,
        ["compiling the numerical kernels, once after installation (about 10 s) ..."],
    )
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
