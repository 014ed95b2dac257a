"""Warm-up: compile the kernels, or load them from the cache, before work that is measured.

Each function announces a compilation by calling `say`; loading from the cache is silent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.compile_events import on_first_compilation
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation

Say = Callable[[str], None]

_BOX = [[0.0, 0.0, 8.0, 8.0]]
_NOTICE = "compiling the numerical kernels, once after installation (about 10 s) ..."


def warm_scoring(say: Say) -> None:
    """Make scoring ready."""
    with on_first_compilation(lambda: say(_NOTICE)):
        _evaluate_one_box()


def warm_analysis(say: Say) -> None:
    """Make error analyses ready, and the scoring before them."""
    from detbench.metrics.errors.confusion_matrix import confusion_matrix
    from detbench.metrics.errors.counted_detections import count_detections
    from detbench.metrics.errors.lrp import lrp
    from detbench.metrics.errors.tide import tide

    with on_first_compilation(lambda: say(_NOTICE)):
        evaluation = _evaluate_one_box()
        tide(evaluation)
        confusion_matrix(evaluation)
        lrp(count_detections(evaluation))


def warm_postprocessing(say: Say) -> None:
    """Make non-maximum suppression and the resizing of images ready."""
    from detbench.metrics.kernels.nms import nms
    from detbench.metrics.kernels.resizing import resize_linear, write_scaled

    with on_first_compilation(lambda: say(_NOTICE)):
        nms(np.array(_BOX), np.array([1.0]), np.array([0]), iou=0.5)
        image = resize_linear(np.zeros((4, 4, 3), np.uint8), (8, 8))
        for dtype in (np.float32, np.float16, np.uint8):
            table = np.zeros((3, 256), dtype)
            channels_last = np.empty((8, 8, 3), dtype)
            channels_first = np.moveaxis(np.empty((3, 8, 8), dtype), 0, -1)
            for out in (channels_last, channels_first):
                write_scaled(image, table, (0, 0), out, swapped=False)


def _evaluate_one_box() -> Evaluation:
    ground_truth = GroundTruth.from_rows(
        image_ids=["0"], class_names=["a"], image_index=[0], class_index=[0], boxes=_BOX
    )
    detections = Detections.from_rows(
        ground_truth, image_index=[0], class_index=[0], scores=[1.0], boxes=_BOX
    )
    return evaluate(ground_truth, detections)
