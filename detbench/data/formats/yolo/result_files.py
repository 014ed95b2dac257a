"""Result files: which text files of a folder hold the detections of an image, and of which."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.text_lists import OTHER_TEXTS
from detbench.data.formats.yolo.file_stems import need_folders
from detbench.data.formats.yolo.label_files import holds_numbers
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import first_few, plural

_MAX_PROBED = 20
"""How many files are opened to see whether their lines start with a number."""
_N_RESULT_WORDS = 6
"""A line of results has at least the class, four numbers of a box and the confidence."""


@dataclass(frozen=True)
class ResultFiles:
    """F text files of results, sorted by name."""

    paths: list[str]
    names: list[str]
    """What each file calls its image."""
    images: list[int]
    """Position of the image in the ground truth, −1 for one that it does not have."""


def find_result_files(folder: Path, ground_truth: GroundTruth) -> ResultFiles:
    """Return the files of results in a folder.

    These are the text files named after an image, and others that start with a number. Ultralytics
    writes them into a subfolder `labels`. Other subfolders are searched if several images have the
    same name, or if all text files lie there. A warning names what is ignored, apart from lists of
    classes.

    Raises:
        InputError: The name of a file fits several images.
    """
    files = _text_files(folder, ground_truth)
    images = match_images(folder, ground_truth, list(files), are_files=True)
    others = [
        name
        for name, image in zip(files, images, strict=True)
        if image < 0 and not _may_be_results(files[name])
    ]
    if others:
        # All names are matched alike, so that those of other texts must not matter.
        files = {name: path for name, path in files.items() if name not in others}
        images = match_images(folder, ground_truth, list(files), are_files=True)
        ignored = [f"{name}.txt" for name in others if not _is_other_text(name)]
        if ignored:
            warnings.warn(
                f"{folder}: ignored {first_few(ignored, 3)}: not named after an image, and "
                "without detections",
                DetbenchWarning,
                stacklevel=3,
            )
    return ResultFiles([str(path) for path in files.values()], list(files), images)


def is_yolo_results(folder: Path, ground_truth: GroundTruth) -> bool:
    """Return whether a folder holds text files of numbers that are named after images.

    Raises:
        InputError: The name of a file right in the folder fits several images.
    """
    files = _text_files(folder, ground_truth)
    if not _are_numbers(files):
        return False
    try:
        images = match_images(folder, ground_truth, list(files), are_files=True)
    except InputError:
        # Folders of labels and of results side by side are not results of a detector.
        if need_folders(ground_truth) or not _are_nested(files):
            raise
        return False
    return max(images, default=-1) >= 0


def unmatched_results(folder: Path, ground_truth: GroundTruth) -> InputError | None:
    """Return the error for a folder of YOLO results none of which is named after an image.

    None for a folder of something else, or whose subfolders are results, each of its own.
    """
    files = _text_files(folder, ground_truth)
    results = [
        name for name, path in files.items() if not _is_other_text(name) and holds_numbers(path)
    ]
    lengths = {len(_first_words(files[name])) for name in results[:_MAX_PROBED]}
    if not results or min(lengths) < _N_RESULT_WORDS or is_yolo_results(folder, ground_truth):
        return None
    if _are_nested(files) and any(is_yolo_results(path, ground_truth) for path in folder.iterdir()):
        return None
    return InputError(
        folder,
        f"its {plural(len(results), 'text file')} look like YOLO results, but none is named after "
        f"an image; the first is {results[0]}.txt",
        fix=f"{_name_example(ground_truth)}; `detbench doctor` looks for a rule",
    )


def _name_example(ground_truth: GroundTruth) -> str:
    names = [Path(name).stem for name in ground_truth.image_names]
    return f"name them after the images, such as {names[0]}.txt" if names else "there are no images"


def _first_words(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return next((line for line in file if not line.isspace()), b"").split()


def _are_numbers(files: Mapping[str, Path]) -> bool:
    """Return whether text files can be results: one starts with a number, or all are empty."""
    probed = [path for name, path in files.items() if not _is_other_text(name)][:_MAX_PROBED]
    return any(map(holds_numbers, probed)) or not any(map(_has_text, probed))


def _are_nested(files: Mapping[str, Path]) -> bool:
    return all("/" in name for name in files)


def _text_files(folder: Path, ground_truth: GroundTruth) -> dict[str, Path]:
    """Return name → path of the text files of a folder, or else of its subfolders.

    Names are relative to the folder, or to its subfolder `labels` if text files are there alone.
    """
    patterns = ("**/*.txt",) if need_folders(ground_truth) else ("*.txt", "**/*.txt")
    for pattern in patterns:
        for parent in (folder, folder / "labels"):
            paths = sorted(parent.glob(pattern))
            if paths:
                return {path.relative_to(parent).with_suffix("").as_posix(): path for path in paths}
    return {}


def _may_be_results(path: Path) -> bool:
    """Return whether a file that is named after no image can hold detections, or none at all."""
    return not _is_other_text(path.stem) and (holds_numbers(path) or not _has_text(path))


def _is_other_text(name: str) -> bool:
    return Path(name).name.lower() in OTHER_TEXTS


def _has_text(path: Path) -> bool:
    return path.is_file() and bool(path.read_bytes().strip())
