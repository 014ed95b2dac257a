"""Corrected labels: the ground truth and the headline measure if likely label errors were real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detbench.data.columns import groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.headline import headline_protocol
from detbench.metrics.errors.label_errors import KINDS, LabelError
from detbench.metrics.kernels.overlap import box_areas
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
    headline = headline_protocol(evaluation)
    for name, group in groups.items():
        values[name] = evaluation.average_precision
        if group:
            ground_truth = corrected_labels(evaluation.ground_truth, group)
            again = evaluate(ground_truth, evaluation.detections, headline)
            values[name] = again.average_precision
    return values


def corrected_labels(ground_truth: GroundTruth, errors: Sequence[LabelError]) -> GroundTruth:
    """Return the ground truth with missing objects added, spurious removed and classes changed."""
    classes = {name: k for k, name in enumerate(ground_truth.class_names)}
    class_index = ground_truth.class_index.copy()
    kept = np.ones(len(ground_truth), np.bool_)
    missing = []
    for error in errors:
        if error.object is None:
            missing.append(error)
        elif error.detected is None:
            kept[error.object] = False
        else:
            class_index[error.object] = classes[error.detected]

    def joined(column: NDArray[Any], added: ArrayLike) -> NDArray[Any]:
        """Return the column of the objects kept, then that of the missing ones."""
        return np.concatenate([column[kept], np.asarray(added, column.dtype)])

    images = groups_from_offsets(ground_truth.offsets)
    boxes = np.array([error.box for error in missing], np.float64).reshape(-1, 4)
    areas = box_areas(boxes)
    no_flags = np.zeros(len(missing), np.bool_)
    rebuilt = GroundTruth.from_rows(
        image_ids=ground_truth.image_ids,
        class_names=ground_truth.class_names,
        image_index=joined(images, [error.image for error in missing]),
        class_index=joined(class_index, [classes[error.class_name] for error in missing]),
        boxes=joined(ground_truth.boxes, boxes),
        box_areas=joined(ground_truth.box_areas, areas),
        areas=joined(ground_truth.areas, areas),
        iscrowd=joined(ground_truth.iscrowd, no_flags),
        difficult=joined(ground_truth.difficult, no_flags),
        truncated=joined(ground_truth.truncated, no_flags),
    )
    unchanged = {name: getattr(ground_truth, name) for name in _UNCHANGED}
    return replace(rebuilt, **unchanged)
