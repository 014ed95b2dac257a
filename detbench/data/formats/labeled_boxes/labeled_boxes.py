"""Labeled boxes: what a reader fills box by box, faults included.

One reading of a file serves every command. `strict` refuses its first fault, as `detbench eval`
does; `lenient` keeps every row and marks the faults, as `detbench doctor` needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.lenient_files import BoxFormat, Unit
from detbench.data.formats.parsing.lenient_values import lenient_numbers
from detbench.data.formats.parsing.plain_text import parse_numbers
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

READ_AS_BOXES = "read as bounding boxes"
LEFT_OUT = "left out: no box"
"""What happens to shapes that are no boxes."""
EVERY_CLASS = -1
"""The class number of a region in which nothing counts, whatever its class."""
NO_CLASS = -2
"""The class number of a row that states no class."""
_UNITS_PER_SIDE = {"fractions": 1.0, "percent": 100.0}
COORDINATES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "width", "height"),
    "cxcywh": ("center x", "center y", "width", "height"),
}
"""Box format → what messages call its four numbers."""


@dataclass(frozen=True)
class Source:
    """What a reader is asked to read, and how."""

    path: Path
    split: str | None = None
    images: Path | None = None
    """The folder of the images, if the user gives it."""
    columns: str | None = None
    """What the columns of a CSV file are, if the user states it."""
    scored: bool = False
    """Whether detections are wanted, and not ground truth."""
    ground_truth: GroundTruth | None = None
    """The ground truth of the detections."""


class Flagged(NamedTuple):
    """The flags of an object; absent ones are False."""

    iscrowd: bool = False
    difficult: bool = False
    truncated: bool = False


class LabeledBoxes:
    """N boxes of a file or folder, in its order.

    Args:
        format_name: The format, as the table of formats names it.
        source: What was read.
        box_format: The format of the four numbers of a box.
        unit: What the numbers count. Fractions and percent are of the image.
        corner_offsets: What first and last corners exceed continuous edges by: 1 and 0 if they are
            1-based and inclusive, as VOC's are; 0 and −1 if they are inclusive and count from 0.
        texts: Whether numbers are given as texts, as in CSV and XML, and not as JSON values.
        names_files: Whether images are named by their files, and not by IDs.
    """

    def __init__(
        self,
        format_name: str,
        source: Source,
        *,
        box_format: BoxFormat = "xyxy",
        unit: Unit = "pixels",
        corner_offsets: tuple[int, int] = (0, 0),
        texts: bool = False,
        names_files: bool = False,
    ) -> None:
        self.format_name, self.source = format_name, source
        self.box_format, self.unit, self.corner_offsets = box_format, unit, corner_offsets
        self.texts, self.names_files = texts, names_files
        self.image_folder = source.images
        self.name = ""
        """The name of the dataset; the name of the file or folder if empty."""
        self.images: dict[str, int] = {}
        self.files: list[str] = []
        self.image_sizes: list[tuple[float, float]] = []
        self.classes: dict[str, int] = {}
        self.has_class_order = False
        self.image_index: list[int] = []
        self.class_index: list[int] = []
        """Number of the class, `EVERY_CLASS` or `NO_CLASS`."""
        self.flags: list[Flagged] = []
        self.numbers: list[Sequence[object]] = []
        self.scores: list[object] = []
        self._row_files: list[str] = []
        self._places: list[str | int] = []
        self._stated: tuple[Floats, Flags] | None = None
        self.changes: Counter[tuple[str, str]] = Counter()
        """What the file states and boxes cannot hold, counted for the warning."""
        self.notes: list[str] = []
        """How the file is read where it fits several readings, for the warning."""
        self.faults: dict[int, str] = {}
        """Row → what is wrong with it as a whole, and what was expected."""

    def __len__(self) -> int:
        return len(self.class_index)

    def list_classes(self, names: Iterable[str]) -> None:
        """State the classes of the format or the file in their order. Others are appended."""
        for name in names:
            self.class_number(name)
        self.has_class_order = True

    def class_number(self, name: str) -> int:
        """Return the number of a class, a new one for a new name."""
        return self.classes.setdefault(name, len(self.classes))

    def add_image(
        self,
        image_id: str,
        *,
        width: float = np.nan,
        height: float = np.nan,
        file: str = "",
    ) -> int:
        """Return the position of an image, which is appended if it is new.

        Args:
            image_id: The ID.
            width: Pixels; NaN if unknown. Later calls can state what earlier ones did not.
            height: Likewise.
            file: The name of the image file, relative to the folder of the images.
        """
        position = self.images.setdefault(image_id, len(self.images))
        if position == len(self.files):
            self.files.append(file)
            self.image_sizes.append((width, height))
        else:
            self.state_size(position, width, height)
        return position

    def add_new_image(
        self,
        image_id: str,
        *,
        path: Path,
        where: str,
        width: float = np.nan,
        height: float = np.nan,
        file: str = "",
    ) -> int:
        """Return the position of an image that the file must not have named before.

        Args:
            image_id: The ID.
            path: The file that names it, for messages.
            where: The place in that file.
            width: As for `add_image`.
            height: Likewise.
            file: Likewise.

        Raises:
            InputError: The image was named before.
        """
        if image_id in self.images:
            raise InputError(
                path,
                f"image {image_id!r} occurs a second time",
                where=where,
                fix="give each image one entry and its own name",
            )
        return self.add_image(image_id, width=width, height=height, file=file)

    def state_size(self, image: int, width: float, height: float) -> None:
        """State the size of an image in pixels, unless it is known already."""
        if np.isnan(self.image_sizes[image]).any():
            self.image_sizes[image] = (width, height)

    def add(
        self,
        image: int,
        class_name: str | None,
        box: Sequence[object],
        *,
        file: str | Path,
        where: str,
        score: object = None,
        iscrowd: bool = False,
        difficult: bool = False,
        truncated: bool = False,
    ) -> None:
        """Append a box.

        Args:
            image: The position of its image, from `add_image`.
            class_name: Its class; None or empty if the file states none, which is a fault.
            box: Four numbers as the file states them. What is no number is a fault.
            file: The file that states it, for messages.
            where: The place in that file: a line, an object.
            score: The score as stated; None for ground truth.
            iscrowd: Whether it is a region of many objects, or one in which nothing counts.
            difficult: VOC's flag.
            truncated: VOC's flag.
        """
        number = self.class_number(class_name) if class_name else NO_CLASS
        flags = Flagged(iscrowd, difficult, truncated)
        self.add_rows([image], [number], [box], [score], [flags], file=file, places=[where])

    def add_ignored_region(
        self, image: int, box: Sequence[object], *, file: str | Path, where: str
    ) -> None:
        """Append a region in which nothing counts: a crowd region of every class."""
        flags = Flagged(iscrowd=True)
        self.add_rows([image], [EVERY_CLASS], [box], [None], [flags], file=file, places=[where])

    def add_rows(
        self,
        images: Sequence[int],
        classes: Sequence[int],
        boxes: Sequence[Sequence[object]],
        scores: Sequence[object],
        flags: Sequence[Flagged],
        *,
        file: str | Path,
        places: Sequence[str | int],
    ) -> None:
        """Append many boxes of one file.

        Args:
            images: (N,) from `add_image`.
            classes: (N,) from `class_number`, or `NO_CLASS`, or `EVERY_CLASS`.
            boxes: N boxes as for `add`.
            scores: (N,) as for `add`.
            flags: (N,)
            file: The file.
            places: (N,) numbers of lines, or places as for `add`.
        """
        self.image_index.extend(images)
        self.class_index.extend(classes)
        self.numbers.extend(boxes)
        self.scores.extend(scores)
        self.flags.extend(flags)
        self._row_files.extend([str(file)] * len(images))
        self._places.extend(places)
        self._stated = None

    def add_malformed(
        self, image: int, class_name: str | None, problem: str, *, file: str | Path, where: str
    ) -> None:
        """Append a row of which no box can be read, as its number of values is wrong.

        `problem` says what is wrong and what was expected; the rest is as for `add`.
        """
        self.faults[len(self)] = problem
        self.add(image, class_name, (), file=file, where=where)

    def count_change(self, noun: str, consequence: str) -> None:
        """Count something that boxes cannot hold, as in: 3 polygons, read as bounding boxes."""
        self.changes[noun, consequence] += 1

    def place(self, row: int) -> tuple[str, str]:
        """Return the file of a box, and the line, object or key inside it."""
        where = self._places[row]
        return self._row_files[row], f"line {where}" if isinstance(where, int) else where

    # What follows turns the rows into columns.

    def stated_numbers(self) -> tuple[Floats, Flags]:
        """Return the four numbers of each row (N, 4), and which of them (N, 4) are malformed."""
        if self._stated is None:
            complete = [box if len(box) == 4 else (None,) * 4 for box in self.numbers]
            numbers, malformed = self.parsed(list(chain.from_iterable(complete)))
            self._stated = numbers.reshape(-1, 4), malformed.reshape(-1, 4)
        return self._stated

    def stated_scores(self) -> tuple[Floats, Flags]:
        """Return the score of each row (N,), and which of them (N,) are malformed."""
        return self.parsed(self.scores)

    def parsed(self, values: list[object]) -> tuple[Floats, Flags]:
        """Return stated values as numbers (N,), and which of them (N,) are malformed."""
        if not self.texts:
            return lenient_numbers(values)
        return parse_numbers([value if value is None else str(value) for value in values])

    def boxes(self, numbers: Floats, sizes: Floats) -> tuple[Floats, Floats]:
        """Return corners x1, y1, x2, y2 in pixels (N, 4) and areas (N,).

        Args:
            numbers: (N, 4) as stated.
            sizes: (N, 2) width and height of each box's image.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if self.unit != "pixels":
                numbers = numbers / _UNITS_PER_SIDE[self.unit] * np.tile(sizes, 2)
            first, second = numbers[:, :2], numbers[:, 2:]
            if self.box_format == "xyxy":
                first, second = first - self.corner_offsets[0], second - self.corner_offsets[1]
                lengths = second - first
            else:
                lengths = second
                if self.box_format == "cxcywh":
                    first = first - lengths / 2
                second = first + lengths
            return np.hstack([first, second]), lengths[:, 0] * lengths[:, 1]

    def class_order(self) -> tuple[tuple[str, ...], Ints]:
        """Return the class names, and the position among them of each class number.

        Names are in the order of the file if it lists them, else sorted.
        """
        names = tuple(self.classes) if self.has_class_order else tuple(sorted(self.classes))
        position = {name: k for k, name in enumerate(names)}
        return names, np.array([position[name] for name in self.classes], np.int64)

    @property
    def label(self) -> str:
        """The name of the data: as the file states it, else that of the file or folder."""
        path = self.source.path.resolve()
        return self.name or (path.name if path.is_dir() else path.stem)
