"""Reading: ground truth and detections of any format into a case, where `detbench eval` would refuse, too. Nothing is changed."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from detbench.data.formats.table import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS, data_yaml
from detbench.data.formats.voc.devkit import open_devkit
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.case import AnnotationFile, Case, Source, own_protocol
from detbench.doctor.reading.coco_annotations import read_annotations
from detbench.doctor.reading.coco_results import read_results
from detbench.doctor.reading.parquet import read_parquet
from detbench.doctor.reading.rows import Rows
from detbench.doctor.reading.text_annotations import read_voc_annotations, read_yolo_annotations
from detbench.doctor.reading.text_results import read_voc, read_yolo
from detbench.errors import DetbenchWarning, InputError
from detbench.metrics.protocols.protocol import protocol_named

_DIFFICULT_ONLY = re.compile(rb"^\S+\s+0\s*$", re.MULTILINE)


def read_case(
    ground_truth: Path,
    detections: Path,
    *,
    split: str | None,
    images: Path | None,
    protocol: str | None,
) -> Case:
    """Read both files; InputError where one is not recognised, or cut off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        truth, annotations = _truth(ground_truth, split, images)
        rows, source = _found(detections, truth)
    options = [
        (name, str(value))
        for name, value in (("--split", split), ("--images", images), ("--protocol", protocol))
        if value is not None
    ]
    return Case(
        truth=truth,
        rows=rows,
        protocol=protocol_named(protocol) if protocol else own_protocol(truth),
        truth_path=ground_truth,
        source=source,
        annotations=annotations,
        marked_difficult=0
        if truth.difficult.any()
        else _marked_difficult(ground_truth, truth, split),
        options=tuple(word for option in options for word in option),
    )


def _truth(
    path: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationFile | None]:
    known = next(
        (
            name
            for name, each in GROUND_TRUTH_FORMATS.items()
            if path.exists() and each.recognise(path)
        ),
        None,
    )
    if known == "voc":
        return read_voc_annotations(path, split, images)
    if known == "yolo":
        return read_yolo_annotations(data_yaml(path), split, images)
    if known != "coco":
        return load_ground_truth(path, split=split, images=images), None
    if split is not None:
        raise InputError(path, f"has no splits to choose {split!r} from", fix="leave --split out")
    return read_annotations(path, images)


def _found(path: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read the detections; a folder of text files that looks like neither VOC nor YOLO is YOLO's where its lines begin with a class."""
    known = next(
        (
            name
            for name, each in DETECTIONS_FORMATS.items()
            if path.exists() and each.recognise(path, truth)
        ),
        None,
    )
    if known == "coco":
        return read_results(path, truth)
    if known == "voc":
        return read_voc(path, truth)
    if known == "yolo" or (known is None and path.is_dir() and any(path.glob("*.txt"))):
        return read_yolo(path, truth)
    if known is None:
        load_detections(path, truth)  # raises, and says what is expected
    return read_parquet(path, truth)


def _marked_difficult(path: Path, truth: GroundTruth, split: str | None) -> int:
    """Count the entries of a VOC devkit's class lists that say "only difficult objects here"."""
    if not truth.protocol.startswith("voc") or not GROUND_TRUTH_FORMATS["voc"].recognise(path):
        return 0
    kit = open_devkit(path)
    names = [f"{name}_{split or 'test'}" for name in truth.class_names]
    listed = set(kit.lists())
    return sum(
        len(_DIFFICULT_ONLY.findall(kit.read(f"ImageSets/Main/{name}.txt")))
        for name in names
        if name in listed
    )
