"""Groups: which images belong together (frames of a video, near-duplicates) and are no evidence independent of each other, from CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Ints
from detbench.data.formats.parsing.csv_table import read_table
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

HEADER = ("image", "group")


def read_groups(path: Path, truth: GroundTruth) -> Ints:
    """Return (I,) for each image of the ground truth the number of its group, 0 for the first one named.

    The file has the header `image,group` and a row for each image; a group is any text.

    Raises:
        InputError: the file cannot be read, has another header or a row of another length, an image that the ground truth does not have,
            one twice, one without a group, lacks one, or names fewer than two groups.
    """
    numbers: dict[str, int] = {}
    groups = np.full(len(truth.image_ids), -1, np.int64)
    header, rows = read_table(path)
    if tuple(header) != HEADER:
        found = f"{','.join(header):.60}" or "nothing"
        raise InputError(path, f"needs the header {','.join(HEADER)}, got {found}", where="line 1")
    for line, (image, group) in rows:
        where = f"line {line}"
        position = truth.image_position(image)
        if position is None:
            raise InputError(
                path, f"image {image!r} is not in {truth.name}", where=where, fix=_example(truth)
            )
        if groups[position] >= 0:
            raise InputError(
                path,
                f"image {image!r} is there a second time",
                where=where,
                fix="name each image once",
            )
        if not group:
            raise InputError(
                path,
                f"image {image!r} has no group",
                where=where,
                fix="give an image that stands alone a group of its own",
            )
        groups[position] = numbers.setdefault(group, len(numbers))
    missing = np.flatnonzero(groups < 0)
    if len(missing):
        first = truth.image_ids[int(missing[0])]
        raise InputError(
            path,
            f"lacks {len(missing):,} of {len(groups):,} images, the first is {first!r}",
            fix="give each image a group",
        )
    if len(numbers) < 2:
        raise InputError(
            path, f"names {len(numbers)} group, and how results vary takes two at least to tell"
        )
    return groups


def _example(truth: GroundTruth) -> str:
    return (
        f"write image ids such as {truth.image_ids[0]!r}"
        if truth.image_ids
        else "the dataset has no images"
    )
