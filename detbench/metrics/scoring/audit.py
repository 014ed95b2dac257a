"""Audit: the COCO protocol by pycocotools and by detbench, and how far the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.cocoeval import (
    Summary,
    annotation_index,
    array_difference,
    is_identical,
    run_cocoeval,
    summary_difference,
    summary_of,
)
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.file_audit import CocoFiles, FileAudit, audit_files


@dataclass(frozen=True)
class Audit:
    """The COCO protocol computed twice, and the largest absolute differences between the two."""

    ours: Summary
    pycocotools: Summary
    """Of the same boxes, as detbench read them."""
    summary_difference: float
    """Over the 12 numbers of the summary."""
    array_difference: float
    """Over the arrays of precision, recall and scores."""
    identical: bool
    """Whether the three arrays are equal bit for bit."""
    files: FileAudit | None = None
    """The user's files as pycocotools reads them; None unless both are COCO files."""


def audit(
    ground_truth: GroundTruth, detections: Detections, files: CocoFiles | None = None
) -> Audit:
    """Score under the COCO protocol with pycocotools and with detbench.

    It takes the time and the memory that pycocotools takes, once if there is no difference.

    Args:
        ground_truth: The annotated objects.
        detections: Of one detector.
        files: The COCO files that both were read from, if they were.
    """
    ours = evaluate(ground_truth, detections, COCO)
    of_files, theirs = audit_files(files, ours) if files else (None, None)
    if theirs is None:
        theirs = _pycocotools(ground_truth, detections)
    summary = summary_of(theirs)
    return Audit(
        ours=ours.summary,
        pycocotools=summary,
        summary_difference=summary_difference(ours.summary, summary),
        array_difference=array_difference(theirs, ours),
        identical=is_identical(theirs, ours),
        files=of_files,
    )


def _pycocotools(ground_truth: GroundTruth, detections: Detections) -> Any:
    """Return pycocotools' `COCOeval` of boxes that were read already."""
    # Ids start at 1: pycocotools cannot match an annotation with id 0 (cocoapi#507).
    images = [{"id": i + 1} for i in range(len(ground_truth.image_ids))]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(ground_truth.class_names)]
    crowd = ground_truth.iscrowd.astype(np.int64)
    no_crowd = np.zeros(len(detections), np.int64)
    annotations = _columns_as_rows(ground_truth, area=ground_truth.areas, iscrowd=crowd)
    results = _columns_as_rows(
        detections, area=detections.box_areas, iscrowd=no_crowd, score=detections.scores
    )
    indexes = [annotation_index(images, categories, rows) for rows in (annotations, results)]
    return run_cocoeval(*indexes)


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
