"""VOC results: a folder of comp3/comp4 text files, one per class, into Detections.

The boxes are numbered as those of the annotations: 1-based and inclusive in VOC. The devkit demands
that, and programs that take annotations of another numbering for VOC's write results in it, too.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.detections import Detections
from detbench.data.formats.parsing.plain_text import is_number, read_bytes
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.formats.voc.result_lines import (
    N_VALUES,
    ResultLines,
    check_lines,
    read_result_lines,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

_DEVKIT_PREFIX = re.compile(r"comp[0-9]_det_[^_]+_")
"""What the devkit's file names begin with: competition and split."""


class ClassFiles(NamedTuple):
    """The files of a folder that hold results; others are none of its business."""

    of_classes: list[Path | None]
    """The file of each class of the ground truth, in its order; None if it is missing."""
    of_unknown_classes: list[tuple[str, Path]]
    """Class name and file of all others."""
    prefix: str
    """What precedes the name of the class in the names of the files."""


def read_voc_results(
    folder: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read the detections of every class, class after class, each in the order of its file.

    Files are called `comp3_det_{split}_{class}.txt` or `comp4_…`; any other prefix that they all
    share will do, also an empty one. `allow_unknown` drops files of unknown classes and detections
    on unknown images, with a warning.

    Raises:
        InputError: A class has no file (an empty file means no detections), a line is malformed,
            an image or class is unknown, or more than half of the boxes are inverted.
    """
    files = find_class_files(folder, ground_truth.class_names)
    class_files = _check_missing(folder, files, ground_truth.class_names)
    lines = read_result_lines(class_files, ground_truth)
    check_lines(lines)
    _check_classes(folder, files.of_unknown_classes, len(lines.values), allow_unknown=allow_unknown)
    image_index = _image_index(folder, lines, ground_truth)
    _check_images(folder, lines, image_index, allow_unknown=allow_unknown)

    rows = np.flatnonzero(image_index >= 0)
    corners = lines.values[rows, 1:]
    boxes = continuous(corners, ground_truth)
    check_inverted(folder, boxes, corners)
    if not len(corners):
        warn_empty(folder)
    return Detections.from_rows(
        ground_truth,
        image_index=image_index[rows],
        class_index=np.repeat(np.arange(len(class_files)), lines.counts)[rows],
        scores=lines.values[rows, 0],
        boxes=boxes,
        name=folder.resolve().name,
        source=f"voc results {folder}",
    )


def continuous(corners: Floats, ground_truth: GroundTruth) -> Floats:
    """Return corners (N, 4) as written with continuous edges: numbered as the annotations are.

    Usually they are 1-based and inclusive, so that only the upper left corner moves.
    """
    first, last = ground_truth.voc_offsets
    return corners - [first, first, last, last]


def is_voc_results(folder: Path, ground_truth: GroundTruth) -> bool:
    """Return whether a folder holds a text file whose name ends with the name of a class."""
    return any(_prefixes(file.stem, ground_truth.class_names) for file in folder.glob("*.txt"))


def find_class_files(folder: Path, class_names: tuple[str, ...]) -> ClassFiles:
    """Find the files of the classes by the prefix that most of them share.

    So `comp4_det_test_sports_car.txt` belongs to `sports_car`, and not, with the prefix
    `comp4_det_test_sports_`, to `car`. Other files with the prefix are of unknown classes if they
    are not empty; without a prefix, only those that hold lines of results are.

    Raises:
        InputError: There is no such folder, no file of results, or there are two sets of them.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", fix="give the folder with the comp3/comp4 files")
    stems = {file.stem: file for file in sorted(folder.glob("*.txt"))}
    prefix = _choose_prefix(folder, list(stems), class_names)
    expected = {prefix + name for name in class_names}
    unknown = [
        (stem.removeprefix(prefix), file)
        for stem, file in stems.items()
        if stem.startswith(prefix) and stem not in expected and _has_lines(file, prefix)
    ]
    return ClassFiles([stems.get(prefix + name) for name in class_names], unknown, prefix)


def _has_lines(file: Path, prefix: str) -> bool:
    """Return whether a file that is of no class has lines, or without a prefix, those of results.

    The first line that is not blank decides.
    """
    lines = (line.decode(errors="replace").split() for line in read_bytes(file).splitlines())
    first = next((words for words in lines if words), [])
    if prefix:
        return bool(first)
    return len(first) >= N_VALUES and all(map(is_number, first[1 - N_VALUES :]))


def _no_results(folder: Path, class_names: tuple[str, ...]) -> InputError:
    return InputError(
        folder,
        "contains no results for any class of the ground truth",
        fix=f"expected files like comp4_det_test_{''.join(class_names[:1])}.txt",
    )


def _check_missing(folder: Path, files: ClassFiles, class_names: tuple[str, ...]) -> list[Path]:
    """Return the files of all classes; raise InputError if one is missing."""
    if not any(files.of_classes):
        raise _no_results(folder, class_names)
    pairs = zip(class_names, files.of_classes, strict=True)
    missing = [name for name, file in pairs if file is None]
    if missing:
        rest = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            folder,
            f"{files.prefix}{missing[0]}.txt is missing{rest}",
            fix="create an empty file for a class without detections",
        )
    return [file for file in files.of_classes if file is not None]


def _choose_prefix(folder: Path, stems: list[str], class_names: tuple[str, ...]) -> str:
    """Return the prefix of most class files; another one with results is an error."""
    uses = Counter(prefix for stem in stems for prefix in _prefixes(stem, class_names))
    if not uses:
        # The devkit's own file names, of classes that the ground truth does not have.
        uses = Counter(match[0] for match in map(_DEVKIT_PREFIX.match, stems) if match)
    if not uses:
        raise _no_results(folder, class_names)
    # Among prefixes of equally many classes, the shortest one wins.
    prefix = max(uses, key=lambda candidate: (uses[candidate], -len(candidate)))
    # Other files are ignored, unless they are results of another detector or split.
    others = [stem for stem in stems if not stem.startswith(prefix)]
    rivals = sorted({rival for stem in others for rival in _prefixes(stem, class_names)})
    if rivals:
        raise InputError(
            folder,
            f"contains two sets of results: {prefix}* and {rivals[0]}*",
            fix="keep only one of them in the folder",
        )
    return prefix


def _prefixes(stem: str, class_names: tuple[str, ...]) -> list[str]:
    """Return what stands before the name of a class in a file's name: nothing, or up to a `_`."""
    endings = [name for name in class_names if stem.endswith(name)]
    prefixes = [stem[: len(stem) - len(name)] for name in endings]
    return [prefix for prefix in prefixes if prefix == "" or prefix.endswith("_")]


def _check_classes(
    folder: Path, unknown: list[tuple[str, Path]], n_known: int, *, allow_unknown: bool
) -> None:
    """Apply the rule for unknown classes; `n_known` is the number of lines of the known ones."""
    if unknown:
        name, first = unknown[0]
        n_dropped = sum(len(read_bytes(file).splitlines()) for _, file in unknown)
        total = n_known + n_dropped
        check_unknown(
            folder, "class", name, n_dropped, total, where=first.name, allow_unknown=allow_unknown
        )


def _image_index(folder: Path, lines: ResultLines, ground_truth: GroundTruth) -> Ints:
    """Return the image (N,) of each line, −1 if it is unknown."""
    positions = [ground_truth.image_position(image_id) for image_id in lines.image_ids]
    if None in positions:
        # VOC's own ids need no other rules, so that these are imported for other files only.
        from detbench.data.formats.parsing.image_ids import match_images

        positions = [*match_images(folder, ground_truth, lines.image_ids)]
    return np.array(positions, np.int64)[lines.image_codes]


def _check_images(
    folder: Path, lines: ResultLines, image_index: Ints, *, allow_unknown: bool
) -> None:
    """Apply the rule for unknown images to the rows (N,) with a negative image index."""
    unknown = np.flatnonzero(image_index < 0)
    if not len(unknown):
        return
    image_id = lines.image_ids[lines.image_codes[unknown[0]]]
    file, number, _ = lines.locate(int(unknown[0]))
    line = f"line {number}"
    # An error is about the file, a warning about the folder.
    path, where = (folder, f"{file.name}, {line}") if allow_unknown else (file, line)
    total = len(image_index)
    check_unknown(
        path, "image", image_id, len(unknown), total, where=where, allow_unknown=allow_unknown
    )
