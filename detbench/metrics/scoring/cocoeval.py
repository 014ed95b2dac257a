"""COCOeval: runs of pycocotools, and how far their numbers are from an evaluation's."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.evaluation import Evaluation

ARRAYS = ("precision", "recall", "scores")
"""Arrays that pycocotools accumulates, by its names; those of an evaluation are alike."""
Summary = dict[str, float | None]
"""The 12 numbers of the COCO protocol; None where nothing is defined."""


def annotation_index(
    images: Sequence[Any], categories: Sequence[Any], annotations: Sequence[Any]
) -> Any:
    """Return pycocotools' index of entries in the form of a COCO file."""
    from pycocotools import coco

    index = coco.COCO()
    index.dataset = {"images": images, "categories": categories, "annotations": annotations}
    with contextlib.redirect_stdout(io.StringIO()):
        index.createIndex()
    return index


def run_cocoeval(annotations: Any, results: Any, image_ids: Sequence[Any] | None = None) -> Any:
    """Return pycocotools' `COCOeval` for boxes after `summarize`, without what it prints.

    Args:
        annotations: Index of the ground truth.
        results: Index of the detections.
        image_ids: Images to score; None for all of them.
    """
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(annotations, results, "bbox")
        if image_ids is not None:
            evaluator.params.imgIds = list(image_ids)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def summary_of(evaluator: Any) -> Summary:
    """Return the 12 numbers that pycocotools printed; None for its −1."""
    names = [measure.name for measure in COCO.measures]
    return {
        name: None if value == -1 else float(value)
        for name, value in zip(names, evaluator.stats, strict=True)
    }


def summary_difference(ours: Summary, theirs: Summary) -> float:
    """Return the largest absolute difference of the 12 numbers; an absent one counts as −1."""
    return max(abs(_with_minus_one(ours[name]) - _with_minus_one(theirs[name])) for name in theirs)


def array_difference(evaluator: Any, ours: Evaluation) -> float:
    """Return the largest absolute difference of the arrays."""
    pairs = [_pair(evaluator, ours, name) for name in ARRAYS]
    return max((float(np.abs(a - b).max()) for a, b in pairs if a.size), default=0.0)


def is_identical(evaluator: Any, ours: Evaluation) -> bool:
    """Tell whether the arrays are equal bit for bit."""
    return all(np.array_equal(*_pair(evaluator, ours, name)) for name in ARRAYS)


def _pair(evaluator: Any, ours: Evaluation, name: str) -> tuple[Floats, Floats]:
    return evaluator.eval[name], getattr(ours, name)


def _with_minus_one(value: float | None) -> float:
    return -1.0 if value is None else value
