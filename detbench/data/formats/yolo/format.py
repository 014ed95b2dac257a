"""YOLO in the table of formats: datasets, and folders of result files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.detections import Detections
from detbench.data.formats.format import DetectionsFormat, GroundTruthFormat
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

if TYPE_CHECKING:
    from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth

_YAML_SUFFIXES = (".yaml", ".yml")


def _dataset_file(path: Path) -> Path | None:
    """Return the file that describes a dataset, given itself or its folder; None if none does."""
    if path.is_dir():
        for name in ("data.yaml", "data.yml", "obj.data"):
            if (path / name).is_file():
                return path / name
        for suffixes in (_YAML_SUFFIXES, (".data",)):
            files = [file for file in path.iterdir() if file.suffix.lower() in suffixes]
            if len(files) == 1 and b"names" in files[0].read_bytes():
                return files[0]
    elif path.suffix.lower() in (*_YAML_SUFFIXES, ".data"):
        return path if path.is_file() else None
    from detbench.data.formats.yolo.class_list import find_class_list

    class_list = find_class_list(path)
    return None if class_list is None or _is_other_format(path) else class_list


def _is_other_format(path: Path) -> bool:
    from detbench.data.formats.text_files.recognition import is_other_than_yolo

    return is_other_than_yolo(path)


def _read_dataset(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.yolo.dataset import read_yolo

    return read_yolo(_existing_dataset_file(path), split=split, images=images)


def _read_dataset_leniently(
    path: Path, split: str | None, images: Path | None
) -> LenientGroundTruth:
    from detbench.data.formats.yolo.lenient_annotations import read_yolo_leniently

    return read_yolo_leniently(_existing_dataset_file(path), split, images)


def _existing_dataset_file(path: Path) -> Path:
    dataset_file = _dataset_file(path)
    if dataset_file is None:
        raise InputError(path, "no such dataset", fix="give the dataset's data.yaml")
    return dataset_file


def _write_dataset(ground_truth: GroundTruth, path: Path, split: str | None) -> None:
    from detbench.data.formats.yolo.writer import write_yolo

    write_yolo(ground_truth, path, split=split or "val")


def _is_results(path: Path, ground_truth: GroundTruth) -> bool:
    from detbench.data.formats.yolo.result_files import is_yolo_results

    return path.is_dir() and is_yolo_results(path, ground_truth) and not _is_other_format(path)


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
    description="a YOLO dataset: its data.yaml, its Darknet .data file, or the folder with one of "
    "them or with classes.txt, images and labels",
    suffix="",
    recognizes=lambda path: _dataset_file(path) is not None,
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
