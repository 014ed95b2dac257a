"""What the table needs to know of a file format: how to recognize, read and write its files.

The functions of a format import its reader and writer when they are called, so that a command loads
only the formats that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

if TYPE_CHECKING:
    from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth


@dataclass(frozen=True)
class GroundTruthReader:
    """How ground truth of a format is recognized and read."""

    description: str
    """What its files look like, for the message about unrecognized files."""
    recognizes: Callable[[Path], bool]
    """path"""
    read: Callable[[Path, str | None, Path | None], GroundTruth]
    """path, split, folder of the images; both None unless the user gives them"""
    read_leniently: Callable[[Path, str | None, Path | None], LenientGroundTruth]
    """The same for files that `read` may refuse."""


@dataclass(frozen=True)
class GroundTruthFormat(GroundTruthReader):
    """A format in which ground truth is written, too."""

    suffix: str
    """The suffix of files to write; empty for a folder."""
    write: Callable[[GroundTruth, Path, str | None], None]
    """ground truth, path, split"""


@dataclass(frozen=True)
class DetectionsReader:
    """How detections of a format, which are always read for a ground truth, are read."""

    description: str
    """What its files look like, for the message about unrecognized files."""
    recognizes: Callable[[Path, GroundTruth], bool]
    """path, ground truth"""
    read: Callable[[Path, GroundTruth, bool], Detections]
    """path, ground truth, allow_unknown"""
    read_leniently: Callable[[Path, GroundTruth], LenientDetections]
    """path, ground truth; for files that `read` may refuse"""


@dataclass(frozen=True)
class DetectionsFormat(DetectionsReader):
    """A format in which detections are written, too."""

    suffix: str
    """The suffix of files to write; empty for a folder."""
    write: Callable[[Detections, Path, GroundTruth], None]
    """detections, path, ground truth"""


def refuse_split(path: Path, split: str | None) -> None:
    """Raise InputError if the user chooses a split of a format that has one split per file."""
    if split is not None:
        raise InputError(
            path,
            f"has no splits to choose {split!r} from",
            fix="leave --split out, or name the file of that split",
        )
