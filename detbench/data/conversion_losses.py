"""Conversion losses: what a written dataset no longer says, found by reading it back."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets, rows_of_groups
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.wording import first_few, plural

_TOLERANCE = 1e-3
"""Pixels by which decimals may move an edge."""
_AREA_TOLERANCE = 1e-6
"""Relative difference of areas that decimals cause."""
_MAX_NAMES = 3


def ground_truth_losses(before: GroundTruth, after: GroundTruth) -> list[str]:
    """Return one sentence for each thing that got lost; without what every writer warns about.

    Crowd regions, difficult objects, groups and LVIS's lists are warned about in writing.
    """
    losses = []
    images = _positions(before, after)
    lost_images = [before.image_ids[image] for image in np.flatnonzero(images < 0)]
    if lost_images:
        count = plural(len(lost_images), "image")
        losses.append(f"{count} not found by id or file: {first_few(lost_images, _MAX_NAMES)}")
    elif not np.array_equal(images, np.arange(len(after.image_ids))):
        losses.append("the order of images, which decides between detections of equal score")
    lost_classes = [name for name in before.class_names if name not in set(after.class_names)]
    if lost_classes:
        count = plural(len(lost_classes), "class")
        losses.append(f"{count} without objects: {first_few(lost_classes, _MAX_NAMES)}")
    elif after.class_names != before.class_names:
        losses.append("the order of classes")
    if before.has_category_ids and not np.array_equal(before.category_ids, after.category_ids):
        losses.append("category ids; they become 1 to the number of classes")
    if not lost_images:
        losses += _object_losses(before, after, images)
    if after.protocol != before.protocol:
        losses.append(
            f"the protocol: scored as {after.protocol} unless --protocol {before.protocol}"
        )
    return losses


def detections_losses(before: Detections, after: Detections) -> list[str]:
    """Return one sentence for each thing that got lost."""
    if len(after) != len(before):
        return [f"{len(before):,} detections are read back as {len(after):,}"]
    losses = []
    first, second = _sorted_rows(before), _sorted_rows(after)
    moved = (np.abs(after.boxes[second] - before.boxes[first]) > _TOLERANCE).any(axis=1)
    if moved.any():
        losses.append(f"{plural(int(moved.sum()), 'box')} moved by more than {_TOLERANCE:g} pixels")
    changed = int((after.scores[second] != before.scores[first]).sum())
    if changed:
        losses.append(f"digits of {plural(changed, 'score')}")
    return losses


def _sorted_rows(detections: Detections) -> Ints:
    """Return the rows (N,) by image, class, score and box: formats order them in several ways."""
    images = groups_from_offsets(detections.offsets)
    keys = (*detections.boxes.T, detections.scores, detections.class_index, images)
    return np.lexsort(keys)


def _positions(before: GroundTruth, after: GroundTruth) -> Ints:
    """Return the position in `after` of each image (I,), by id or else by file; −1 if lost."""
    by_name = {PurePath(file).stem: place for place, file in enumerate(after.image_files)}
    by_name |= {image_id: place for place, image_id in enumerate(after.image_ids)}
    return np.array(
        [
            by_name.get(image_id, by_name.get(PurePath(file).stem, -1))
            for image_id, file in zip(before.image_ids, before.image_files, strict=True)
        ],
        np.int64,
    )


def _object_losses(before: GroundTruth, after: GroundTruth, images: Ints) -> list[str]:
    counts = np.diff(after.offsets)[images]
    if len(before) != len(after) or not np.array_equal(np.diff(before.offsets), counts):
        return [f"{len(before):,} objects are read back as {len(after):,}"]
    rows = rows_of_groups(after.offsets, images)
    losses = []
    moved = (np.abs(after.boxes[rows] - before.boxes) > _TOLERANCE).any(axis=1)
    if moved.any():
        count = plural(int(moved.sum()), "box")
        losses.append(f"{count} moved by more than {_TOLERANCE:g} pixels")
    areas = ~np.isclose(after.areas[rows], before.areas, rtol=_AREA_TOLERANCE, atol=0)
    lost_areas = int((areas & ~moved).sum())
    if lost_areas:
        objects = plural(lost_areas, "object")
        losses.append(
            f"the area of {objects}, read as width · height: COCO's APs, APm and APl change"
        )
    truncated = int((before.truncated & ~after.truncated[rows]).sum())
    if truncated:
        losses.append(f"the flag truncated of {plural(truncated, 'object')}")
    return losses
