"""Checks of images: images with objects but without detections."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Suspicion
from detbench.data.columns import Flags, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth

MIN_MISSING = 0.01
"""Share of the images with objects that may lack detections, whatever the other images have."""
MISSING_PER_SINGLE = 2
"""Normal images without detections for each image with exactly one: counts fall off smoothly."""
MISSING_WITHOUT_SINGLES = 1
"""Normal images without detections if no image has just one, as after writing each box for
several classes."""
FALLING_OFF, FALLING_OFF_SLACK = 1.5, 3
"""If more images have two detections than one, none : one is at most one : two for Poisson and
similar counts. Half as much again, and a few images, are allowed on top."""
LONG_RUN = 10
"""Consecutive images without detections that suggest a run which stopped early or began late."""
MAX_OTHERS_IN_RUN = 0.2
"""Largest share of the other images that may be empty, too, for such a run to mean something."""


def check_missing_images(ground_truth: GroundTruth, image_index: Ints) -> Suspicion | None:
    """Check for images with objects that have no detection.

    More of them than the numbers of images with one and two detections let expect are suspicious,
    and so are many in a row.

    Args:
        ground_truth: I images with their objects.
        image_index: (N,) the image of each detection.
    """
    if not len(image_index):
        return None
    counts = np.bincount(image_index, minlength=len(ground_truth.image_ids))
    with_objects = _images_with_objects(ground_truth)
    n_missing, n_single, total = (
        int(images.sum())
        for images in (with_objects & (counts == 0), with_objects & (counts == 1), with_objects)
    )
    evidence = (
        f"{n_missing:,} of {total:,} images with objects have no detection, {n_single:,} have "
        "exactly one"
    )
    # A detector that stopped early leaves a long run; a weak one leaves gaps everywhere.
    run_length, start = _longest_run(counts == 0)
    if _is_interrupted(counts == 0, with_objects, run_length, start):
        evidence += f"; {run_length:,} in a row, starting at {ground_truth.image_ids[start]!r}"
    elif n_missing <= _normally_missing(with_objects, counts) + MIN_MISSING * total:
        return None
    fix = (
        "run the detector on these images or score only the images it saw; if its score threshold "
        "is high, lower it to .01"
    )
    return Suspicion("images-missing", "warning", evidence, fix)


def _images_with_objects(ground_truth: GroundTruth) -> Flags:
    """Return which images (I,) have an object that is neither difficult nor a crowd."""
    regular = ~(ground_truth.difficult | ground_truth.iscrowd)
    images = groups_from_offsets(ground_truth.offsets)[regular]
    return np.asarray(np.bincount(images, minlength=len(ground_truth.image_ids)) > 0)


def _is_interrupted(empty: Flags, with_objects: Flags, run_length: int, start: int) -> bool:
    """Tell whether a run of empty images looks like an interrupted run of the detector."""
    n_images, n_other = len(empty), int(empty.sum()) - run_length
    return bool(
        run_length >= LONG_RUN
        and run_length > MIN_MISSING * n_images
        and n_other <= MAX_OTHERS_IN_RUN * (n_images - run_length)
        and (with_objects & empty)[start : start + run_length].any()
    )


def _normally_missing(with_objects: Flags, counts: Ints) -> float:
    """Return how many images without detections are normal, given those with one and two."""
    n_one, n_two = (int((with_objects & (counts == number)).sum()) for number in (1, 2))
    if n_two <= n_one:
        return max(MISSING_PER_SINGLE * n_one, MISSING_WITHOUT_SINGLES)
    return FALLING_OFF * n_one**2 / n_two + FALLING_OFF_SLACK


def _longest_run(flags: Flags) -> tuple[int, int]:
    """Return length and start of the longest run of true values."""
    # Between zeros at both ends, every run has a rising and a falling edge.
    bounded = np.concatenate([[0], flags.astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(bounded))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(edges[2 * longest])
