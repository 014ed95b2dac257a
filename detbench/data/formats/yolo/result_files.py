"""Result files: which text files of a folder hold the detections of an image, and of which."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.text_lists import OTHER_TEXTS
from detbench.data.formats.yolo.file_stems import need_folders
from detbench.data.formats.yolo.label_files import holds_numbers
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning
from detbench.wording import first_few

_MAX_PROBED = 20
"""How many files are opened to see whether their lines start with a number."""


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
    writes them into a subfolder `labels`; subfolders of images are searched only if several images
    have the same name. A warning names what is ignored, apart from lists of classes.

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
    """Return whether a folder holds text files of numbers that are named after images."""
    files = _text_files(folder, ground_truth)
    probed = [path for name, path in files.items() if not _is_other_text(name)][:_MAX_PROBED]
    if not any(holds_numbers(path) for path in probed) and any(map(_has_text, probed)):
        return False
    return max(match_images(folder, ground_truth, list(files), are_files=True), default=-1) >= 0


def _text_files(folder: Path, ground_truth: GroundTruth) -> dict[str, Path]:
    """Return name → path of the text files of a folder, or else of its subfolder `labels`."""
    pattern = "**/*.txt" if need_folders(ground_truth) else "*.txt"
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
