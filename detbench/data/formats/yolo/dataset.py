"""YOLO datasets into a GroundTruth: a data.yaml, a Darknet .data file or a list of classes.

A label line is `class cx cy w h`, `class x1 y1 x2 y2 x3 y3 …` for a polygon, whose bounding box is
taken, or a box with its keypoints, which are left out (see `label_shapes`). All numbers but the
class are fractions of the image.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from detbench.data.columns import Ints
from detbench.data.formats.parsing.text_lists import CLASS_LISTS
from detbench.data.formats.yolo.class_list import describe_class_list
from detbench.data.formats.yolo.darknet import describe_darknet
from detbench.data.formats.yolo.data_yaml import describe_data_yaml
from detbench.data.formats.yolo.description import Description
from detbench.data.formats.yolo.fractions import to_pixels
from detbench.data.formats.yolo.label_files import find_label_files
from detbench.data.formats.yolo.label_shapes import choose_label_reading
from detbench.data.formats.yolo.labels import Labels
from detbench.data.formats.yolo.number_lines import read_number_lines
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import read_image_size
from detbench.errors import InputError


class YoloSplit:
    """One split of a YOLO dataset: its classes, its images, and the labels as they are written.

    Args:
        path: The file that describes the dataset.
        split: See `choose_split`.
        images: A folder to use instead of those that the file names.

    Raises:
        InputError: The file is malformed, images are missing or cannot be read, no image has a
            label file, or the labels fit two readings.
    """

    def __init__(self, path: Path, split: str | None, images: Path | None) -> None:
        description = describe(path, split, images)
        if not description.images:
            subject = f"split {description.split!r}" if description.split else "this dataset"
            raise InputError(
                images or path,
                f"there are no images for {subject}",
                fix="put them there or correct the path",
            )
        self.description = description
        self._image_ids = _image_ids(path, description.images)
        sizes = [read_image_size(image) for image in description.images]
        self._sizes = np.array(sizes, np.float64).reshape(-1, 2)
        files = find_label_files(path, description.images, description.label_files)
        lines = read_number_lines(files.paths)
        reading = choose_label_reading(
            path, lines, keypoint_shape=description.keypoint_shape, task=description.task
        )
        self.labels = Labels(lines, reading)
        self.image_index = np.array(files.images, np.int64)[lines.file_index]
        """(L,) image of each label."""

    def ground_truth(self, rows: Ints) -> GroundTruth:
        """Return the ground truth of the split with these labels (M,) as objects."""
        description, image_index = self.description, self.image_index[rows]
        boxes, box_areas = to_pixels(self.labels.boxes[rows], self._sizes[image_index])
        # A split may have several folders; their common parent is the folder of all images.
        folder = _common_folder(description.images)
        name = " ".join(filter(None, (description.name, description.split)))
        split = f" split {description.split}" if description.split else ""
        return GroundTruth.from_rows(
            image_ids=self._image_ids,
            class_names=description.class_names,
            image_index=image_index,
            class_index=self.labels.classes[rows].astype(np.int32),
            boxes=boxes,
            box_areas=box_areas,
            image_sizes=self._sizes,
            image_files=[image.relative_to(folder).as_posix() for image in description.images],
            image_folder=folder,
            name=name,
            protocol="coco",
            source=f"yolo {description.path}{split}",
        )


def read_yolo(path: Path, *, split: str | None = None, images: Path | None = None) -> GroundTruth:
    """Read one split of a YOLO dataset.

    Image ids are the names of the image files without suffix, with their folders if two have the
    same name; sizes are read from their headers. An image without a label file has no objects.
    Equal lines stay separate objects.

    Args:
        path: The file that describes the dataset.
        split: `val`, `test` or `train`. Default: `val`, or the only one.
        images: A folder to use instead of those that the file names.

    Raises:
        InputError: See `YoloSplit`; or a label has a class without a name, is malformed, or has
            values outside 0..1.
    """
    yolo_split = YoloSplit(path, split, images)
    labels: Labels = yolo_split.labels
    labels.check(len(yolo_split.description.class_names))
    return yolo_split.ground_truth(np.arange(len(labels.lines)))


def describe(path: Path, split: str | None, images: Path | None) -> Description:
    """Return what the file that describes a dataset states about one split.

    Raises:
        InputError: It is malformed, or a folder or list of images is missing.
    """
    if path.suffix.lower() == ".data":
        return describe_darknet(path, split, images)
    if path.name in CLASS_LISTS:
        return describe_class_list(path, split, images)
    return describe_data_yaml(path, split, images)


def _common_folder(images: list[Path]) -> Path:
    return Path(os.path.commonpath([image.parent for image in images]))


def _image_ids(path: Path, images: list[Path]) -> list[str]:
    """Return the file name of each image without suffix; with its folders if two are the same.

    Raises:
        InputError: Two images differ only by their suffix, so that they share a label file.
    """
    ids = [image.stem for image in images]
    if len(set(ids)) < len(ids):
        folder = _common_folder(images)
        ids = [image.relative_to(folder).with_suffix("").as_posix() for image in images]
    by_id: dict[str, Path] = {}
    for image_id, image in zip(ids, images, strict=True):
        first = by_id.setdefault(image_id, image)
        if first is not image:
            raise InputError(
                path,
                f"two images are called {image_id!r}: {first} and {image}",
                fix="names must be unique",
            )
    return ids
