"""Audit: the same boxes scored by pycocotools and by detbench, and how far the two differ."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

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

    # Ids start at 1, because pycocotools cannot match an annotation with id 0 (cocoapi#507).
    images = [{"id": i + 1} for i in range(len(ground_truth.image_ids))]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(ground_truth.class_names)]
    indexes = []
    for annotations in (_annotations(ground_truth), _results(detections)):
        index = coco.COCO()
        index.dataset = {
            "images": images,
            "categories": categories,
            "annotations": annotations,
        }
        index.createIndex()
        indexes.append(index)
    evaluator = COCOeval(*indexes, "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator


def _xywh(boxes: Floats, box_areas: Floats) -> Floats:
    """Return boxes (N, 4) as x, y, w, h with the sums and products of the source, bit for bit."""
    return np.concatenate([boxes[:, :2], exact_sizes(boxes, box_areas)], axis=1)


def _annotations(ground_truth: GroundTruth) -> list[dict[str, Any]]:
    columns = (
        groups_from_offsets(ground_truth.offsets),
        ground_truth.class_index,
        _xywh(ground_truth.boxes, ground_truth.box_areas),
        ground_truth.areas,
        ground_truth.iscrowd,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        {
            "id": n,
            "image_id": image + 1,
            "category_id": k + 1,
            "bbox": box,
            "area": area,
            "iscrowd": int(crowd),
        }
        for n, (image, k, box, area, crowd) in enumerate(rows, 1)
    ]


def _results(detections: Detections) -> list[dict[str, Any]]:
    columns = (
        groups_from_offsets(detections.offsets),
        detections.class_index,
        _xywh(detections.boxes, detections.box_areas),
        detections.box_areas,
        detections.scores,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        {
            "id": n,
            "image_id": image + 1,
            "category_id": k + 1,
            "bbox": box,
            "area": area,
            "score": score,
            "iscrowd": 0,
        }
        for n, (image, k, box, area, score) in enumerate(rows, 1)
    ]
