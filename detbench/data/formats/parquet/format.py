"""Parquet in the table of formats: detbench's own files, alone or in a run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.detections import Detections
from detbench.data.formats.format import (
    DetectionsFormat,
    GroundTruthFormat,
    refuse_split,
)
from detbench.data.ground_truth import GroundTruth

if TYPE_CHECKING:
    from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth

_GROUND_TRUTH_FILE = "ground_truth.parquet"
_DETECTIONS_FILE = "detections.parquet"


def _file_in(path: Path, name: str) -> Path:
    """Return the named file of a run folder, or the path itself if it is a file."""
    return path / name if path.is_dir() else path


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet" and path.is_file()


def _is_ground_truth(path: Path) -> bool:
    return _is_parquet(_file_in(path, _GROUND_TRUTH_FILE))


def _read_ground_truth(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.parquet.tables import read_parquet_ground_truth

    refuse_split(path, split)
    ground_truth = read_parquet_ground_truth(_file_in(path, _GROUND_TRUTH_FILE))
    return replace(ground_truth, image_folder=images) if images else ground_truth


def _read_ground_truth_leniently(
    path: Path, split: str | None, images: Path | None
) -> LenientGroundTruth:
    return _read_ground_truth(path, split, images), None


def _write_ground_truth(
    ground_truth: GroundTruth,
    path: Path,
    split: str | None,  # noqa: ARG001
) -> None:
    from detbench.data.formats.parquet.tables import write_parquet_ground_truth

    write_parquet_ground_truth(ground_truth, path)


def _is_detections(path: Path, ground_truth: GroundTruth) -> bool:  # noqa: ARG001
    return _is_parquet(_file_in(path, _DETECTIONS_FILE))


def _read_detections(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.parquet.tables import read_parquet_detections

    file = _file_in(path, _DETECTIONS_FILE)
    return read_parquet_detections(file, ground_truth, allow_unknown=allow_unknown)


def _read_detections_leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
    from detbench.data.formats.parquet.lenient_results import read_parquet_detections_leniently

    return read_parquet_detections_leniently(path, ground_truth)


def _write_detections(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.parquet.tables import write_parquet_detections

    detections.check_same_images(ground_truth)
    write_parquet_detections(detections, path)


GROUND_TRUTH = GroundTruthFormat(
    description=f"a .parquet file of detbench, or a run folder with {_GROUND_TRUTH_FILE}",
    suffix=".parquet",
    recognizes=_is_ground_truth,
    read=_read_ground_truth,
    read_leniently=_read_ground_truth_leniently,
    write=_write_ground_truth,
)
DETECTIONS = DetectionsFormat(
    description=f"a .parquet file of detbench, or a run folder with {_DETECTIONS_FILE}",
    suffix=".parquet",
    recognizes=_is_detections,
    read=_read_detections,
    read_leniently=_read_detections_leniently,
    write=_write_detections,
)
