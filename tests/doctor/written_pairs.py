"""Pairs of ground truth and detections as rows, to be spoiled and written in any format."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

Numbers = list[float]
Size = tuple[float, float]


@dataclass
class Row:
    """An object or a detection, as a file states it."""

    image: str
    """Name or number of the image."""
    category: str
    """Name of the class, in formats that number classes as well."""
    box: Numbers
    """The four numbers, in the order and the unit of the format."""
    size: Size
    """Width and height of the image."""
    score: float = 1.0
    is_difficult: bool = False
    is_crowd: bool = False


@dataclass
class WrittenPair:
    """Rows of both sides, and the formats they are written in."""

    truth_format: str
    detections_format: str
    truth: list[Row]
    detections: list[Row]
    sizes: dict[str, Size]
    """Image → width and height; also of images without objects."""
    class_names: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    """Image → name of its file, if that is not the image with a suffix."""
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(13))

    @property
    def sides(self) -> dict[str, list[Row]]:
        return {"ground truth": self.truth, "detections": self.detections}

    def format_of(self, side: str) -> str:
        return self.truth_format if side == "ground truth" else self.detections_format

    def some_images(self, share: float) -> set[str]:
        """Return a random sample of the images."""
        images = list(self.sizes)
        return set(self.rng.choice(images, int(share * len(images)), replace=False).tolist())

    def file_of(self, image: str) -> str:
        return self.files.get(image, f"{image}.png")


Encode = Callable[[float, float, float, float, Size], Numbers]
"""Returns the numbers of a format for corners x1, y1, x2, y2 in pixels, given the image's size."""
ENCODERS: dict[str, Encode] = {
    "xyxy": lambda x1, y1, x2, y2, _: [x1, y1, x2, y2],
    "xyxy from 1": lambda x1, y1, x2, y2, _: [x1 + 1, y1 + 1, x2, y2],
    "first and last pixel": lambda x1, y1, x2, y2, _: [x1, y1, x2 - 1, y2 - 1],
    "xywh": lambda x1, y1, x2, y2, _: [x1, y1, x2 - x1, y2 - y1],
    "cxcywh in fractions": lambda x1, y1, x2, y2, size: [
        (x1 + x2) / 2 / size[0],
        (y1 + y2) / 2 / size[1],
        (x2 - x1) / size[0],
        (y2 - y1) / size[1],
    ],
}
CORNERS = {
    "xyxy": lambda a, b, c, d, _: (a, b, c, d),
    "xyxy from 1": lambda a, b, c, d, _: (a - 1, b - 1, c, d),
    "first and last pixel": lambda a, b, c, d, _: (a, b, c + 1, d + 1),
    "xywh": lambda a, b, c, d, _: (a, b, a + c, b + d),
    "cxcywh in fractions": lambda a, b, c, d, size: (
        (a - c / 2) * size[0],
        (b - d / 2) * size[1],
        (a + c / 2) * size[0],
        (b + d / 2) * size[1],
    ),
}
"""The inverse of each encoder."""
BOX_FORMATS = {
    "coco": "xywh",
    "voc": "xyxy from 1",
    "yolo": "cxcywh in fractions",
    "parquet": "xyxy",
    "class text": "xyxy",
    "csv": "xyxy",
    "kitti": "xyxy",
    "cvat": "xyxy",
    "labelme": "xyxy",
    "bdd100k": "first and last pixel",
}
"""File format → what its four numbers are."""
WITHOUT_CLASS_LIST = ("class text", "csv", "kitti", "labelme", "bdd100k")
"""Formats of ground truth whose classes are those of its objects."""
WITHOUT_EMPTY_IMAGES = ("csv",)
"""Formats of ground truth whose images are those with objects."""


def pair_of(
    ground_truth: GroundTruth, detections: Detections, truth_format: str, detections_format: str
) -> WrittenPair:
    """Return both as rows of these formats.

    Detections on images or of classes that the ground truth cannot state are left out.
    """
    sizes = dict(
        zip(ground_truth.image_ids, map(tuple, ground_truth.image_sizes.tolist()), strict=True)
    )
    if truth_format in WITHOUT_EMPTY_IMAGES:
        annotated = np.unique(groups_from_offsets(ground_truth.offsets)).tolist()
        sizes = {image: sizes[image] for image in (ground_truth.image_ids[n] for n in annotated)}
    class_names = ground_truth.class_names
    if truth_format in WITHOUT_CLASS_LIST:
        class_names = tuple(class_names[k] for k in np.unique(ground_truth.class_index))
    truth = _rows(ground_truth, sizes, truth_format)
    if truth_format == "voc":
        for row in truth:  # annotators of VOC count whole pixels
            row.box = [*map(math.floor, row.box[:2]), *map(math.ceil, row.box[2:])]
    for row, difficult, crowd in zip(
        truth, ground_truth.difficult, ground_truth.iscrowd, strict=True
    ):
        row.is_difficult, row.is_crowd = bool(difficult), bool(crowd)
    all_sizes = dict(zip(ground_truth.image_ids, ground_truth.image_sizes.tolist(), strict=True))
    rows = _rows(detections, all_sizes, detections_format)
    for row, score in zip(rows, detections.scores.tolist(), strict=True):
        row.score = score
    rows = [row for row in rows if row.image in sizes and row.category in class_names]
    return WrittenPair(truth_format, detections_format, truth, rows, sizes, class_names)


def _rows(data: GroundTruth | Detections, sizes: dict[str, Size], file_format: str) -> list[Row]:
    encode = ENCODERS[BOX_FORMATS[file_format]]
    images = [data.image_ids[image] for image in groups_from_offsets(data.offsets)]
    return [
        Row(
            image=image,
            category=data.class_names[k],
            box=encode(*box, sizes[image]),
            size=sizes[image],
        )
        for image, k, box in zip(
            images, data.class_index.tolist(), data.boxes.tolist(), strict=True
        )
    ]


def write_pair(pair: WrittenPair, folder: Path) -> tuple[Path, Path]:
    """Write both sides and return their paths."""
    from tests.doctor.detections_writers import DETECTIONS_WRITERS
    from tests.doctor.truth_writers import GROUND_TRUTH_WRITERS

    folder.mkdir(parents=True, exist_ok=True)
    truth = GROUND_TRUTH_WRITERS[pair.truth_format](pair, folder / "truth")
    return truth, DETECTIONS_WRITERS[pair.detections_format](pair, folder / "detections")
