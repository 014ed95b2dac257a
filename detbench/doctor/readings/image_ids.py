"""Image IDs: which images the IDs of a file mean if they are read in another way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from detbench.data.columns import Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.parsing.image_ids import WHOLE_NUMBER
from detbench.doctor.case import Case

SHIFTS = (-1, 1, -2, 2)


@dataclass(frozen=True)
class IdReading:
    """Another meaning of the image IDs of a file."""

    name: str
    """What the IDs are, as in: image IDs seem to be …"""
    positions: Ints
    """(names,) position in the ground truth of the image that each ID means, −1 for none."""

    def read(self, case: Case, rows: DetectionRows) -> DetectionRows:
        """Return rows on the images that their IDs mean; fractions are scaled to these."""
        image_index = self.positions[case.file.images.codes[rows.source_rows]]
        if case.file.unit == "pixels":
            return replace(rows, image_index=image_index)
        # Index −1 picks the last size: on an unknown image the fractions stay as they are.
        sizes = np.vstack([case.ground_truth.image_sizes, [(1.0, 1.0)]])
        scale = np.tile(sizes[image_index] / sizes[rows.image_index], 2)
        return replace(rows, image_index=image_index, boxes=rows.boxes * scale)


def id_readings(case: Case) -> Iterator[IdReading]:
    """Yield every reading of the image IDs that differs from their own."""
    names = case.file.images.names
    stems = _positions_of_stems(case)
    by_stem = [stems.get(PurePosixPath(name).stem, -1) for name in names]
    yield _reading("names of files", by_stem)
    numbers = whole_numbers(names)
    if numbers is None:
        return

    # Numbers can be those of other images.
    by_number = _positions_of_numbers(case)
    own = [by_number.get(number, -1) for number in numbers]
    yield _reading("numbers with leading zeros ignored", own)
    for shift in SHIFTS:
        shifted = [by_number.get(number + shift, -1) for number in numbers]
        yield _reading(f"numbers {-shift:+d} away from the true ones", shifted)

    # Or positions in a list of the images, in the order of the ground truth or another one.
    for list_name, order in image_lists(case):
        yield from _list_readings(list_name, order, numbers, own)
    as_texts = _mapped(own, _sorted_as_texts(case))
    yield _reading("sorted as texts instead of as numbers", as_texts)
    reverse = list(range(len(case.ground_truth.image_ids)))[::-1]
    yield _reading("in reverse order", _mapped(own, reverse))


def whole_numbers(names: Sequence[str]) -> list[int] | None:
    """Return IDs as numbers; None if one of them is none."""
    if not all(WHOLE_NUMBER.fullmatch(name) for name in names):
        return None
    return [int(name) for name in names]


def _reading(name: str, positions: Sequence[int]) -> IdReading:
    return IdReading(name, np.array(positions, np.int64))


def _mapped(positions: list[int], order: list[int]) -> list[int]:
    """Return the element of `order` at each position; −1 stays."""
    return [order[position] if position >= 0 else -1 for position in positions]


def _positions_of_stems(case: Case) -> dict[str, int]:
    """Return name without suffix → position, of image files and of IDs, which take precedence."""
    ground_truth = case.ground_truth
    files = {
        PurePosixPath(file).stem: position
        for position, file in enumerate(ground_truth.image_files)
        if file
    }
    ids = {
        PurePosixPath(image_id).stem: position
        for position, image_id in enumerate(ground_truth.image_ids)
    }
    return files | ids


def _positions_of_numbers(case: Case) -> dict[int, int]:
    return {
        int(image_id): position
        for position, image_id in enumerate(case.ground_truth.image_ids)
        if WHOLE_NUMBER.fullmatch(image_id)
    }


def _sorted_as_texts(case: Case) -> list[int]:
    """Return the positions of the images, sorted by their IDs as texts without leading zeros."""
    image_ids = case.ground_truth.image_ids
    texts = [str(int(name)) if WHOLE_NUMBER.fullmatch(name) else name for name in image_ids]
    return sorted(range(len(image_ids)), key=lambda position: texts[position])


def image_lists(case: Case) -> Iterator[tuple[str, list[int]]]:
    """Yield every list of the images that an ID can be a position in.

    Yields:
        The list's name, and the position in the ground truth of each of its images.
    """
    yield "the list of images", list(range(len(case.ground_truth.image_ids)))
    if case.annotations is not None and (np.diff(case.annotations.image_order) < 0).any():
        yield "the list of images in the order of the file", case.annotations.image_order.tolist()
    files = case.ground_truth.image_files
    by_file = sorted(range(len(files)), key=lambda position: files[position])
    if all(files) and by_file != list(range(len(files))):
        yield "the list of images sorted by the names of their files", by_file


def _list_readings(
    list_name: str, order: list[int], numbers: list[int], own: list[int]
) -> Iterator[IdReading]:
    """Yield the readings by a list of images.

    Args:
        list_name: What the list is called.
        order: Position in the ground truth of each image of the list.
        numbers: The IDs, which can be positions in the list.
        own: Position in the ground truth of the image that each ID names, −1 for none: it can stand
            for an image some positions before or after it in the list.
    """
    n_images = len(order)
    for first in (0, 1):
        positions = [number - first for number in numbers]
        in_list = [order[position] if 0 <= position < n_images else -1 for position in positions]
        yield _reading(f"positions in {list_name}, from {first}", in_list)
    # A data loader that lost an image assigns the detections of each image to the one before.
    rank = {position: rank for rank, position in enumerate(order)}
    for shift in SHIFTS:
        shifted = [
            order[(rank[position] + shift) % n_images] if position in rank else -1
            for position in own
        ]
        side = "before" if shift > 0 else "after"
        yield _reading(f"those of the image {abs(shift)} {side} in {list_name}", shifted)
