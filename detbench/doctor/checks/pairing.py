"""Check of the pairing: detections that lie on the objects of their images no better than chance.

They were made for other images, or by a detector that finds next to nothing.
"""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats, Ints, groups_from_offsets
from detbench.doctor.case import Case
from detbench.doctor.evidence.fit import Sample, sample_of
from detbench.doctor.findings import Finding
from detbench.metrics.kernels.overlap import pairwise_iou
from detbench.metrics.scoring.placement import highest_scoring, well_placed
from detbench.metrics.scoring.suspicions import find_misplacement

MIN_OBJECTS, MIN_IMAGES = 30, 5
MIN_WITH_EXTENT = 0.5
"""Share of boxes with an extent below which nothing is concluded."""
ABOVE_CHANCE, ABOVE_CHANCE_SLACK = 1.6, 0.02
"""How many times more objects than by chance a detector must find; public ones find 30 times as
many and more."""
LOOK_ALIKE = 0.2
"""Share of objects found by chance from which on images look alike, as those of a fixed camera, a
jig or a shelf do: any order of them fits. In public sets, .015 at most are found by chance."""
SHIFTS = (1, 2, 3, 5)
"""Positions by which images are shifted to see what is found by chance."""
N_PARTNERS, PARTNER_IOU = 200, 0.6
"""Images whose true partner is looked for among all images, and the IoU with its objects. Of
thousands of images, half of all detections fit one by chance at .5, a fifth at .6."""
BOXES_PER_IMAGE = 10
MIN_PARTNERS = 0.15
"""Share of images with a partner, above that of mirrored boxes, which have one by chance only."""
MATCHED = 0.6
"""Share of an image's objects, at least two, that detections of the same classes must lie on."""
MANY_PAST = 0.03
"""Share of boxes past the edge of their image, beyond what shows on the other side, that shows that
image sizes are those of other images."""
CONFIDENT, CONFIDENT_PER_OBJECT = 0.5, 0.5
"""Score of a confident detection, and how many of them per object are too many for a detector that
is hardly trained."""
_SEED = 2

_OTHER_IMAGES = (
    "choose the split or dataset of these detections: their image IDs are the same, their images "
    "are not"
)


def check_pairing(case: Case) -> Finding | None:
    """Check whether detections and images belong together.

    It is an error only if something else than weakness shows it: another image whose objects the
    detections fit, or boxes that leave their images for the sizes of others. Otherwise, a detector
    that is confident of many boxes and finds nothing is worth a warning; one that is not may just
    be untrained.
    """
    sample = sample_of(case)
    if not len(case.scored) or not _is_large_enough(sample):
        return None
    share = _found_share(sample, 0)
    by_chance = float(np.mean([_found_share(sample, shift) for shift in SHIFTS]))
    if by_chance > LOOK_ALIKE or share > ABOVE_CHANCE * by_chance + ABOVE_CHANCE_SLACK:
        return None
    evidence = (
        f"{share:.0%} of the objects have a detection of their class on them, {by_chance:.0%} if "
        "images are mixed at random"
    )
    partners, mirrored = _partners(case)
    if partners > mirrored + MIN_PARTNERS:
        evidence += (
            f"; {partners:.0%} of the images' detections fit the objects of another image "
            f"({mirrored:.0%} if mirrored)"
        )
        fix = "write each detection with the ID of its own image: their orders differ"
        return Finding("image-ids-shifted", "error", evidence, fix)
    return _other_images(case, evidence)


def check_placement(case: Case) -> Finding | None:
    """Check whether almost no object has a detection on it, in sets too small for the pairing."""
    if not len(case.scored):
        return None
    placed = well_placed(case.ground_truth, case.scored)
    suspicion = find_misplacement(case.ground_truth, case.scored, placed)
    if suspicion is None:
        return None
    fix = "look at the boxes on their images: no known box format, unit or image size explains them"
    return Finding(suspicion.id, suspicion.severity, suspicion.evidence, fix)


def _is_large_enough(sample: Sample) -> bool:
    with_extent = (sample.boxes[:, 2:] > sample.boxes[:, :2]).all(axis=1)
    return bool(
        len(sample.objects) >= MIN_OBJECTS
        and len(np.unique(sample.object_images)) >= MIN_IMAGES
        and with_extent.mean() >= MIN_WITH_EXTENT
    )


def _other_images(case: Case, evidence: str) -> Finding:
    """Return how likely it is that the detections are of images the ground truth does not have."""
    past = _share_past_the_edge(case)
    scores, n_objects = case.scored.scores, int(case.regular.sum())
    n_confident = int((scores >= CONFIDENT).sum()) if scores.max() <= 1 else 0
    if past > MANY_PAST:
        evidence += (
            f"; {past:.0%} of the boxes reach past the edge of their image, though other images "
            "would hold them: they fit the sizes of other images"
        )
        return Finding("wrong-split", "error", evidence, _OTHER_IMAGES)
    if n_confident >= CONFIDENT_PER_OBJECT * n_objects:
        evidence += (
            f"; yet {n_confident:,} detections score {CONFIDENT:g} or more, with {n_objects:,} "
            "objects"
        )
        fix = f"{_OTHER_IMAGES}; or train the detector"
        return Finding("wrong-split", "warning", evidence, fix)
    evidence += ": the detector finds next to nothing"
    fix = f"train the detector: this is normal before training; or {_OTHER_IMAGES}"
    return Finding("wrong-split", "note", evidence, fix)


def _share_past_the_edge(case: Case) -> float:
    """Return how many more boxes leave their image to the right or below than is normal.

    Detectors that do not clip boxes leave the image on all sides alike. Boxes of larger images
    leave it only where these would go on, and not farther than any image reaches.
    """
    sizes = case.ground_truth.image_sizes[case.scored.image_index]
    has_size = np.isfinite(sizes).all(axis=1)
    if not has_size.any():
        return 0.0
    boxes, sizes = case.scored.boxes[has_size], sizes[has_size]
    largest = np.nanmax(case.ground_truth.image_sizes, axis=0)
    last, first, beyond_all = (
        float(outside.any(axis=1).mean())
        for outside in (
            boxes[:, 2:] > sizes + 1,
            boxes[:, :2] < -1,
            boxes[:, 2:] > largest + 1,
        )
    )
    return last - max(first, beyond_all)


def _found_share(sample: Sample, shift: int) -> float:
    """Return the share of objects with a detection of their class on them.

    Args:
        sample: Detections and objects of some images.
        shift: Each image gets the objects of the image so many positions further.
    """
    n_images = int(sample.object_images.max()) + 1
    # With a shift of 0 each image has its own objects, otherwise those of another image.
    paired_image = (sample.object_images + shift) % n_images
    n_found = 0
    for image in range(n_images):
        detections = np.flatnonzero(sample.box_images == image)
        objects = np.flatnonzero(paired_image == image)
        overlap = pairwise_iou(np.nan_to_num(sample.boxes[detections]), sample.objects[objects])
        same_class = sample.classes[detections][:, None] == sample.object_classes[objects]
        n_found += int(((overlap >= 0.5) & same_class).any(axis=0).sum())
    return n_found / len(sample.objects)


def _partners(case: Case) -> tuple[float, float]:
    """Return the share of images whose detections fit another image, and not their own.

    Returns:
        The share, and the same for mirrored boxes, which fit by chance only.
    """
    rows, ground_truth = case.scored, case.ground_truth
    all_rows = np.arange(len(rows))
    best = highest_scoring(rows.image_index, rows.scores, all_rows, BOXES_PER_IMAGE)
    images = np.unique(rows.image_index[best])
    random = np.random.default_rng(_SEED)
    sampled = random.choice(images, min(N_PARTNERS, len(images)), replace=False)
    n_fits = np.zeros(2, np.int64)
    for image in sampled:
        detections = best[rows.image_index[best] == image]
        boxes, width = rows.boxes[detections], ground_truth.image_sizes[image, 0]
        if not np.isfinite(width):
            width = boxes[:, 2].max()  # any axis will do for the mirrored boxes
        mirrored = np.stack(
            [width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1
        )
        classes = rows.class_index[detections]
        n_fits += [_fits_another(case, image, each, classes) for each in (boxes, mirrored)]
    share, mirrored_share = (n_fits / len(sampled)).tolist()
    return share, mirrored_share


def _fits_another(case: Case, image: int, boxes: Floats, classes: Ints) -> bool:
    """Tell whether the detections of an image lie on most objects of another, not of their own."""
    ground_truth = case.ground_truth
    on_object = pairwise_iou(boxes, ground_truth.boxes) >= PARTNER_IOU
    same_class = classes[:, None] == ground_truth.class_index
    is_found = (on_object & same_class).any(axis=0)
    n_objects = np.diff(ground_truth.offsets)
    image_of_found = groups_from_offsets(ground_truth.offsets)[is_found]
    n_found = np.bincount(image_of_found, minlength=len(n_objects))
    fits = (n_found >= 2) & (n_found >= MATCHED * n_objects)
    return bool(fits.any() and not fits[image])
