"""Checks of images: images with objects but without detections."""

from __future__ import annotations

import math

import numpy as np

from detbench.data.checks.suspicion import Suspicion
from detbench.data.columns import Flags, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth

MIN_MISSING = 0.01
"""Share of the images with objects that may lack detections, whatever the other images have."""
MIN_IMAGES = 2
"""Images without detections from which on their number says something."""
MIN_OF_HALF = 5
"""The same if they are half of all images or more, as for a weak detector on few images."""
MISSING_PER_SINGLE = 2
"""Normal images without detections for each image with exactly one: counts fall off smoothly."""
FALLING_OFF, SLACK = 2, 3
"""For Poisson and similar counts, none : one is at most one : two. Twice as many images without
detections are normal, and a few more."""
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
    else:
        n_normal = _normally_missing(with_objects, counts) + MIN_MISSING * total
        minimum = MIN_OF_HALF if 2 * n_missing >= total else MIN_IMAGES
        if n_missing <= n_normal or n_missing < minimum:
            return None
    fix = (
        "run the detector on these images or score only those it was run on; if its score "
        "threshold is high, lower it to .01"
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
    n_more = int((with_objects & (counts > 2)).sum())
    if n_two > n_one:
        return FALLING_OFF * n_one * n_one / n_two + SLACK
    if n_one <= n_more:
        return float(MISSING_PER_SINGLE * n_one)
    # Most images have one detection or none. If hardly any has two, in this sample or in another
    # of such images, the detector may find next to nothing, and any number without is normal.
    n_two_at_least = n_two - 2 * math.sqrt(n_two)
    if n_two_at_least <= 0:
        return float("inf")
    return max(MISSING_PER_SINGLE * n_one, n_one * n_one / max(n_two_at_least, 1))


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
