"""YOLO in the table of formats: datasets with a data.yaml, and folders of result files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.detections import Detections
from detbench.data.formats.format import (
    DetectionsFormat,
    GroundTruthFormat,
)
from detbench.data.ground_truth import GroundTruth

if TYPE_CHECKING:
    from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth


def data_yaml_of(path: Path) -> Path:
    """Return the YAML file of a dataset that is given by it or by its folder."""
    return path / "data.yaml" if path.is_dir() else path


def _is_dataset(path: Path) -> bool:
    data_yaml = data_yaml_of(path)
    return data_yaml.suffix.lower() in (".yaml", ".yml") and data_yaml.is_file()


def _read_dataset(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.yolo.dataset import read_yolo

    return read_yolo(data_yaml_of(path), split=split, images=images)


def _read_dataset_leniently(
    path: Path, split: str | None, images: Path | None
) -> LenientGroundTruth:
    from detbench.data.formats.yolo.lenient_annotations import read_yolo_leniently

    return read_yolo_leniently(data_yaml_of(path), split, images)


def _write_dataset(ground_truth: GroundTruth, path: Path, split: str | None) -> None:
    from detbench.data.formats.yolo.writer import write_yolo

    write_yolo(ground_truth, path, split=split or "val")


def _is_results(path: Path, ground_truth: GroundTruth) -> bool:
    from detbench.data.formats.yolo.results import is_yolo_results

    return path.is_dir() and is_yolo_results(path, ground_truth)


def _read_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.yolo.results import read_yolo_results

    return read_yolo_results(path, ground_truth, allow_unknown=allow_unknown)


def _read_results_leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
    from detbench.data.formats.yolo.lenient_results import read_yolo_results_leniently

    return read_yolo_results_leniently(path, ground_truth)


def _write_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.yolo.writer import write_yolo_results

    write_yolo_results(detections, path, ground_truth)


GROUND_TRUTH = GroundTruthFormat(
    description="a YOLO dataset: its data.yaml, or the folder with it",
    suffix="",
    recognizes=_is_dataset,
    read=_read_dataset,
    read_leniently=_read_dataset_leniently,
    write=_write_dataset,
)
DETECTIONS = DetectionsFormat(
    description="a folder of YOLO results: one .txt per image, named after the image files of "
    "the ground truth",
    suffix="",
    recognizes=_is_results,
    read=_read_results,
    read_leniently=_read_results_leniently,
    write=_write_results,
)
