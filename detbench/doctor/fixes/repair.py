"""Repairs: ground truth or detections without some faults, ready to be written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from detbench.data.detection_rows import DetectionRows
from detbench.data.files import atomic_path
from detbench.data.formats.table import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from detbench.doctor.case import Case
from detbench.doctor.findings import CocoDocument
from detbench.errors import InputError

_FILE_SUFFIXES = (".json", ".parquet")
"""A target with one of these is a file of that format. Any other target has the source's format."""


class Repair(Protocol):
    """Fixed ground truth or detections."""

    @property
    def content(self) -> str:
        """What is counted: annotations, objects or detections."""

    @property
    def n_read(self) -> int:
        """How many there were."""

    @property
    def n_written(self) -> int:
        """How many are left."""

    def is_folder(self, target: Path) -> bool:
        """Tell whether a folder will be written at a target, and not a file."""

    def write(self, target: Path) -> None:
        """Write the fixed data; the source is never changed."""


@dataclass(frozen=True)
class DetectionsRepair:
    """Fixed detections."""

    case: Case
    rows: DetectionRows
    content: str = "detections"

    @property
    def n_read(self) -> int:
        """How many detections there were."""
        return len(self.case.rows)

    @property
    def n_written(self) -> int:
        """How many detections are left."""
        return len(self.rows)

    def is_folder(self, target: Path) -> bool:
        """Tell whether a folder will be written at a target: for VOC and YOLO results."""
        return self._is_folder_format and target.suffix not in _FILE_SUFFIXES

    @property
    def _is_folder_format(self) -> bool:
        return self.case.file.path.is_dir() and self.case.file.format_name in DETECTIONS_FORMATS

    def write(self, target: Path) -> None:
        """Write image, class, box and score of each detection; other keys are lost.

        Raises:
            InputError: The detections are a file or of a format that is only read, and the target
                has no suffix of a known file.
        """
        if not self._is_folder_format and target.suffix not in _FILE_SUFFIXES:
            raise InputError(
                target, "has no suffix of detections", fix="name a .json or .parquet file"
            )
        ground_truth = self.case.ground_truth
        detections = self.rows.to_detections(ground_truth)
        format_name = _format_for(target, self.case.file.format_name)
        save_detections(detections, ground_truth, target, format_name)


@dataclass(frozen=True)
class CocoRepair:
    """Fixed COCO annotations."""

    n_read: int
    document: CocoDocument
    content: str = "annotations"

    @property
    def n_written(self) -> int:
        """How many annotations are left."""
        return len(self.document["annotations"])

    def is_folder(self, target: Path) -> bool:  # noqa: ARG002  as for other repairs
        """Return false: COCO annotations are a file."""
        return False

    def write(self, target: Path) -> None:
        """Write the annotations with all their keys.

        Raises:
            InputError: The target is not a .json file.
        """
        if target.suffix != ".json":
            raise InputError(
                target, "has no suffix .json, as COCO annotations have", fix="name a .json file"
            )
        with atomic_path(target) as hidden:
            hidden.write_text(json.dumps(self.document), encoding="utf-8")


@dataclass(frozen=True)
class DatasetRepair:
    """Fixed ground truth of another format than COCO: the split that was read."""

    n_read: int
    ground_truth: GroundTruth
    format_name: str
    split: str | None
    content: str = "objects"

    @property
    def n_written(self) -> int:
        """How many objects are left."""
        return len(self.ground_truth)

    def is_folder(self, target: Path) -> bool:
        """Tell whether a folder will be written at a target."""
        return self.format_name in GROUND_TRUTH_FORMATS and target.suffix not in _FILE_SUFFIXES

    def write(self, target: Path) -> None:
        """Write the split as a dataset of its own.

        Raises:
            InputError: The format is only read, and the target has no suffix of a known file.
        """
        if self.format_name not in GROUND_TRUTH_FORMATS and target.suffix not in _FILE_SUFFIXES:
            raise InputError(
                target, "has no suffix of ground truth", fix="name a .json or .parquet file"
            )
        format_name = _format_for(target, self.format_name)
        save_ground_truth(self.ground_truth, target, format_name, split=self.split)


def _format_for(target: Path, source_format: str) -> str | None:
    """Return the format to write; None to infer it from the target's suffix."""
    return None if target.suffix in _FILE_SUFFIXES else source_format
