"""Collection: what a detector found in each picture of a dataset becomes detections in the dataset's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.adapters.classes import ClassMapping
from detbench.adapters.detector import ImageDetections
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


def collect_detections(
    found: Sequence[ImageDetections],
    ground_truth: GroundTruth,
    mapping: ClassMapping,
    *,
    name: str,
    settings: Mapping[str, Any] | None = None,
) -> Detections:
    """Return what was found in each of the I pictures of `ground_truth`, in their order, less what is of an unmapped class.

    `name` is the detector's, `settings` its effective ones.
    """
    classes = np.asarray(mapping.indices, np.int64)[
        np.concatenate([each.classes for each in found] or [np.zeros(0, np.int64)])
    ]
    images = np.repeat(np.arange(len(found)), [len(each.scores) for each in found])
    known = classes >= 0
    return Detections.from_rows(
        ground_truth,
        image_index=images[known],
        class_index=classes[known],
        scores=np.concatenate([each.scores for each in found] or [np.zeros(0)])[known],
        boxes=np.concatenate([each.boxes for each in found] or [np.zeros((0, 4))])[known],
        name=name,
        source=f"{name} on {ground_truth.name}",
        settings=settings,
    )
