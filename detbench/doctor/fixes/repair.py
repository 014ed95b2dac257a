"""Repairs: ground truth or detections without some faults, ready to be written."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from detbench.data.detection_rows import DetectionRows
from detbench.data.files import atomic_folder, atomic_path
from detbench.data.formats.table import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from detbench.doctor.case import Case
from detbench.doctor.findings import CocoDocument
from detbench.doctor.fixes.proof import (
    NotProvenError,
    Proof,
    prove_detections,
    prove_ground_truth,
)
from detbench.errors import DetbenchError, InputError

_FILE_SUFFIXES = (".json", ".parquet")
"""A target with one of these is a file of that format. Any other target has the source's format."""


class Repair(ABC):
    """Fixed ground truth or detections."""

    content: str
    """What is counted: annotations, objects or detections."""

    @property
    @abstractmethod
    def n_read(self) -> int:
        """How many there were."""

    @property
    @abstractmethod
    def n_written(self) -> int:
        """How many are left."""

    @abstractmethod
    def is_folder(self, target: Path) -> bool:
        """Tell whether a folder will be written at a target, and not a file."""

    @abstractmethod
    def check_target(self, target: Path) -> None:
        """Raise InputError if a target has no suffix of a file that can be written."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the fixed data."""

    @abstractmethod
    def prove(self, path: Path) -> Proof:
        """Read what was saved again, and compare it with the fixed data.

        Raises:
            NotProvenError: It is something else.
        """

    def write(self, target: Path) -> Proof:
        """Write the fixed data, completely or not at all; the source is never changed.

        It is written under a hidden name and read again before it becomes the target.

        Returns:
            The score of what was read again.

        Raises:
            InputError: The target has no suffix of a file that can be written, or the system
                refuses to write it.
            DetbenchError: What was read again is not the fixed data.
        """
        self.check_target(target)
        new_path = atomic_folder if self.is_folder(target) else atomic_path
        with (
            new_path(target) as hidden,
            TemporaryDirectory(prefix=".", dir=hidden.parent) as folder,
        ):
            saved = Path(folder) / target.absolute().name
            self.save(saved)
            try:
                proof = self.prove(saved)
            except NotProvenError as problem:
                raise DetbenchError(
                    f"{target} was not written: {problem}; fix all findings of the file by one "
                    "command, or write the file again"
                ) from problem
            if hidden.is_dir():
                hidden.rmdir()
            saved.rename(hidden)
        return proof


@dataclass(frozen=True)
class DetectionsRepair(Repair):
    """Fixed detections."""

    case: Case
    """The case as it was read."""
    rows: DetectionRows
    fixed_case: Case
    """The case with fixed ground truth, by which the detections are scored."""
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

    def check_target(self, target: Path) -> None:
        """Raise InputError if the target is a file without the suffix of one."""
        if not self._is_folder_format and target.suffix not in _FILE_SUFFIXES:
            raise InputError(
                target, "has no suffix of detections", fix="name a .json or .parquet file"
            )

    def save(self, path: Path) -> None:
        """Write image, class, box and score of each detection; other keys are lost."""
        ground_truth = self.case.ground_truth
        detections = self.rows.to_detections(ground_truth)
        format_name = _format_for(path, self.case.file.format_name)
        save_detections(detections, ground_truth, path, format_name)

    def prove(self, path: Path) -> Proof:
        """Read the detections again, and score them by the fixed ground truth."""
        return prove_detections(self.fixed_case, self.rows, path)


@dataclass(frozen=True)
class CocoRepair(Repair):
    """Fixed COCO annotations."""

    case: Case
    """The case as it was read."""
    document: CocoDocument
    content: str = "annotations"

    @property
    def n_read(self) -> int:
        """How many annotations there were."""
        return 0 if self.case.annotations is None else len(self.case.annotations.ids)

    @property
    def n_written(self) -> int:
        """How many annotations are left."""
        return len(self.document["annotations"])

    def is_folder(self, target: Path) -> bool:  # noqa: ARG002  as for other repairs
        """Return false: COCO annotations are a file."""
        return False

    def check_target(self, target: Path) -> None:
        """Raise InputError if the target is not a .json file."""
        if target.suffix != ".json":
            raise InputError(
                target, "has no suffix .json, as COCO annotations have", fix="name a .json file"
            )

    def save(self, path: Path) -> None:
        """Write the annotations with all their keys."""
        with atomic_path(path) as hidden:
            hidden.write_text(json.dumps(self.document), encoding="utf-8")

    def prove(self, path: Path) -> Proof:
        """Read the annotations again, and score the detections by them."""
        return prove_ground_truth(self.case, None, self.n_written, path, None)


@dataclass(frozen=True)
class DatasetRepair(Repair):
    """Fixed ground truth of another format than COCO: the split that was read."""

    case: Case
    """The case as it was read."""
    ground_truth: GroundTruth
    format_name: str
    split: str | None
    content: str = "objects"

    @property
    def n_read(self) -> int:
        """How many annotations there were."""
        return 0 if self.case.annotations is None else len(self.case.annotations.ids)

    @property
    def n_written(self) -> int:
        """How many objects are left."""
        return len(self.ground_truth)

    def is_folder(self, target: Path) -> bool:
        """Tell whether a folder will be written at a target."""
        return self.format_name in GROUND_TRUTH_FORMATS and target.suffix not in _FILE_SUFFIXES

    def check_target(self, target: Path) -> None:
        """Raise InputError if the target is a file without the suffix of one."""
        if self.format_name not in GROUND_TRUTH_FORMATS and target.suffix not in _FILE_SUFFIXES:
            raise InputError(
                target, "has no suffix of ground truth", fix="name a .json or .parquet file"
            )

    def save(self, path: Path) -> None:
        """Write the split as a dataset of its own."""
        format_name = _format_for(path, self.format_name)
        save_ground_truth(self.ground_truth, path, format_name, split=self.split)

    def prove(self, path: Path) -> Proof:
        """Read the dataset again, and score the detections by it."""
        split = self.split if self.is_folder(path) else None
        return prove_ground_truth(self.case, self.ground_truth, self.n_written, path, split)


def _format_for(target: Path, source_format: str) -> str | None:
    """Return the format to write; None to infer it from the target's suffix."""
    return None if target.suffix in _FILE_SUFFIXES else source_format
