"""Lenient files: what a file of detections or annotations states beyond the values that are scored.

The strict readers refuse a faulty file. The lenient readers (`lenient_results`,
`lenient_annotations` beside them) read whatever is there and describe the faults with these types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth


@dataclass(frozen=True)
class Labels:
    """Names of images or classes as the file states them, and the one that each row has."""

    names: tuple[str, ...]
    codes: Ints
    """(N,) position in `names` of each row's name."""

    @classmethod
    def of(cls, values: list[Any]) -> Labels:
        """Number the distinct values (N,) in the order in which they first appear."""
        positions: dict[Any, int] = {}
        codes = [positions.setdefault(value, len(positions)) for value in values]
        return cls(tuple(map(str, positions)), np.array(codes, np.int64))

    def names_of(self, rows: Ints) -> list[str]:
        """Return the distinct names of the rows with these positions (M,)."""
        return [self.names[code] for code in np.unique(self.codes[rows])]


BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
"""What the four numbers of a box are: corners, first corner and size, or center and size."""
Unit = Literal["pixels", "fractions", "percent"]
"""What coordinates are counted in; fractions and percent are those of the image's size."""


@dataclass(frozen=True)
class DetectionsFile:
    """What a file or folder of detections states beyond image, class, box and score."""

    path: Path
    format_name: str
    """Its name in `formats.table`."""
    images: Labels
    classes: Labels
    box_numbers: Floats
    """(N, 4) the four numbers of a box as the file has them."""
    malformed: Flags
    """(N,) rows with a text, or nothing, in place of a number."""
    unnamed: Flags
    """(N,) malformed rows that state no image or no class."""
    first_malformed: str = ""
    """Position and value of the first malformed row."""
    wrong_length: Flags | None = None
    """(N,) malformed rows of more or fewer values than the format has, so that it is unknown which
    value is which; None if there are none."""
    n_text_ids: int = 0
    """Number of COCO rows whose image_id is a string that spells a number."""
    first_text_id: str = ""
    """Position and value of the first of them."""
    classes_without_file: tuple[str, ...] = ()
    """Classes without a file, in a format that needs one for each class."""
    box_format: BoxFormat = "xyxy"
    """How the format defines the four numbers of a box."""
    unit: Unit = "pixels"
    """The unit that the format defines."""
    corner_offsets: tuple[int, int] = (0, 0)
    """What first and last corners exceed continuous edges by: 1 and 0 in VOC files, which count
    inclusive pixels from 1; 0 and −1 where they count from 0."""
    has_class_numbers: bool = False
    """Whether the format writes classes as numbers."""
    score_position: Literal["first", "last"] | None = None
    """Where the score is among the five numbers of a line; None if the format names its values."""
    has_category_ids: bool = False
    """Whether these are the category IDs of the ground truth; otherwise positions in its list of
    classes."""


@dataclass(frozen=True)
class EntryList:
    """What is wrong with the images or the categories of a ground truth."""

    name: Literal["images", "categories", "classes"]
    count: int
    malformed: tuple[str, ...] = ()
    """Position and value of each text, or of nothing, in place of a number."""
    not_finite: tuple[str, ...] = ()
    """Position and value of each width or height that is not finite."""
    negative: tuple[str, ...] = ()
    """Position and value of each width or height below zero."""
    shared_ids: tuple[str, ...] = ()
    """IDs that several entries have."""
    shared_are_equal: bool = False
    """Whether entries of the same ID are equal."""


@dataclass(frozen=True)
class AnnotationsFile:
    """What the files of a ground truth state beyond `GroundTruth`, for each of A annotations."""

    format_name: str
    """Its name in `formats.table`."""
    ids: list[Any]
    """As the file has them; the numbers from 1 in formats without annotation IDs."""
    areas: Floats
    """(A,) NaN where missing."""
    box_numbers: Floats
    """(A, 4) the four numbers of a box as the file has them."""
    sizes: Floats
    """(A, 2) width and height, if the numbers are read in the format's own order."""
    object_annotations: Ints
    """(G,) the annotation of each object of the ground truth."""
    malformed: Flags
    """(A,) annotations with a text, or nothing, in place of a number or a flag."""
    malformed_boxes: Flags
    """(A,) those of them whose box is not four numbers."""
    malformed_areas: Flags
    """(A,) those of them whose area is not a number, or that are no annotations at all."""
    image_order: Ints
    """(I,) position in the ground truth of each image, in the order of the file."""
    location: Callable[[int], str]
    """Returns where an annotation is, for messages."""
    images: EntryList
    classes: EntryList
    first_malformed: str = ""
    """Position and value of the first malformed annotation."""
    numeric_image_ids: bool = True
    """Whether the IDs of all images are numbers."""
    n_unknown_images: int = 0
    n_unknown_classes: int = 0
    n_regions: int = 0
    """Annotations with a run-length mask, as crowds have, that are not flagged as crowds."""
    n_without_crowd_key: int = 0
    n_difficult_keys: int = 0
    n_truncated_keys: int = 0
    n_ignored: int = 0
    """Annotations with `ignore` set."""
    first_unknown_class: str = ""
    """YOLO: position and class number of the first label whose class has no name."""
    outside_unit_range: Floats | None = None
    """YOLO: (A,) distance of each label's farthest value from the range 0..1."""
    split: str | None = None
    """The split that was read; None for a format of one split per file."""
    box_format: BoxFormat = "xyxy"
    """How the format defines the four numbers of a box."""
    unit: Unit = "pixels"
    """The unit that the format defines."""
    corner_offsets: tuple[int, int] = (0, 0)
    """What first and last corners exceed continuous edges by: 1 and 0 in VOC files, which count
    inclusive pixels from 1; 0 and −1 where they count from 0."""
    has_class_numbers: bool = False
    """Whether the format writes classes as numbers."""

    @property
    def entry_lists(self) -> tuple[EntryList, EntryList]:
        """The images, then the categories."""
        return self.images, self.classes


LenientGroundTruth = tuple[GroundTruth, AnnotationsFile | None]
"""What can be scored, and what the files state beyond it; None if that is nothing."""
LenientDetections = tuple[DetectionRows, DetectionsFile]
"""Every row, and what the files state beyond them."""


def first_fault(
    malformed: Flags, location: Callable[[int], str], fault: Callable[[int], str]
) -> str:
    """Return location and fault of the first malformed annotation, empty if there is none."""
    if not malformed.any():
        return ""
    first = int(malformed.argmax())
    return f"{location(first)}: {fault(first)}"
