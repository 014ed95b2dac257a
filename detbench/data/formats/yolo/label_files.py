"""Label files: where the labels of images lie, which are missing, and which belong to no image.

Ultralytics looks beside the folder `images`, in `labels`; Darknet also knows `JPEGImages`. Where
no image of a folder has a label file there, they lie beside the images, as Darknet and LabelImg
write them. An image without one is a background image, if others have theirs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from detbench.data.formats.parsing.text_lists import OTHER_TEXTS
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import first_few, plural

_IMAGE_FOLDERS = ("images", "JPEGImages")
"""Folders of images beside which a folder `labels` may lie."""
_MAX_LISTED = 3


@dataclass(frozen=True)
class LabelFiles:
    """The label files of images, in the order of the images."""

    paths: list[str] = field(default_factory=list)
    """Those that exist."""
    images: list[int] = field(default_factory=list)
    """The image that each belongs to."""
    missing: list[str] = field(default_factory=list)
    """Those that do not exist, where they are expected."""
    strays: list[str] = field(default_factory=list)
    """Label files of folders in use that belong to no image."""


def find_label_files(
    dataset: Path, images: Sequence[Path], stated: Mapping[str, Path] = MappingProxyType({})
) -> LabelFiles:
    """Return the label files of images, and warn of those that are missing or belong to no image.

    Args:
        dataset: The file that describes the dataset, for messages.
        images: The images, at least one.
        stated: Stem of an image → its label file, for images without one in the usual places.

    Raises:
        InputError: No image has a label file, or a folder cannot be read.
    """
    label_files = LabelFiles()
    by_folder: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        by_folder.setdefault(str(image.parent.absolute()), []).append(index)
    for folder, indices in by_folder.items():
        names = [images[index].stem + ".txt" for index in indices]
        label_folder, listed = _label_folder(folder, names)
        for index, name in zip(indices, names, strict=True):
            path = os.path.join(label_folder, name)  # noqa: PTH118  there is one per image
            if name in listed:
                label_files.paths.append(path)
                label_files.images.append(index)
            else:
                label_files.missing.append(path)
        label_files.strays.extend(_strays(folder, label_folder, listed.difference(names)))
    if not label_files.paths:
        label_files = _stated_label_files(images, stated)
    if not label_files.paths:
        raise _no_label_file(dataset, images)
    _warn(dataset, label_files, len(images))
    return label_files


def _stated_label_files(images: Sequence[Path], stated: Mapping[str, Path]) -> LabelFiles:
    label_files = LabelFiles()
    for index, image in enumerate(images):
        path = stated.get(image.stem)
        if path is None or not path.is_file():
            label_files.missing.append(str(path or image.with_suffix(".txt")))
            continue
        label_files.paths.append(str(path))
        label_files.images.append(index)
    return label_files


def label_folders(folder: str) -> Iterator[str]:
    """Yield the folders in which the labels of a folder of images may lie, the first choice first.

    Args:
        folder: Its absolute path.
    """
    for name in _IMAGE_FOLDERS:
        # Only the last folder counts: a dataset may itself lie in a folder of that name.
        head, separator, tail = f"{folder}{os.sep}".rpartition(f"{os.sep}{name}{os.sep}")
        if separator:
            yield f"{head}{os.sep}labels{os.sep}{tail}".rstrip(os.sep)
    yield folder


def _label_folder(folder: str, names: list[str]) -> tuple[str, set[str]]:
    """Return the first folder with a label file, and its text files; else the first choice."""
    candidates = list(label_folders(folder))
    for candidate in candidates:
        listed = _text_files(candidate)
        if not listed.isdisjoint(names):
            return candidate, listed
    return candidates[0], set()


def _text_files(folder: str) -> set[str]:
    try:
        return {name for name in os.listdir(folder) if name.endswith(".txt")}  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _strays(folder: str, label_folder: str, names: set[str]) -> list[str]:
    """Return the files of these names that hold labels of an image that does not exist."""
    if not names:
        return []
    files = map(os.path.splitext, os.listdir(folder))  # noqa: PTH208
    stems = {stem for stem, suffix in files if suffix.lower() in IMAGE_SUFFIXES}
    paths = [
        Path(label_folder, name)
        for name in sorted(names)
        if name[:-4] not in stems and name[:-4].lower() not in OTHER_TEXTS
    ]
    return [str(path) for path in paths if holds_numbers(path)]


def holds_numbers(path: Path) -> bool:
    """Return whether the first line of a text file that is not blank starts with a number."""
    try:
        with path.open("rb") as file:
            line = next((line for line in file if not line.isspace()), b"")
    except OSError:
        return False
    words = line.removeprefix(b"\xef\xbb\xbf").split()
    try:
        return len(words) > 1 and float(words[0]) >= 0
    except ValueError:
        return False


def _no_label_file(dataset: Path, images: Sequence[Path]) -> InputError:
    first = images[0]
    name = first.stem + ".txt"
    folders = label_folders(str(first.parent.absolute()))
    searched = " and ".join(str(Path(folder, name)) for folder in folders)
    elsewhere = sorted(filter(holds_numbers, dataset.absolute().parent.rglob(name)))
    misplaced = [path for path in elsewhere if not _may_be_result(path)] or elsewhere
    fix = "put the label files there"
    if misplaced:
        in_folders = first_few([str(path) for path in misplaced], _MAX_LISTED)
        where = "is in another folder" if len(misplaced) == 1 else "are in other folders"
        fix += f"; {in_folders} {where}"
    subject = f"none of the {len(images):,} images has a" if len(images) > 1 else "its image has no"
    problem = f"{subject} label file; searched for {searched}"
    return InputError(dataset, problem, fix=fix)


def _may_be_result(path: Path) -> bool:
    """Return whether the first line has a confidence: then the number of its values is even."""
    with path.open("rb") as file:
        line = next((line for line in file if not line.isspace()), b"")
    return len(line.split()) % 2 == 0


def _warn(dataset: Path, label_files: LabelFiles, n_images: int) -> None:
    if label_files.missing:
        n_missing = len(label_files.missing)
        warnings.warn(
            f"{dataset}: no label file for {n_missing:,} of {plural(n_images, 'image')} (the "
            f"first: {label_files.missing[0]}); they count as images without objects, which is "
            "right for background images only",
            DetbenchWarning,
            stacklevel=3,
        )
    if label_files.strays:
        n_strays = len(label_files.strays)
        warnings.warn(
            f"{dataset}: no image for {plural(n_strays, 'label file')} (the first: "
            f"{label_files.strays[0]}); labels without an image are not read",
            DetbenchWarning,
            stacklevel=3,
        )
