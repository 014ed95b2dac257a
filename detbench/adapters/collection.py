"""Collection: joins the detections of all images of a dataset, in the dataset's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.adapters.classes import ClassMapping
from detbench.adapters.detector import ImageDetections
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


def collect_detections(
    per_image: Sequence[ImageDetections],
    ground_truth: GroundTruth,
    mapping: ClassMapping,
    *,
    name: str,
    settings: Mapping[str, Any] | None = None,
) -> Detections:
    """Return the detections of all images without those of unmapped classes.

    Args:
        per_image: the detections in each image of `ground_truth`, in the order of its images.
        ground_truth: the dataset.
        mapping: from the model's classes to the dataset's.
        name: of the detector.
        settings: effective settings of the detector.
    """
    model_classes = [image.classes for image in per_image] or [np.zeros(0, np.int64)]
    scores = [image.scores for image in per_image] or [np.zeros(0)]
    boxes = [image.boxes for image in per_image] or [np.zeros((0, 4))]
    classes = np.asarray(mapping.indices, np.int64)[np.concatenate(model_classes)]
    images = np.repeat(np.arange(len(per_image)), [len(image.scores) for image in per_image])
    mapped = classes >= 0
    return Detections.from_rows(
        ground_truth,
        image_index=images[mapped],
        class_index=classes[mapped],
        scores=np.concatenate(scores)[mapped],
        boxes=np.concatenate(boxes)[mapped],
        name=name,
        source=f"{name} on {ground_truth.name}",
        settings=settings,
    )
