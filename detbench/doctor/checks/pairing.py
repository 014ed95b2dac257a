"""Pairing: detections that lie on the objects of an image no better than chance, made for another one or by a detector that cannot."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.doctor.case import Case
from detbench.doctor.evidence.fit import Sample, best_of_each, sample_of
from detbench.doctor.findings import Finding
from detbench.metrics.kernels.overlap import iou

FEWEST_OBJECTS = 30
ABOVE_CHANCE = 1.6
"""How many times more objects than by chance a detector must find; public ones find 30 times as many and more."""
PARTNERS = 60
"""Images whose true partner is looked for among all."""
MANY_PAST = 0.03
"""Share of boxes past the edge of their image, beyond what shows on the other side, that shows sizes of other images."""
SURE, SURE_PER_OBJECT = 0.5, 0.5
"""Score from which a detection is sure, and how many for an object are too many for a detector that is hardly trained."""
BOXES = 10
SURE_PARTNERS = 0.15
"""Share of images with a partner, above that of mirrored boxes, which have none but by chance."""
MATCHED = 0.6
"""Share of the objects of an image, two at least, that detections of the same classes must lie on to be its partner."""


def check_pairing(case: Case) -> Finding | None:
    """Return that detections and images do not belong together, an error only where something else than weakness shows it.

    That is another image whose objects the detections fit, or boxes that leave their images for others' sizes. Beyond that, a detector that
    is sure of many boxes and finds nothing is worth a warning; one that is not may just be untrained. Where half of the boxes have no
    extent, nothing is told.
    """
    sample = sample_of(case)
    if (
        case.source is None
        or not len(case.scored)
        or len(sample.objects) < FEWEST_OBJECTS
        or len(np.unique(sample.object_images)) < 5
        or not _usable(sample)
    ):
        return None
    own = _found_share(sample, 0)
    chance = float(np.mean([_found_share(sample, turn) for turn in (1, 2, 3, 5)]))
    if own > ABOVE_CHANCE * chance + 0.02:
        return None
    evidence = f"{own:.0%} of the objects have a detection of their class on them, {chance:.0%} have when images are mixed at random"
    partners, mirrored = _partners(case)
    if partners > mirrored + SURE_PARTNERS:
        evidence += f"; {partners:.0%} of the images' detections fit the objects of another image ({mirrored:.0%} if mirrored)"
        fix = "write each detection with the id of its own image: ids and detections are in different orders"
        return Finding("image-ids-shifted", "error", evidence, fix)
    return _of_other_images(case, evidence)


def _of_other_images(case: Case, evidence: str) -> Finding:
    """Return how likely it is that the detections were made for images that the ground truth does not have."""
    past = _past_the_edge(case)
    sure = int((case.scored.scores >= SURE).sum()) if case.scored.scores.max() <= 1 else 0
    objects = int(case.regular.sum())
    other = "choose the split or dataset the detections were made for: their ids are the same, their images are not"
    if past > MANY_PAST:
        evidence += f"; {past:.0%} of the boxes reach past the edge of their image, though others would hold them: sizes are those of others"
        return Finding("wrong-split", "error", evidence, other)
    if sure >= SURE_PER_OBJECT * objects:
        evidence += f"; yet {sure:,} of them are surer than {SURE:g}, beside {objects:,} objects"
        return Finding(
            "wrong-split", "warning", evidence, f"{other}; or the detector is not trained"
        )
    evidence += ": the detector finds next to nothing"
    return Finding(
        "wrong-split",
        "note",
        evidence,
        f"normal for a detector that is hardly trained; else {other}",
    )


def _usable(sample: Sample) -> bool:
    """Tell whether half of the boxes or more have an extent."""
    return bool(((sample.boxes[:, 2:] > sample.boxes[:, :2]).all(axis=1)).mean() >= 0.5)


def _past_the_edge(case: Case) -> float:
    """Return how many more boxes leave their image to the right or below than to the left or above, or than any image would hold.

    Detectors that do not cut boxes to the image leave it to all sides alike; boxes of larger images only where these would go on.
    """
    sizes = case.truth.image_sizes[case.scored.image]
    known = np.isfinite(sizes).all(axis=1)
    if not known.any():
        return 0.0
    boxes, sizes = case.scored.boxes[known], sizes[known]
    last, before, beyond = (
        float(outside.any(axis=1).mean())
        for outside in (
            boxes[:, 2:] > sizes + 1,
            boxes[:, :2] < -1,
            boxes[:, 2:] > np.nanmax(case.truth.image_sizes, axis=0) + 1,
        )
    )
    return last - max(before, beyond)


def _found_share(sample: Sample, turn: int) -> float:
    """Return the share of objects with a detection of their class on them, when each image gets the objects of the one `turn` further."""
    images = np.unique(sample.object_images)
    place = np.searchsorted(images, sample.object_images)
    taker = (place + turn) % len(images)
    d_of: dict[int, list[int]] = {}
    for d, o in zip(*(side.tolist() for side in sample.pairs), strict=True):
        d_of.setdefault(int(place[o]), []).append(d)
    rows = {image: np.unique(found) for image, found in d_of.items()}
    found = 0
    for image in range(len(images)):
        objects = np.flatnonzero(taker == image)
        if image in rows and len(objects):
            boxes = rows[image]
            overlap = iou(np.nan_to_num(sample.boxes[boxes]), sample.objects[objects])
            same = sample.classes[boxes][:, None] == sample.object_classes[objects]
            found += int(((overlap >= 0.5) & same).any(axis=0).sum())
    return found / len(sample.objects)


def _partners(case: Case) -> tuple[float, float]:
    """Return the share of sampled images whose detections fit some image's objects, and the same for mirrored boxes."""
    rows, truth = case.scored, case.truth
    order = best_of_each(rows.image, rows.scores, np.arange(len(rows)), BOXES)
    images = np.unique(rows.image[order])
    chosen = np.random.default_rng(2).choice(images, min(PARTNERS, len(images)), replace=False)
    owners = groups_from_offsets(truth.offsets)
    counts = np.diff(truth.offsets)
    fits = np.zeros(2, np.int64)
    for image in chosen:
        own = order[rows.image[order] == image]
        boxes = rows.boxes[own]
        width = (
            truth.image_sizes[image, 0]
            if np.isfinite(truth.image_sizes[image, 0])
            else boxes[:, 2].max()
        )
        flipped: Floats = np.stack(
            [width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1
        )
        for n, each in enumerate((boxes, flipped)):
            overlap = iou(each, truth.boxes) >= 0.5
            hit = (overlap & (rows.classes[own][:, None] == truth.class_index)).any(axis=0)
            matched = np.bincount(owners[hit], minlength=len(counts))
            fits[n] += bool(((matched >= 2) & (matched >= MATCHED * counts)).any())
    return float(fits[0] / len(chosen)), float(fits[1] / len(chosen))
