"""Audit: the same boxes scored by pycocotools and by detbench, and how far the two differ."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.evaluate import evaluate


@dataclass(frozen=True)
class Audit:
    """The COCO protocol computed twice, and the largest absolute differences between the two."""

    ours: dict[str, float | None]
    pycocotools: dict[str, float | None]
    summary_difference: float
    """Over the 12 numbers of the summary."""
    array_difference: float
    """Over the arrays of precision, recall and scores."""
    identical: bool
    """Whether the three arrays are equal bit for bit."""


def audit(ground_truth: GroundTruth, detections: Detections) -> Audit:
    """Score under the COCO protocol with pycocotools and with detbench.

    It takes the time and the memory that pycocotools takes.
    """
    ours = evaluate(ground_truth, detections, COCO)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = _pycocotools(ground_truth, detections)
    pairs = [(theirs.eval[name], getattr(ours, name)) for name in ("precision", "recall", "scores")]
    names = [measure.name for measure in COCO.measures]
    their_summary = {
        name: None if value == -1 else float(value)
        for name, value in zip(names, theirs.stats, strict=True)
    }
    return Audit(
        ours=ours.summary,
        pycocotools=their_summary,
        summary_difference=max(
            abs(_with_minus_one(ours.summary[name]) - _with_minus_one(their_summary[name]))
            for name in names
        ),
        array_difference=max((float(np.abs(a - b).max()) for a, b in pairs if a.size), default=0.0),
        identical=all(np.array_equal(a, b) for a, b in pairs),
    )


def _with_minus_one(value: float | None) -> float:
    """Return pycocotools' −1 for an absent value."""
    return -1.0 if value is None else value


def _pycocotools(ground_truth: GroundTruth, detections: Detections) -> Any:
    """Return pycocotools' `COCOeval` after `summarize`. It prints."""
    from pycocotools import coco
    from pycocotools.cocoeval import COCOeval

    # Ids start at 1: pycocotools cannot match an annotation with id 0 (cocoapi#507).
    images = [{"id": i + 1} for i in range(len(ground_truth.image_ids))]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(ground_truth.class_names)]

    def index_of(rows: list[dict[str, Any]]) -> Any:
        index = coco.COCO()
        index.dataset = {"images": images, "categories": categories, "annotations": rows}
        index.createIndex()
        return index

    crowd = ground_truth.iscrowd.astype(np.int64)
    no_crowd = np.zeros(len(detections), np.int64)
    annotations = _columns_as_rows(ground_truth, area=ground_truth.areas, iscrowd=crowd)
    results = _columns_as_rows(
        detections, area=detections.box_areas, iscrowd=no_crowd, score=detections.scores
    )
    evaluator = COCOeval(index_of(annotations), index_of(results), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator


def _columns_as_rows(boxes: GroundTruth | Detections, **more: NDArray[Any]) -> list[dict[str, Any]]:
    """Return boxes as COCO's dictionaries; `more` are further columns (N,) by COCO's names."""
    columns: dict[str, NDArray[Any]] = {
        "image_id": groups_from_offsets(boxes.offsets) + 1,
        "category_id": boxes.class_index + 1,
        "bbox": _xywh(boxes),
        **more,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [{"id": n, **dict(zip(columns, row, strict=True))} for n, row in enumerate(rows, 1)]


def _xywh(boxes: GroundTruth | Detections) -> Floats:
    """Return boxes (N, 4) as x, y, w, h with the sums and products of the source, bit for bit."""
    sizes = exact_sizes(boxes.boxes, boxes.box_areas)
    return np.concatenate([boxes.boxes[:, :2], sizes], axis=1)
