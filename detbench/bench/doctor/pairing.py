"""Pairing: detections that lie on the objects of an image no better than chance, since they were made for another one."""

from __future__ import annotations

import numpy as np

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fit import Sample, best_of_each, sample_of
from detbench.data.columns import Floats, groups_from_offsets
from detbench.metrics.overlap import iou

FEWEST_OBJECTS = 30
ABOVE_CHANCE = 1.6
"""How many times more objects than by chance a detector must find; public ones find 30 times as many and more."""
PARTNERS = 60
"""Images whose true partner is looked for among all."""
BOXES = 10
SURE_PARTNERS = 0.15
"""Share of images with a partner, above that of mirrored boxes, which have none but by chance."""
MATCHED = 0.6
"""Share of the objects of an image, two at least, that detections of the same classes must lie on to be its partner."""


def check_pairing(case: Case) -> Finding | None:
    """Return that detections and images do not belong together: shuffled where partners are found, else of another split."""
    sample = sample_of(case)
    if case.source is None or len(sample.objects) < FEWEST_OBJECTS or len(np.unique(sample.object_images)) < 5:
        return None
    own = _found_share(sample, 0)
    chance = float(np.mean([_found_share(sample, turn) for turn in (1, 2, 3, 5)]))
    if own > ABOVE_CHANCE * chance + 0.02:
        return None
    partners, mirrored = _partners(case)
    evidence = f"{own:.0%} of the objects have a detection of their class on them, {chance:.0%} have when images are mixed at random"
    if partners > mirrored + SURE_PARTNERS:
        evidence += f"; {partners:.0%} of the images' detections fit the objects of another image ({mirrored:.0%} if mirrored)"
        return Finding(
            "image-ids-shifted",
            "error",
            evidence,
            "write each detection with the id of its own image: ids and detections are in different orders",
        )
    return Finding(
        "wrong-split",
        "error",
        evidence,
        "choose the split or dataset the detections were made for: their ids are the same, their images are not",
    )


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
        width = truth.image_sizes[image, 0] if np.isfinite(truth.image_sizes[image, 0]) else boxes[:, 2].max()
        flipped: Floats = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
        for n, each in enumerate((boxes, flipped)):
            overlap = iou(each, truth.boxes) >= 0.5
            hit = (overlap & (rows.classes[own][:, None] == truth.class_index)).any(axis=0)
            matched = np.bincount(owners[hit], minlength=len(counts))
            fits[n] += bool(((matched >= 2) & (matched >= MATCHED * counts)).any())
    return float(fits[0] / len(chosen)), float(fits[1] / len(chosen))
