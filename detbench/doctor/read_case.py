"""Reading a case: ground truth and detections of any format, valid or not, for the checks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth
from detbench.data.formats.table import (
    DETECTIONS_FORMATS,
    only_annotations,
    recognize_detections,
    recognize_ground_truth,
)
from detbench.data.formats.voc.devkit import is_devkit, open_devkit
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import with_sizes_of_files
from detbench.data.load import columns_of_inputs, load_detections, load_ground_truth
from detbench.doctor.case import Case
from detbench.errors import DetbenchWarning, InputError
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.quick_score import QuickScore

_ONLY_DIFFICULT = re.compile(rb"^\S+\s+0\s*$", re.MULTILINE)


def read_case(
    ground_truth: Path,
    detections: Path,
    *,
    split: str | None,
    images: Path | None,
    protocol: str | None,
    columns: Sequence[str] = (),
) -> Case:
    """Read ground truth and detections, where `detbench eval` would refuse them, too.

    Raises:
        InputError: The format of a file is not recognized, or the file is cut off.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        ground_truth = _file_of(ground_truth)
        stated, of_detections = columns_of_inputs(columns, [ground_truth, detections])
        truth, annotations = _read_ground_truth(ground_truth, split, images, stated)
        truth = with_sizes_of_files(truth)
        rows, file = _read_detections(detections, truth, of_detections)
    options: list[tuple[str, object]] = [("--columns", option) for option in columns]
    options += [("--split", split), ("--images", images), ("--protocol", protocol)]
    return Case(
        ground_truth=truth,
        ground_truth_path=ground_truth,
        annotations=annotations,
        rows=rows,
        file=file,
        quick_score=QuickScore(truth, protocol_named(protocol or truth.protocol), len(rows)),
        n_only_difficult=0
        if truth.difficult.any()
        else _count_only_difficult(ground_truth, truth, split),
        options=tuple(
            word for option, value in options if value is not None for word in (option, str(value))
        ),
    )


def _file_of(ground_truth: Path) -> Path:
    """Return the file that a fix has to change: of a folder of COCO annotations, its only one."""
    recognized = recognize_ground_truth(ground_truth) if ground_truth.is_dir() else None
    if recognized is None or recognized[0] != "coco":
        return ground_truth
    return only_annotations(ground_truth) or ground_truth


def _read_ground_truth(
    path: Path, split: str | None, images: Path | None, columns: str | None
) -> LenientGroundTruth:
    recognized = recognize_ground_truth(path, columns) if path.exists() else None
    if recognized is not None:
        return recognized[1].read_leniently(path, split, images)
    return load_ground_truth(path, split=split, images=images), None  # raises


def _read_detections(
    path: Path, ground_truth: GroundTruth, columns: str | None
) -> LenientDetections:
    recognized = recognize_detections(path, ground_truth, columns) if path.exists() else None
    if recognized is not None:
        return recognized[1].read_leniently(path, ground_truth)
    # A folder of text files named after no known class or image: as YOLO, the files are read, and
    # checks report that the images are unknown.
    if path.is_dir() and any(path.glob("*.txt")):
        return DETECTIONS_FORMATS["yolo"].read_leniently(path, ground_truth)
    load_detections(path, ground_truth)  # raises, and says what the file looks like
    raise InputError(path, "is not recognized as detections", fix="check the path")


def _count_only_difficult(path: Path, ground_truth: GroundTruth, split: str | None) -> int:
    """Return how many entries of a VOC devkit's class lists say: only difficult objects here."""
    is_voc = ground_truth.protocol.startswith("voc")
    if not is_voc or not is_devkit(path):
        return 0
    devkit = open_devkit(path)
    listed = set(devkit.lists())
    lists = [f"{name}_{split or 'test'}" for name in ground_truth.class_names]
    return sum(
        len(_ONLY_DIFFICULT.findall(devkit.read(f"ImageSets/Main/{name}.txt")))
        for name in lists
        if name in listed
    )
