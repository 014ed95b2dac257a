"""YOLO ground truth: reads and writes a data.yaml with its label files, as Ultralytics lays them out.

A label line is `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 …` for a polygon, whose bounding box is taken; all but the class
are fractions of the image. Labels lie where the last `/images/` of a picture's path says `/labels/`.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.columns import Floats
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.plain_text import read_text, read_error
from detbench.data.formats.voc.writer import check_file_name
from detbench.data.formats.yolo.label_lines import (
    BORDER,
    class_number,
    read_lines,
    to_fractions,
    to_pixels,
)
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import IMAGE_SUFFIXES, read_image_size, require_image_sizes
from detbench.errors import DetbenchWarning, InputError

SPLITS = ("val", "test", "train")
LABEL = "`class cx cy w h` or `class x1 y1 x2 y2 x3 y3 …`"
"""What stands in a line of a label file."""


class YoloSplit:
    """One split of a YOLO dataset: its classes and pictures, and the label file of each."""

    def __init__(self, data_yaml: Path, split: str | None, images: Path | None) -> None:
        """Read the yaml; InputError for what it lacks, and for missing pictures. `images` replaces the folder that it names."""
        data = _load(data_yaml)
        self._data_yaml = data_yaml
        self.class_names = _class_names(data_yaml, data)
        self.name = _choose_split(data_yaml, data, split)
        self._pictures = _in_folder(images) if images else _pictures(data_yaml, data, self.name)
        if not self._pictures:
            fix = "put them there or correct the path"
            raise InputError(
                images or data_yaml, f"there are no pictures for split {self.name!r}", fix=fix
            )
        self._image_ids = _image_ids(data_yaml, self._pictures)
        self._sizes = np.array(
            [read_image_size(picture) for picture in self._pictures], np.float64
        ).reshape(-1, 2)
        self.label_files = [_label_file(picture) for picture in self._pictures]
        """Where the labels of each picture lie, if it has any."""

    def ground_truth(self, counts: list[int], classes: list[int], fractions: Floats) -> GroundTruth:
        """Return the labels of all pictures: how many each has, and class and cx, cy, w, h (G, 4) of each."""
        image = np.repeat(np.arange(len(self._pictures)), counts)
        boxes, box_areas = to_pixels(fractions, self._sizes[image])
        folder = Path(os.path.commonpath([picture.parent for picture in self._pictures]))
        data_yaml = self._data_yaml
        return GroundTruth.from_rows(
            image_ids=self._image_ids,
            class_names=self.class_names,
            image_index=image,
            class_index=np.array(classes, np.int32),
            boxes=boxes,
            box_areas=box_areas,
            image_sizes=self._sizes,
            image_files=[picture.relative_to(folder).as_posix() for picture in self._pictures],
            image_folder=folder,
            name=f"{data_yaml.resolve().parent.name if data_yaml.stem == 'data' else data_yaml.stem} {self.name}",
            protocol="coco",
            source=f"yolo {data_yaml} split {self.name}",
        )


def read_yolo(
    data_yaml: Path, *, split: str | None = None, images: Path | None = None
) -> GroundTruth:
    """Read one split of a YOLO dataset. Without `split` it is `val`, as in Ultralytics, or the only one named.

    `images` replaces the folder that the file names for the split. Image ids are the pictures' names without suffix; sizes are
    read from the pictures' headers. A picture without a label file has no objects; equal lines stay equal objects.

    Raises InputError for what the yaml lacks, for missing pictures, for a class it does not name, for a label line that is none
    and for values outside 0..1.
    """
    chosen = YoloSplit(data_yaml, split, images)
    counts, classes, fractions = [], [], []
    for file in chosen.label_files:
        labels = _labels(file, len(chosen.class_names))
        counts.append(len(labels))
        classes += [number for number, _ in labels]
        fractions += [box for _, box in labels]
    return chosen.ground_truth(counts, classes, np.array(fractions, np.float64).reshape(-1, 4))


def write_yolo(ground_truth: GroundTruth, folder: Path, *, split: str = "val") -> None:
    """Write `folder` (new or empty): data.yaml, `labels/{split}`, and `images/{split}` with copies of the pictures that are there.

    Files are named after the pictures, after the image ids where these have no names. Boxes are cut to their image, since YOLO's
    fractions end at 1, and difficult and crowd objects become ordinary ones; warnings count both, and the pictures that are missing.
    Raises InputError where the size of an image is unknown.
    """
    import yaml

    sizes = require_image_sizes(ground_truth)
    stems = file_stems(ground_truth)
    limits = np.repeat(np.tile(sizes, 2), np.diff(ground_truth.offsets), axis=0)
    boxes = np.clip(ground_truth.boxes, 0, limits)
    _warn_losses(ground_truth, int((boxes != ground_truth.boxes).any(axis=1).sum()))
    fractions = to_fractions(boxes, limits[:, :2]).tolist()
    lines = [
        f"{number} {' '.join(map(repr, box))}\n"
        for number, box in zip(ground_truth.class_index.tolist(), fractions, strict=True)
    ]
    offsets = ground_truth.offsets.tolist()
    with atomic_folder(folder) as hidden:
        labels, pictures = hidden / "labels" / split, hidden / "images" / split
        labels.mkdir(parents=True)
        pictures.mkdir(parents=True)
        for image, stem in enumerate(stems):
            (labels / f"{stem}.txt").write_text(
                "".join(lines[offsets[image] : offsets[image + 1]]), encoding="utf-8"
            )
        _copy_pictures(ground_truth, stems, pictures)
        keys = ("train", "val", "test") if split == "test" else ("train", "val")
        data = {
            **dict.fromkeys(keys, f"images/{split}"),
            "names": dict(enumerate(ground_truth.class_names)),
        }
        (hidden / "data.yaml").write_text(
            yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )


def file_stems(ground_truth: GroundTruth) -> list[str]:
    """Return what YOLO calls each image's files: the picture's name without suffix, else the image id."""
    stems = [
        Path(file).stem or image_id
        for file, image_id in zip(ground_truth.image_files, ground_truth.image_ids, strict=True)
    ]
    if len(set(stems)) != len(stems):
        stems = list(ground_truth.image_ids)
    for stem in stems:
        check_file_name(stem)
    return stems


def _load(data_yaml: Path) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(read_text(data_yaml))
    except FileNotFoundError:
        raise InputError(data_yaml, "no such file", fix="name the dataset's data.yaml") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            data_yaml,
            "is not YAML",
            where=f"line {mark.line + 1}" if mark else "",
            fix=str(error).splitlines()[0],
        ) from error
    if not isinstance(data, dict) or "names" not in data:
        raise InputError(
            data_yaml,
            "names no classes",
            fix="a YOLO dataset has the keys names, path, train and val",
        )
    return data


def _class_names(data_yaml: Path, data: Mapping[str, Any]) -> list[str]:
    names = data["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or sorted(names, key=str) != sorted(range(len(names)), key=str):
        raise InputError(
            data_yaml, "names must be a list, or numbered from 0 without a gap", where="names"
        )
    count = data.get("nc", len(names))
    if count != len(names):
        raise InputError(
            data_yaml,
            f"nc is {count}, but there are {len(names)} names",
            where="nc",
            fix="make them agree",
        )
    return [str(names[number]) for number in range(len(names))]


def _choose_split(data_yaml: Path, data: Mapping[str, Any], split: str | None) -> str:
    named = [name for name in SPLITS if data.get(name)]
    if split is None and named:
        return (
            named[0]
            if "val" in named or len(named) == 1
            else _refuse_split(data_yaml, "which split is meant?", named)
        )
    if not named:
        raise InputError(
            data_yaml,
            "names no pictures",
            fix=f"expected one of the keys {', '.join(SPLITS)} with a folder or a list",
        )
    return (
        split if split in named else _refuse_split(data_yaml, f"there is no split {split!r}", named)
    )


def _refuse_split(data_yaml: Path, problem: str, named: list[str]) -> str:
    raise InputError(data_yaml, problem, fix=f"choose one of: {', '.join(named)}")


def _pictures(data_yaml: Path, data: Mapping[str, Any], split: str) -> list[Path]:
    """Return the pictures of a split, sorted within each folder, in file order within each list."""
    root = data_yaml.parent / str(data.get("path") or "")
    entries = data[split] if isinstance(data[split], list) else [data[split]]
    pictures: list[Path] = []
    for entry in map(str, entries):
        path = root / entry
        if not _exists(path) and entry.startswith("../"):
            path = root / entry.removeprefix("../")
        if not _exists(path):
            raise InputError(
                path,
                f"no such folder or list, but {data_yaml} names it",
                where=f"split {split}",
                fix="correct the path",
            )
        pictures += _in_folder(path) if path.is_dir() else _in_list(path, root)
    return pictures


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise read_error(path, error) from error


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(folder, "no such folder of pictures")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _in_list(path: Path, root: Path) -> list[Path]:
    """Return the pictures a text file lists: `./` means beside the list, other relative paths start at the dataset's root."""
    lines = [line.strip() for line in read_text(path).splitlines()]
    return [(path.parent if line.startswith("./") else root) / line for line in lines if line]


def _image_ids(data_yaml: Path, pictures: list[Path]) -> list[str]:
    seen: dict[str, Path] = {}
    for picture in pictures:
        if picture.stem in seen:
            raise InputError(
                data_yaml,
                f"two pictures are called {picture.stem!r}: {seen[picture.stem]} and {picture}",
                fix="names must be unique",
            )
        seen[picture.stem] = picture
    return list(seen)


def _label_file(picture: Path) -> str:
    head, images, tail = str(picture.absolute()).rpartition(f"{os.sep}images{os.sep}")
    path = f"{head}{os.sep}labels{os.sep}{tail}" if images else tail
    return path.removesuffix(picture.suffix) + ".txt"


def _labels(path: str, classes: int) -> list[tuple[int, list[float]]]:
    """Return class and cx, cy, w, h of every label in a file."""
    labels = []
    for line, (value, *shape) in read_lines(path):
        number = class_number(value, path, line)
        if number >= classes:
            raise InputError(
                path,
                f"class {number}, but the dataset names {classes}, counted from 0",
                where=f"line {line}",
            )
        labels.append((number, _box(shape, path, line)))
    return labels


def _box(shape: list[float], path: str, line: int) -> list[float]:
    if not is_box_or_polygon(shape):
        raise InputError(path, f"{len(shape) + 1} values, expected {LABEL}", where=f"line {line}")
    if outside := [value for value in shape if not -BORDER <= value <= 1 + BORDER]:
        raise InputError(
            path,
            f"{outside[0]:g} lies outside 0..1",
            where=f"line {line}",
            fix="labels are fractions of the image",
        )
    return bounding_box(shape)


def is_box_or_polygon(values: Sequence[object]) -> bool:
    """Tell whether a label has, after its class, as many values as a box or a polygon."""
    return len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)


def bounding_box(shape: list[float]) -> list[float]:
    """Return cx, cy, w, h of a box or a polygon."""
    if len(shape) == 4:
        return shape
    left, top, right, bottom = min(shape[::2]), min(shape[1::2]), max(shape[::2]), max(shape[1::2])
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _warn_losses(ground_truth: GroundTruth, cut: int) -> None:
    lost = int((ground_truth.difficult | ground_truth.iscrowd).sum())
    for count, what in (
        (cut, "boxes reach out of their image and are cut"),
        (lost, "difficult or crowd objects become ordinary ones"),
    ):
        if count:
            warnings.warn(
                f"{ground_truth.name or 'ground truth'}: {count:,} {what}: YOLO has no way to say it",
                DetbenchWarning,
                stacklevel=3,
            )


def _copy_pictures(ground_truth: GroundTruth, stems: list[str], folder: Path) -> None:
    missing = 0
    for stem, file in zip(stems, ground_truth.image_files, strict=True):
        picture = (ground_truth.image_folder or Path()) / file
        if ground_truth.image_folder and file and picture.is_file():
            shutil.copyfile(picture, folder / f"{stem}{picture.suffix}")
        else:
            missing += 1
    if missing:
        warnings.warn(
            f"{missing:,} of {len(stems):,} pictures were not found; copy them into images/{folder.name} before the dataset is read",
            DetbenchWarning,
            stacklevel=3,
        )
