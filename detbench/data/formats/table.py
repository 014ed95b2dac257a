"""The table of all file formats. Loading, saving and converting follow it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from detbench.data.formats.coco import format as coco
from detbench.data.formats.format import DetectionsFormat, GroundTruthFormat
from detbench.data.formats.parquet import format as parquet
from detbench.data.formats.voc import format as voc
from detbench.data.formats.yolo import format as yolo
from detbench.data.ground_truth import GroundTruth


class Format(NamedTuple):
    """A row of the table; None if the format has no files of that kind."""

    name: str
    ground_truth: GroundTruthFormat | None
    detections: DetectionsFormat | None


# Files are recognized in this order, so the formats that are surest of theirs come first.
# fmt: off
FORMATS = (
    #      name       ground truth          detections
    Format("parquet", parquet.GROUND_TRUTH, parquet.DETECTIONS),
    Format("coco",    coco.GROUND_TRUTH,    coco.DETECTIONS),
    Format("voc",     voc.GROUND_TRUTH,     voc.DETECTIONS),
    Format("yolo",    yolo.GROUND_TRUTH,    yolo.DETECTIONS),
)
# fmt: on

GROUND_TRUTH_FORMATS = {row.name: row.ground_truth for row in FORMATS if row.ground_truth}
DETECTIONS_FORMATS = {row.name: row.detections for row in FORMATS if row.detections}


def recognize_ground_truth(path: Path) -> str | None:
    """Return the name of the format of the ground truth at `path`; None if it has none of them."""
    names = (name for name, row in GROUND_TRUTH_FORMATS.items() if row.recognizes(path))
    return next(names, None)


def recognize_detections(path: Path, ground_truth: GroundTruth) -> str | None:
    """Return the name of the format of the detections at `path`; None if it has none of them."""
    rows = DETECTIONS_FORMATS.items()
    names = (name for name, row in rows if row.recognizes(path, ground_truth))
    return next(names, None)
