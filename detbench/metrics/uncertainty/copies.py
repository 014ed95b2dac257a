"""Copies: datasets that hold an image several times, each copy an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detbench.data.columns import Ints, rows_of_groups
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


def with_copies(
    ground_truth: GroundTruth, detections: Sequence[Detections], positions: Ints
) -> tuple[GroundTruth, list[Detections]]:
    """Return ground truth and detections of the images at `positions` (I',), in that order; an image may be named several times.

    The new images are numbered, so that ties among scores are broken by their order.
    """
    rows = rows_of_groups(ground_truth.offsets, positions)
    copies = replace(
        ground_truth,
        image_ids=tuple(f"{place:09d}" for place in range(len(positions))),
        offsets=np.concatenate([[0], np.cumsum(np.diff(ground_truth.offsets)[positions])]),
        image_sizes=ground_truth.image_sizes[positions],
        image_files=tuple(ground_truth.image_files[i] for i in positions),
        groups=None if ground_truth.groups is None else ground_truth.groups[positions],
        **{
            column: getattr(ground_truth, column)[rows]
            for column in (
                "class_index",
                "boxes",
                "box_areas",
                "areas",
                "iscrowd",
                "difficult",
                "truncated",
            )
        },
    )
    return copies, [each.select_images(copies, positions) for each in detections]
