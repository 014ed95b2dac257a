"""Checks of counts: no detections, and more detections than a protocol scores."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Suspicion
from detbench.data.detection_rows import DetectionRows


def check_empty(rows: DetectionRows) -> Suspicion | None:
    """Check whether there are no detections at all."""
    if len(rows):
        return None
    fix = "check that this is the file of a finished run"
    return Suspicion("detections-empty", "error", "there are no detections", fix)


def check_detection_limit(
    rows: DetectionRows, n_classes: int, max_detections: int | None
) -> Suspicion | None:
    """Check for detections that the protocol's limit per image and class leaves out.

    Args:
        rows: The detections; all of a known image and class.
        n_classes: Number of classes of the ground truth.
        max_detections: The limit, None for a protocol without one.
    """
    if max_detections is None:
        return None
    cells = rows.image_index * n_classes + rows.class_index
    counts = np.unique(cells, return_counts=True)[1]
    n_cut = int(np.maximum(counts - max_detections, 0).sum())
    if n_cut == 0:
        return None
    evidence = (
        f"{n_cut:,} detections are not scored: they are beyond the {max_detections} "
        "highest-scoring ones of their image and class"
    )
    fix = "this is the COCO protocol's rule; other tools may count them"
    return Suspicion("too-many-detections", "note", evidence, fix)
