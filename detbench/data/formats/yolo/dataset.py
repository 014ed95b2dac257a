"""YOLO datasets: a data.yaml with label files, as Ultralytics lays them out, into a GroundTruth.

A label line is `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 …` for a polygon, whose bounding box
is taken. All numbers but the class are fractions of the image. The label file of an image has its
path, with the last `/images/` replaced by `/labels/`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.yolo.data_yaml import (
    choose_split,
    images_in_folder,
    list_images,
    load_data_yaml,
    read_class_names,
)
from detbench.data.formats.yolo.labels import (
    FRACTION_TOLERANCE,
    LABEL_SYNTAX,
    bounding_box,
    class_number,
    is_box_or_polygon,
    read_lines,
    to_pixels,
)
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import read_image_size
from detbench.errors import InputError


class YoloSplit:
    """One split of a YOLO dataset: its classes and images, and the label file of each.

    Args:
        data_yaml: The file.
        split: See `choose_split`.
        images: A folder to use instead of those that the file names.

    Raises:
        InputError: The file is malformed, or images are missing or cannot be read.
    """

    def __init__(self, data_yaml: Path, split: str | None, images: Path | None) -> None:
        data = load_data_yaml(data_yaml)
        self._data_yaml = data_yaml
        self.class_names = read_class_names(data_yaml, data)
        self.name = choose_split(data_yaml, data, split)
        if images:
            self._images = images_in_folder(images)
        else:
            self._images = list_images(data_yaml, data, self.name)
        if not self._images:
            raise InputError(
                images or data_yaml,
                f"there are no images for split {self.name!r}",
                fix="put them there or correct the path",
            )
        self._image_ids = _image_ids(data_yaml, self._images)
        sizes = [read_image_size(image) for image in self._images]
        self._sizes = np.array(sizes, np.float64).reshape(-1, 2)
        self.label_files = [_label_file(image) for image in self._images]
        """The path of each image's label file, which need not exist."""

    def ground_truth(self, counts: list[int], classes: list[int], fractions: Floats) -> GroundTruth:
        """Return the ground truth of the split.

        Args:
            counts: Number of labels of each image.
            classes: (N,) class of each label.
            fractions: (N, 4) cx, cy, w, h of each label.
        """
        image_index = np.repeat(np.arange(len(self._images)), counts)
        boxes, box_areas = to_pixels(fractions, self._sizes[image_index])
        # A split may have several folders; their common parent is the folder of all images.
        folder = Path(os.path.commonpath([image.parent for image in self._images]))
        data_yaml = self._data_yaml
        # `coco8.yaml` names its dataset, `data.yaml` does not.
        dataset = data_yaml.stem
        if dataset == "data":
            dataset = data_yaml.resolve().parent.name
        return GroundTruth.from_rows(
            image_ids=self._image_ids,
            class_names=self.class_names,
            image_index=image_index,
            class_index=np.array(classes, np.int32),
            boxes=boxes,
            box_areas=box_areas,
            image_sizes=self._sizes,
            image_files=[image.relative_to(folder).as_posix() for image in self._images],
            image_folder=folder,
            name=f"{dataset} {self.name}",
            protocol="coco",
            source=f"yolo {data_yaml} split {self.name}",
        )


def read_yolo(
    data_yaml: Path, *, split: str | None = None, images: Path | None = None
) -> GroundTruth:
    """Read one split of a YOLO dataset.

    Image ids are the names of the image files without suffix; sizes are read from their headers. An
    image without a label file has no objects. Equal lines stay separate objects.

    Args:
        data_yaml: The file.
        split: `val`, `test` or `train`. Default: `val`, or the only one.
        images: A folder to use instead of those that the file names.

    Raises:
        InputError: The YAML is malformed, images are missing, a class has no name, a label line is
            malformed, or its values lie outside 0..1.
    """
    yolo_split = YoloSplit(data_yaml, split, images)
    counts, classes, fractions = [], [], []
    for file in yolo_split.label_files:
        labels = _read_labels(file, len(yolo_split.class_names))
        counts.append(len(labels))
        classes += [number for number, _ in labels]
        fractions += [box for _, box in labels]
    return yolo_split.ground_truth(counts, classes, np.array(fractions, np.float64).reshape(-1, 4))


def _image_ids(data_yaml: Path, images: list[Path]) -> list[str]:
    by_id: dict[str, Path] = {}
    for image in images:
        if image.stem in by_id:
            raise InputError(
                data_yaml,
                f"two images are called {image.stem!r}: {by_id[image.stem]} and {image}",
                fix="names must be unique",
            )
        by_id[image.stem] = image
    return list(by_id)


def _label_file(image: Path) -> str:
    # Only the last `/images/` counts: a dataset may itself lie in a folder of that name.
    head, images, tail = str(image.absolute()).rpartition(f"{os.sep}images{os.sep}")
    path = f"{head}{os.sep}labels{os.sep}{tail}" if images else tail
    return path.removesuffix(image.suffix) + ".txt"


def _read_labels(path: str, n_classes: int) -> list[tuple[int, list[float]]]:
    """Return class and cx, cy, w, h of every label in a file."""
    labels = []
    for line, (value, *shape) in read_lines(path):
        number = class_number(value, path, line)
        if number >= n_classes:
            raise InputError(
                path,
                f"class {number}, but the dataset has {n_classes} classes, numbered from 0",
                where=f"line {line}",
            )
        _check_shape(shape, path, line)
        labels.append((number, bounding_box(shape)))
    return labels


def _check_shape(shape: list[float], path: str, line: int) -> None:
    where = f"line {line}"
    if not is_box_or_polygon(shape):
        raise InputError(
            path,
            f"{len(shape) + 1} values, expected {LABEL_SYNTAX}",
            where=where,
        )
    for value in shape:
        if not -FRACTION_TOLERANCE <= value <= 1 + FRACTION_TOLERANCE:
            raise InputError(
                path,
                f"{value:g} is outside 0..1",
                where=where,
                fix="write fractions of the image",
            )
