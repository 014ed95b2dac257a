"""Label folders: text files, one per image, in a folder that may have the images beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes
from detbench.data.formats.parsing.text_lines import Line, lines_of
from detbench.data.formats.parsing.text_lists import CLASS_LISTS, OTHER_TEXTS, read_name_list
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import InputError
from detbench.wording import first_few, plural

_HEAD_BYTES = 4096
_SAMPLE_SIZE = 5
IMAGE_FOLDERS = ("images", "image_2", "JPEGImages", "images-optional", "image", "img")
"""The names of folders of images beside a folder of labels."""


def label_folder(path: Path, names: Iterable[str]) -> Path:
    """Return the folder of the text files: `path`, or the first of these folders in it."""
    if label_files(path):
        return path
    return next((path / name for name in names if (path / name).is_dir()), path)


def label_files(folder: Path, images: Collection[str] = ()) -> list[Path]:
    """Return the text files of a folder, sorted, without lists of classes, readmes and licenses.

    A file called like one of these, such as `test.txt`, counts if it is named after an image.
    """
    # Names are sorted as strings, since there may be a file for each of many images.
    names = sorted(os.listdir(folder))  # noqa: PTH208
    texts = [name for name in names if name.endswith(".txt")]
    return [
        folder / name
        for name in texts
        if name[:-4].lower() not in OTHER_TEXTS or name[:-4] in images
    ]


def most_lines(folder: Path, fits: Callable[[str], bool]) -> bool:
    """Tell whether the first lines of at least half of the text files in a folder fit a format.

    Only the heads of the first few files that are not empty are read.
    """
    if not folder.is_dir():
        return False
    heads: list[str] = []
    for file in label_files(folder):
        line = first_line(file)
        if line:
            heads.append(line)
        if len(heads) == _SAMPLE_SIZE:
            break
    n_fitting = sum(map(fits, heads))
    return n_fitting > 0 and 2 * n_fitting >= len(heads)


def first_line(file: Path) -> str:
    """Return the first line of a file that is not blank, without surrounding blanks."""
    with file.open("rb") as stream:
        text = stream.read(_HEAD_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def lines_by_image(
    labeled: LabeledBoxes,
    folder: Path,
    files: Sequence[Path] | None = None,
    *,
    fits: Callable[[str], bool] | None = None,
) -> Iterator[tuple[int, Line]]:
    """Add the image of each file, and yield its position with each line that is not blank.

    Image ids are the names of the files without suffix. Images that lie beside the labels, or in
    the folder that the user names, become the image files.

    Args:
        labeled: What to add the images to.
        folder: The folder of the text files.
        files: The files. Default: `label_files`.
        fits: Tells whether a line is of the format. Other texts among results are left out, with a
            note, unless they are named after an image.
    """
    images = {} if labeled.source.scored else add_image_folder(labeled, folder)
    stems = _image_stems(labeled.source.ground_truth)
    paths = label_files(folder, images.keys() | stems) if files is None else files
    if fits is not None and labeled.source.scored:
        paths = _without_other_texts(labeled, paths, fits, stems)
    for path in paths:
        image_id = path.relative_to(folder).with_suffix("").as_posix()
        image = labeled.add_image(image_id, file=images.get(image_id, ""))
        for line in lines_of(path):
            yield image, line
    if files is None and not images.keys().isdisjoint(labeled.images):
        _add_background(labeled, images)


def _image_stems(ground_truth: GroundTruth | None) -> set[str]:
    """Return the names of the images without folders and suffix; none without ground truth."""
    names = () if ground_truth is None else ground_truth.image_names
    return {Path(name).stem for name in names}


def _without_other_texts(
    labeled: LabeledBoxes, paths: Sequence[Path], fits: Callable[[str], bool], stems: set[str]
) -> list[Path]:
    """Return the files of results among text files, and note the others."""
    kept: list[Path] = []
    others: list[Path] = []
    for path in paths:
        line = first_line(path)
        is_other = bool(line) and not fits(line) and path.stem not in stems
        (others if is_other else kept).append(path)
    if others:
        names = first_few([path.name for path in others], 3)
        labeled.notes.append(f"ignored {names}: not named after an image, and without detections")
    return kept


def _add_background(labeled: LabeledBoxes, images: Mapping[str, str]) -> None:
    """Add the images without a label file, with a note; other images have theirs."""
    missing = [image_id for image_id in images if image_id not in labeled.images]
    for image_id in missing:
        labeled.add_image(image_id, file=images[image_id])
    if missing:
        labeled.notes.append(
            f"{len(missing):,} of {plural(len(images), 'image')} without a label file count as "
            f"images without objects (the first: {images[missing[0]]}); check that they are "
            "background images"
        )


def add_image_folder(labeled: LabeledBoxes, folder: Path) -> Mapping[str, str]:
    """Choose the folder of the images; return the id of each image with its file in that folder."""
    chosen = labeled.source.images
    candidates = [folder.parent / name for name in IMAGE_FOLDERS] + [folder]
    folders = [chosen] if chosen else [path for path in candidates if path.is_dir()]
    for candidate in folders:
        images = {
            path.relative_to(candidate).with_suffix("").as_posix(): path
            for path in sorted(candidate.rglob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES
        }
        if images:
            labeled.image_folder = candidate
            return {key: path.relative_to(candidate).as_posix() for key, path in images.items()}
    return {}


def read_class_list(folder: Path) -> list[str] | None:
    """Return the class names that a list in a folder, or in the folder above it, states.

    Raises:
        InputError: The list is empty, or names a class twice.
    """
    for parent in (folder, folder.absolute().parent):
        for name in CLASS_LISTS:
            if (parent / name).is_file():
                return read_name_list(parent / name)
    return None


def class_names_of(labeled: LabeledBoxes, folder: Path, words: Iterable[str]) -> Mapping[str, str]:
    """Return word → class name for the words by which lines state their class.

    Numbers are positions in the list of classes, counted from 0. If none is 0 and the highest is
    the number of classes, they count from 1, which becomes a note. Without a list, and for names,
    words are the names. The order of a list that has all the words is that of the classes.
    """
    distinct = dict.fromkeys(words)
    names = read_class_list(folder)
    if names is None or not distinct:
        return {word: word for word in distinct}
    if distinct.keys() <= set(names):
        labeled.list_classes(names)
        return {word: word for word in distinct}
    numbers = {word: int(word) for word in distinct if word.isascii() and word.isdigit()}
    if len(numbers) != len(distinct):
        return {word: word for word in distinct}
    start = 0
    if min(numbers.values()) >= 1 and max(numbers.values()) == len(names):
        start = 1
        labeled.notes.append(
            f"class numbers are read as counted from 1: none is 0, and {len(names)} is the number "
            "of classes in the list of classes"
        )
    labeled.list_classes(names)
    return {
        word: names[number - start] if 0 <= number - start < len(names) else word
        for word, number in numbers.items()
    }


def not_detections(path: Path, expected: str) -> InputError:
    """Return the error for labels in the place of detections.

    Args:
        path: The file or folder.
        expected: What a line of results is.
    """
    return InputError(
        path,
        "its lines have no score, so these are labels and not detections",
        fix=f"give results with lines of {expected}",
    )


def not_ground_truth(path: Path, expected: str) -> InputError:
    """Return the error for detections in the place of labels; see `not_detections`."""
    return InputError(
        path,
        "its lines have scores, so these are detections and not ground truth",
        fix=f"give labels with lines of {expected}",
    )
