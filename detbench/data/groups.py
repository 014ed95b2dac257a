"""Groups of images that are not independent, such as the frames of a video, from a CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Ints
from detbench.data.formats.parsing.csv_table import read_csv_table
from detbench.data.formats.parsing.image_ids import image_id_example
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

HEADER = ("image", "group")


def read_groups(path: Path, ground_truth: GroundTruth) -> Ints:
    """Return the group number (I,) of each image; the file's first group is number 0.

    The file has the header `image,group` and one row per image. A group is any text.

    Raises:
        InputError: The file cannot be read or has another header; an image is unknown, occurs
            twice, has no group or is missing; or there are fewer than two groups.
    """
    # −1 marks the images that have no group yet.
    numbers: dict[str, int] = {}
    groups = np.full(len(ground_truth.image_ids), -1, np.int64)
    header, rows = read_csv_table(path)
    if tuple(header) != HEADER:
        actual = f"{','.join(header):.60}" or "nothing"
        raise InputError(
            path,
            f"expected the header {','.join(HEADER)}, got {actual}",
            where="line 1",
        )
    for line, (image, group) in rows:
        position = ground_truth.image_position(image)
        if position is None:
            raise InputError(
                path,
                f"image {image!r} is not in {ground_truth.name}",
                where=f"line {line}",
                fix=image_id_example(ground_truth),
            )
        _check_row(path, line, image, group, repeated=groups[position] >= 0)
        groups[position] = numbers.setdefault(group, len(numbers))
    _check_complete(path, groups, ground_truth)
    if len(numbers) < 2:
        raise InputError(
            path,
            "has only one group" if numbers else "has no groups",
            fix="intervals need at least two",
        )
    return groups


def _check_row(path: Path, line: int, image: str, group: str, *, repeated: bool) -> None:
    where = f"line {line}"
    if repeated:
        problem = f"image {image!r} occurs a second time"
        raise InputError(path, problem, where=where, fix="list each image once")
    if not group:
        raise InputError(
            path,
            f"image {image!r} has no group",
            where=where,
            fix="give an image that stands alone a group of its own",
        )


def _check_complete(path: Path, groups: Ints, ground_truth: GroundTruth) -> None:
    missing = np.flatnonzero(groups < 0)
    if len(missing):
        first = ground_truth.image_ids[int(missing[0])]
        raise InputError(
            path,
            f"lacks {len(missing):,} of {len(groups):,} images, the first is {first!r}",
            fix="give each image a group",
        )
