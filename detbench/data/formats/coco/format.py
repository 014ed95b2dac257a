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
    from detbench.data.formats.parsing.json_head import JsonHead


_PARTS = {
    "images": {"id", "file_name"},
    "annotations": {"image_id", "category_id", "bbox"},
    "categories": {"id"},
}
"""The lists of annotations, and keys of their entries by which these are COCO's."""
_HEADER_KEYS = {"info", "licenses", "license", "type"}
_RESULT_KEYS = {"image_id", "category_id", "bbox", "score", "segmentation", "keypoints"}
_ID_KEYS = {"image_id", "category_id"}
_LINES_SUFFIXES = (".jsonl", ".ndjson")


def _is_annotations(path: Path) -> bool:
    """Tell whether a .json file looks like annotations, like results, or like no JSON at all.

    What is mistaken for annotations gets an error that says so.
    """
    if path.suffix.lower() != ".json":
        return False
    from detbench.data.formats.parsing.json_head import json_head

    head = json_head(path)
    if head.root == "object":
        return _are_of_annotations(head)
    return head.root == "none" or not head.keys or _are_of_results(head.keys)


def _are_of_annotations(head: JsonHead) -> bool:
    """Tell whether the keys of an object are COCO's, as far as its head shows them."""
    # A list that is empty, or behind the head, says nothing about its entries.
    entries = [(part, head.inner.get(part)) for part in _PARTS if part in head.keys]
    has_part = any(not keys or keys & _PARTS[part] for part, keys in entries)
    return has_part or head.keys <= _HEADER_KEYS


def _are_of_results(keys: frozenset[str]) -> bool:
    return bool(keys & _ID_KEYS) and len(keys & _RESULT_KEYS) >= 2


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
    """Tell whether a file looks like results, like annotations, or like no JSON at all."""
    if path.suffix.lower() not in (".json", *_LINES_SUFFIXES):
        return False
    from detbench.data.formats.parsing.json_head import json_head

    head = json_head(path)
    if head.root == "object":
        return any(map(_are_of_results, (head.keys, *head.inner.values()))) or _are_of_annotations(
            head
        )
    return head.root == "none" or not head.keys or _are_of_results(head.keys)


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
    description="a .json or .jsonl file of COCO results",
    suffix=".json",
    recognizes=_is_results,
    read=_read_results,
    read_leniently=_read_results_leniently,
    write=_write_results,
)
