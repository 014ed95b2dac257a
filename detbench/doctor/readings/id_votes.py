"""Votes on image IDs: by how much they are off, as the images show on whose objects boxes lie.

If IDs are shifted among themselves, each is that of an image, and only the boxes can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets
from detbench.doctor.case import Case
from detbench.doctor.readings.image_ids import IdReading, image_lists, whole_numbers
from detbench.metrics.kernels.overlap import pairwise_iou
from detbench.metrics.scoring.placement import highest_scoring

N_VOTERS = 60
"""Images whose detections are compared with the objects of all images."""
BOXES_PER_IMAGE = 10
MIN_MATCHED = 0.6
"""Share of the objects of an image, at least two, that detections of their classes must lie on."""
MIN_VOTES, MIN_SHARE = 3, 0.25
"""Votes for the same offset that it takes, in number and as a share of all."""
_SEED = 8


def voted_readings(case: Case) -> Iterator[IdReading]:
    """Yield the readings that move IDs by the offset for which most images vote, in any list."""
    voters, meant = _votes(case)
    names = case.file.images.names
    own, n_images = _own_images(case), len(case.ground_truth.image_ids)
    numbers = whole_numbers(names)
    of_images = whole_numbers(case.ground_truth.image_ids)
    if numbers and of_images:
        offset = _winner(np.array(numbers)[voters] - np.array(of_images)[meant])
        if offset:
            position_of = {number: position for position, number in enumerate(of_images)}
            positions = [position_of.get(number - offset, -1) for number in numbers]
            name = f"numbers {offset:+,} away from the true ones"
            yield IdReading(name, np.array(positions, np.int64))
    for list_name, order in image_lists(case):
        rank = np.argsort(order)
        with_own = own[voters] >= 0
        offset = _winner((rank[meant[with_own]] - rank[own[voters[with_own]]]) % n_images)
        if offset:
            shifted = np.array(order)[(rank[own] + offset) % n_images]
            how = f"{offset:,} before" if 2 * offset <= n_images else f"{n_images - offset:,} after"
            name = f"those of the image {how} in {list_name}"
            yield IdReading(name, np.where(own >= 0, shifted, -1))
        first = _winner(np.array(numbers)[voters] - rank[meant]) if numbers else None
        if numbers and first is not None:
            ranks = np.array(numbers, np.int64) - first
            inside = (ranks >= 0) & (ranks < n_images)
            images = np.array(order)[np.where(inside, ranks, 0)]
            name = f"positions in {list_name}, from {first:,}"
            yield IdReading(name, np.where(inside, images, -1))


def _own_images(case: Case) -> Ints:
    """Return the image (names,) that each ID means as it is, −1 for none."""
    own = np.full(len(case.file.images.names), -1, np.int64)
    own[case.file.images.codes[case.rows.source_rows]] = case.rows.image_index
    return own


def _winner(votes: Ints) -> int | None:
    """Return the vote that most images share; None without enough of them."""
    if not len(votes):
        return None
    [(vote, count)] = Counter(votes.tolist()).most_common(1)
    return int(vote) if count >= max(MIN_VOTES, MIN_SHARE * len(votes)) else None


def _votes(case: Case) -> tuple[Ints, Ints]:
    """Return names of images (V,), and the images on whose objects their detections lie (V,)."""
    rows, images = case.rows, case.file.images
    codes = images.codes[rows.source_rows]
    usable = np.flatnonzero(rows.finite & (rows.class_index >= 0))
    best = highest_scoring(codes, rows.scores, usable, BOXES_PER_IMAGE)
    random = np.random.default_rng(_SEED)
    sampled = random.permutation(np.unique(codes[best]))[:N_VOTERS]
    pairs = [(code, _meant_image(case, best[codes[best] == code])) for code in sampled.tolist()]
    voters = [(code, image) for code, image in pairs if image >= 0]
    return (
        np.array([code for code, _ in voters], np.int64),
        np.array([image for _, image in voters], np.int64),
    )


def _meant_image(case: Case, rows: Ints) -> int:
    """Return the one image on most of whose objects detections lie, −1 if there is none."""
    ground_truth = case.ground_truth
    overlap = pairwise_iou(case.rows.boxes[rows], ground_truth.boxes) >= 0.5
    same_class = case.rows.class_index[rows][:, None] == ground_truth.class_index
    is_found = (overlap & same_class).any(axis=0)
    image_of_object = groups_from_offsets(ground_truth.offsets)
    n_objects = np.diff(ground_truth.offsets)
    n_found = np.bincount(image_of_object[is_found], minlength=len(n_objects))
    share = np.where(n_found >= 2, n_found / np.maximum(n_objects, 1), 0.0)
    [fitting] = np.nonzero(share == share.max(initial=0.0))
    return int(fitting[0]) if len(fitting) == 1 and share[fitting[0]] >= MIN_MATCHED else -1
