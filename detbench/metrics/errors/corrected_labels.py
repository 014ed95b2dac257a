"""Corrected labels: the ground truth and the headline measure if likely label errors were real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detbench.data.columns import Flags, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.label_errors import KINDS, LabelError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation

AS_ANNOTATED, ALL_CORRECTED = "as annotated", "all"
_UNCHANGED = (
    "category_ids",
    "image_sizes",
    "image_files",
    "image_folder",
    "name",
    "protocol",
)
"""What a correction of objects leaves alone."""


def corrected_values(
    evaluation: Evaluation, errors: Sequence[LabelError]
) -> dict[str, float | None]:
    """Return the headline measure as annotated, and with likely label errors corrected.

    Keys are `AS_ANNOTATED`, each of `KINDS` for the errors of this kind alone, and `ALL_CORRECTED`.
    """
    groups = {kind: [error for error in errors if error.kind == kind] for kind in KINDS}
    groups[ALL_CORRECTED] = list(errors)
    values = {AS_ANNOTATED: evaluation.average_precision}
    headline = replace(evaluation.protocol, measures=evaluation.protocol.measures[:1])
    for name, group in groups.items():
        values[name] = evaluation.average_precision
        if group:
            ground_truth = corrected_labels(evaluation.ground_truth, group)
            again = evaluate(ground_truth, evaluation.detections, headline)
            values[name] = again.average_precision
    return values


def corrected_labels(ground_truth: GroundTruth, errors: Sequence[LabelError]) -> GroundTruth:
    """Return the ground truth with missing objects added, spurious removed and classes changed."""
    class_index = ground_truth.class_index.copy()
    kept = np.ones(len(ground_truth), np.bool_)
    index = {name: k for k, name in enumerate(ground_truth.class_names)}
    for error in errors:
        if error.object is not None and error.detected is None:
            kept[error.object] = False
        elif error.object is not None and error.detected is not None:
            class_index[error.object] = index[error.detected]
    added = [error for error in errors if error.object is None]
    added_images = np.array([error.image for error in added], np.int32)
    added_classes = np.array([index[error.class_name] for error in added], np.int32)
    boxes = np.array([error.box for error in added], np.float64).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    images = groups_from_offsets(ground_truth.offsets)

    def flags(column: Flags) -> Flags:
        return np.concatenate([column[kept], np.zeros(len(added), np.bool_)])

    rebuilt = GroundTruth.from_rows(
        image_ids=ground_truth.image_ids,
        class_names=ground_truth.class_names,
        image_index=np.concatenate([images[kept], added_images]),
        class_index=np.concatenate([class_index[kept], added_classes]),
        boxes=np.concatenate([ground_truth.boxes[kept], boxes]),
        box_areas=np.concatenate([ground_truth.box_areas[kept], areas]),
        areas=np.concatenate([ground_truth.areas[kept], areas]),
        iscrowd=flags(ground_truth.iscrowd),
        difficult=flags(ground_truth.difficult),
        truncated=flags(ground_truth.truncated),
    )
    return replace(rebuilt, **{name: getattr(ground_truth, name) for name in _UNCHANGED})
