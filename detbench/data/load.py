"""Loading, saving and converting ground truth and detections of any format, which is recognised by what lies at a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from detbench.data.detections import Detections
from detbench.data.formats import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS, DetectionsFormat, GroundTruthFormat
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError

Format = TypeVar("Format", GroundTruthFormat, DetectionsFormat)


def load_ground_truth(path: str | Path, *, split: str | None = None, images: str | Path | None = None) -> GroundTruth:
    """Load a VOC devkit (folder or tar), COCO annotations, a YOLO dataset, detbench's Parquet, or the ground truth of a run folder.

    `split` chooses the image set of VOC and YOLO. `images` says in which folder the pictures lie where that is not beside the file.
    Raises InputError, naming file and row, for whatever cannot be read as one of these.
    """
    source, folder = Path(path), None if images is None else Path(images)
    _check_exists(source)
    if folder is not None and not folder.is_dir():
        raise InputError(folder, "is not a folder", fix="name the folder in which the pictures lie")
    for known in GROUND_TRUTH_FORMATS.values():
        if known.recognise(source):
            return known.read(source, split, folder)
    raise _unrecognised(source, "ground truth", GROUND_TRUTH_FORMATS)


def load_detections(path: str | Path, ground_truth: GroundTruth, *, allow_unknown: bool = False, name: str | None = None) -> Detections:
    """Load COCO results, a folder of VOC or YOLO results, detbench's Parquet, or the detections of a run folder, for `ground_truth`.

    `allow_unknown` drops detections on images and of classes that the ground truth does not have, with a warning, instead of raising.
    `name` is what tables call the detector: unless given, what the file says or else its own name. Raises InputError, naming file
    and row, for whatever cannot be read as one of these.
    """
    source = Path(path)
    _check_exists(source)
    for known in DETECTIONS_FORMATS.values():
        if known.recognise(source, ground_truth):
            detections = known.read(source, ground_truth, allow_unknown)
            name = name or detections.name or (source.resolve().name if source.is_dir() else source.stem)
            return detections if name == detections.name else replace(detections, name=name)
    raise _unrecognised(source, "detections", DETECTIONS_FORMATS)


def save_ground_truth(ground_truth: GroundTruth, path: str | Path, format: str | None = None, *, split: str | None = None) -> None:  # noqa: A002
    """Write ground truth in a format named in `GROUND_TRUTH_FORMATS`, or the one whose suffix the path has; nothing half-written is left.

    `split` names the image set of VOC (else `test`) and YOLO (else `val`), which are folders and must be new or empty.
    """
    _chosen(GROUND_TRUTH_FORMATS, Path(path), format).write(ground_truth, Path(path), split)


def save_detections(detections: Detections, ground_truth: GroundTruth, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write detections in a format named in `DETECTIONS_FORMATS`, or the one whose suffix the path has; nothing half-written is left."""
    _chosen(DETECTIONS_FORMATS, Path(path), format).write(detections, Path(path), ground_truth)


def convert(
    source: str | Path,
    target: str | Path,
    *,
    ground_truth: str | Path | None = None,
    to: str | None = None,
    split: str | None = None,
    images: str | Path | None = None,
) -> None:
    """Write ground truth, or the detections of a named ground truth, in another format: that of the target's suffix, or `to`."""
    if ground_truth is None:
        _chosen(GROUND_TRUTH_FORMATS, Path(target), to)
        save_ground_truth(load_ground_truth(source, split=split, images=images), target, to, split=split)
    else:
        _chosen(DETECTIONS_FORMATS, Path(target), to)
        truth = load_ground_truth(ground_truth, split=split, images=images)
        save_detections(load_detections(source, truth), truth, target, to)


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise InputError(path, "no such file or folder", fix="check the path")


def _unrecognised(path: Path, what: str, formats: Mapping[str, Format]) -> InputError:
    kind = "folder" if path.is_dir() else "file"
    known = "; ".join(known.looks_like for known in formats.values())
    return InputError(path, f"this {kind} is not recognised as {what}", fix=f"expected one of: {known}")


def _chosen(formats: Mapping[str, Format], path: Path, name: str | None) -> Format:
    """Return the format of this name, or the one that files with the path's suffix have."""
    if name is not None and name not in formats:
        raise DetbenchError(f"unknown format {name!r}; known are: {', '.join(formats)}")
    if name is not None:
        return formats[name]
    for known in formats.values():
        if known.suffix and known.suffix == path.suffix.lower():
            return known
    by_suffix = ", ".join(f"{known.suffix} is {key}" for key, known in formats.items() if known.suffix)
    folders = ", ".join(key for key, known in formats.items() if not known.suffix)
    raise InputError(path, "in which format to write does not show", fix=f"name it ({by_suffix}) or, for a folder, say which: {folders}")
