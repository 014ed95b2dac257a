"""PASCAL VOC in the table of formats: devkits, and folders of comp3/comp4 results."""

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


def _is_annotations(path: Path) -> bool:
    from detbench.data.formats.voc.devkit import is_devkit

    if is_devkit(path):
        return True
    from detbench.data.formats.voc.xml_folders import is_xml_folder

    return is_xml_folder(path)


def _read_devkit(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.voc.annotations import read_voc

    return read_voc(path, split=split, images=images)


def _read_devkit_leniently(
    path: Path, split: str | None, images: Path | None
) -> LenientGroundTruth:
    from detbench.data.formats.voc.lenient_annotations import read_voc_leniently

    return read_voc_leniently(path, split, images)


def _write_devkit(ground_truth: GroundTruth, path: Path, split: str | None) -> None:
    from detbench.data.formats.voc.writer import write_voc

    write_voc(ground_truth, path, split=split or "test")


def _is_results(path: Path, ground_truth: GroundTruth) -> bool:
    # The devkit's own file names are proof.
    if not path.is_dir() or any(path.glob("comp*_det_*.txt")):
        return path.is_dir()
    from detbench.data.formats.voc.results import is_voc_results
    from detbench.data.formats.yolo.result_files import is_yolo_results

    # Else the files must end with class names. A name like `red_car.txt` may also be an image's,
    # and the folder then holds YOLO results.
    if not is_voc_results(path, ground_truth) or is_yolo_results(path, ground_truth):
        return False
    from detbench.data.formats.text_files.recognition import is_other_than_voc

    return not is_other_than_voc(path, ground_truth.class_names)


def _read_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.voc.results import read_voc_results

    return read_voc_results(path, ground_truth, allow_unknown=allow_unknown)


def _read_results_leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
    from detbench.data.formats.voc.lenient_results import read_voc_results_leniently

    return read_voc_results_leniently(path, ground_truth)


def _write_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.voc.writer import write_voc_results

    write_voc_results(detections, path, offsets=ground_truth.voc_offsets)


GROUND_TRUTH = GroundTruthFormat(
    description="a VOC devkit (a folder with Annotations and ImageSets/Main, the folder above it, "
    "or the official .tar), or a folder of VOC's XML files",
    suffix="",
    recognizes=_is_annotations,
    read=_read_devkit,
    read_leniently=_read_devkit_leniently,
    write=_write_devkit,
)
DETECTIONS = DetectionsFormat(
    description="a folder of VOC results: one comp3_det_… or comp4_det_….txt per class of the "
    "ground truth",
    suffix="",
    recognizes=_is_results,
    read=_read_results,
    read_leniently=_read_results_leniently,
    write=_write_results,
)
