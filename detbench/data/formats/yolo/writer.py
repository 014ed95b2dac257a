"""Writer of YOLO datasets and results, as Ultralytics lays them out."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.yolo.file_stems import file_stems
from detbench.data.formats.yolo.fractions import count_outside, to_fractions
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import read_image_size, require_image_sizes
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import plural


def write_yolo(ground_truth: GroundTruth, folder: Path, *, split: str = "val") -> None:
    """Write data.yaml, `labels/{split}`, and `images/{split}` with copies of the images.

    Files are named after the image files, or after the image ids if these are unknown or several
    files have the same name; ids that are paths become subfolders. Boxes are clipped to their
    image, since YOLO's fractions end at 1; difficult and crowd objects become ordinary ones.
    Warnings count both, and the images that are missing.

    Args:
        ground_truth: The ground truth.
        folder: The folder, which must be new or empty.
        split: `val`, `test` or `train`.

    Raises:
        InputError: The size of an image is unknown, or the folder cannot be written.
        DetbenchError: An image id cannot name a file.
    """
    import yaml

    sizes, stems = require_image_sizes(ground_truth), file_stems(ground_truth)
    sizes_of_objects = np.repeat(sizes, np.diff(ground_truth.offsets), axis=0)
    # Readers refuse fractions outside 0..1, while annotations of real datasets reach beyond.
    boxes = np.clip(ground_truth.boxes, 0, np.tile(sizes_of_objects, 2))
    _warn_losses(ground_truth, int((boxes != ground_truth.boxes).any(axis=1).sum()))
    fractions = to_fractions(boxes, sizes_of_objects)
    with atomic_folder(folder) as hidden:
        labels, images = hidden / "labels" / split, hidden / "images" / split
        for subfolder in {Path(stem).parent for stem in stems}:
            (labels / subfolder).mkdir(parents=True, exist_ok=True)
            (images / subfolder).mkdir(parents=True, exist_ok=True)
        texts = _texts(ground_truth.offsets, ground_truth.class_index, fractions)
        for stem, text in zip(stems, texts, strict=True):
            (labels / f"{stem}.txt").write_text(text, encoding="utf-8")
        _copy_images(ground_truth, stems, images)
        # Ultralytics requires both train and val, even to evaluate another split.
        keys = ("train", "val", "test") if split == "test" else ("train", "val")
        names = dict(enumerate(ground_truth.class_names))
        data = {**dict.fromkeys(keys, f"images/{split}"), "names": names}
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        (hidden / "data.yaml").write_text(text, encoding="utf-8")


def write_yolo_results(detections: Detections, folder: Path, ground_truth: GroundTruth) -> None:
    """Write a text file of `class cx cy w h confidence` lines for every image.

    Lines keep their order within an image. The order across images, by which VOC breaks ties, is
    lost. A warning counts the boxes with values outside 0..1; a file of mostly such boxes cannot be
    read back.

    Args:
        detections: The detections.
        folder: The folder, which must be new or empty.
        ground_truth: The ground truth that the detections were loaded for.

    Raises:
        NotComparableError: The detections were loaded for another ground truth.
        InputError: The size of an image is unknown, or the folder cannot be written.
        DetbenchError: An image id cannot name a file.
    """
    detections.check_same_images(ground_truth)
    images = groups_from_offsets(detections.offsets).astype(np.int64)
    sizes = require_image_sizes(ground_truth, images)[images]
    fractions = to_fractions(detections.boxes, sizes)
    if n_outside := count_outside(fractions):
        warnings.warn(
            f"{folder}: {n_outside:,} of {len(fractions):,} boxes extend beyond their image; "
            "YOLO's fractions end at 1, and readers may refuse them",
            DetbenchWarning,
            stacklevel=2,
        )
    numbers = np.column_stack([fractions, detections.scores])
    texts = _texts(detections.offsets, detections.class_index, numbers)
    stems = file_stems(ground_truth)
    with atomic_folder(folder) as hidden:
        for subfolder in {Path(stem).parent for stem in stems}:
            (hidden / subfolder).mkdir(parents=True, exist_ok=True)
        for stem, text in zip(stems, texts, strict=True):
            (hidden / f"{stem}.txt").write_text(text, encoding="utf-8")


def _texts(offsets: Ints, class_index: Indices, numbers: Floats) -> Iterator[str]:
    """Yield the text of each image's file: its rows as class and numbers (N, M)."""
    lines = [
        f"{number} {' '.join(map(repr, row))}\n"
        for number, row in zip(class_index.tolist(), numbers.tolist(), strict=True)
    ]
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        yield "".join(lines[start:end])


def _warn_losses(ground_truth: GroundTruth, n_clipped: int) -> None:
    n_flagged = int((ground_truth.difficult | ground_truth.iscrowd).sum())
    for count, noun, loss in (
        (n_clipped, "box", "clipped to the image: YOLO's fractions end at 1"),
        (n_flagged, "difficult or crowd object", "written as ordinary: YOLO has no such flags"),
    ):
        if count:
            name = ground_truth.name or "ground truth"
            message = f"{name}: {plural(count, noun)} {loss}"
            warnings.warn(message, DetbenchWarning, stacklevel=3)


def _copy_images(ground_truth: GroundTruth, stems: list[str], folder: Path) -> None:
    """Copy the images that are there; files that are no images are not copied.

    Raises:
        InputError: The name of an image leaves the image folder.
    """
    n_missing = 0
    for stem, file in zip(stems, ground_truth.image_files, strict=True):
        image = _image_path(ground_truth, file)
        if image is not None and _is_image(image):
            shutil.copyfile(image, folder / f"{stem}{image.suffix}")
        else:
            n_missing += 1
    if n_missing:
        warnings.warn(
            f"{n_missing:,} of {len(stems):,} images were not found or are no images; "
            f"copy them into images/{folder.name} before the dataset is read",
            DetbenchWarning,
            stacklevel=3,
        )


def _image_path(ground_truth: GroundTruth, file: str) -> Path | None:
    """Return the path of an image, None if it is unknown; it must lie below the image folder."""
    if ground_truth.image_folder is None or not file:
        return None
    folder = os.path.normpath(ground_truth.image_folder.absolute())
    image = Path(os.path.normpath(Path(folder) / file))
    if not image.is_relative_to(folder):
        raise InputError(
            ground_truth.source or ground_truth.name or "ground truth",
            f"the image {file!r} lies outside the image folder {folder}",
            fix="give the folder that contains all images with --images",
        )
    return image


def _is_image(path: Path) -> bool:
    try:
        read_image_size(path)
    except InputError:
        return False
    return True
