"""COCO in the table of formats: .json files of annotations and results."""

from __future__ import annotations

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


def _is_annotations(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _read_annotations(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.coco.annotations import read_coco

    refuse_split(path, split)
    return read_coco(path, images=images)


def _read_annotations_leniently(
    path: Path, split: str | None, images: Path | None
) -> LenientGroundTruth:
    from detbench.data.formats.coco.lenient_annotations import read_coco_leniently

    refuse_split(path, split)
    return read_coco_leniently(path, images)


def _write_annotations(
    ground_truth: GroundTruth,
    path: Path,
    split: str | None,  # noqa: ARG001
) -> None:
    from detbench.data.formats.coco.writer import write_coco

    write_coco(ground_truth, path)


def _is_results(path: Path, ground_truth: GroundTruth) -> bool:  # noqa: ARG001
    return path.suffix.lower() == ".json"


def _read_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.coco.results import read_coco_results

    return read_coco_results(path, ground_truth, allow_unknown=allow_unknown)


def _read_results_leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
    from detbench.data.formats.coco.lenient_results import read_coco_results_leniently

    return read_coco_results_leniently(path, ground_truth)


def _write_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.coco.writer import write_coco_results

    write_coco_results(detections, ground_truth, path)


GROUND_TRUTH = GroundTruthFormat(
    description="a .json file of COCO annotations",
    suffix=".json",
    recognizes=_is_annotations,
    read=_read_annotations,
    read_leniently=_read_annotations_leniently,
    write=_write_annotations,
)
DETECTIONS = DetectionsFormat(
    description="a .json file of COCO results",
    suffix=".json",
    recognizes=_is_results,
    read=_read_results,
    read_leniently=_read_results_leniently,
    write=_write_results,
)
