"""Loading, saving and converting ground truth and detections of any format, which is recognised by what lies at a path."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from detbench.data.detections import Detections
from detbench.data.formats.table import (
    DETECTIONS_FORMATS,
    GROUND_TRUTH_FORMATS,
    DetectionsFormat,
    GroundTruthFormat,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError

_SURROGATES = re.compile("[\ud800-\udfff]")

Format = TypeVar("Format", GroundTruthFormat, DetectionsFormat)
Data = TypeVar("Data", GroundTruth, Detections)


def load_ground_truth(
    path: str | Path, *, split: str | None = None, images: str | Path | None = None
) -> GroundTruth:
    """Load a VOC devkit (folder or tar), COCO annotations, a YOLO dataset, detbench's Parquet, or the ground truth of a run folder.

    `split` chooses the image set of VOC and YOLO. `images` says in which folder the pictures lie where that is not beside the file.
    Raises InputError, naming file and row, for whatever cannot be read as one of these.
    """
    source, folder = Path(path), None if images is None else Path(images)
    with _readable(source):
        _check_exists(source)
        if folder is not None and not folder.is_dir():
            raise InputError(
                folder, "is not a folder", fix="name the folder in which the pictures lie"
            )
        for known in GROUND_TRUTH_FORMATS.values():
            if known.recognizes(source):
                truth = known.read(source, split, folder)
                return _with_names(truth, truth.name)
    raise _unrecognised(source, "ground truth", GROUND_TRUTH_FORMATS)


def load_detections(
    path: str | Path,
    ground_truth: GroundTruth,
    *,
    allow_unknown: bool = False,
    name: str | None = None,
) -> Detections:
    """Load COCO results, a folder of VOC or YOLO results, detbench's Parquet, or the detections of a run folder, for `ground_truth`.

    `allow_unknown` drops detections on images and of classes that the ground truth does not have, with a warning, instead of raising.
    `name` is what tables call the detector: unless given, what the file says or else its own name. Raises InputError, naming file
    and row, for whatever cannot be read as one of these.
    """
    source = Path(path)
    with _readable(source):
        _check_exists(source)
        for known in DETECTIONS_FORMATS.values():
            if known.recognizes(source, ground_truth):
                detections = known.read(source, ground_truth, allow_unknown)
                return _with_names(
                    detections,
                    name
                    or detections.name
                    or (source.resolve().name if source.is_dir() else source.stem),
                )
    raise _unrecognised(source, "detections", DETECTIONS_FORMATS)


def save_ground_truth(
    ground_truth: GroundTruth,
    path: str | Path,
    format: str | None = None,  # noqa: A002
    *,
    split: str | None = None,
) -> None:
    """Write ground truth in a format named in `GROUND_TRUTH_FORMATS`, or the one whose suffix the path has; nothing half-written is left.

    `split` names the image set of VOC (else `test`) and YOLO (else `val`), which are folders and must be new or empty. Groups of images
    are kept by Parquet alone; a warning says so.
    """
    chosen = _chosen(GROUND_TRUTH_FORMATS, Path(path), format)
    if ground_truth.groups is not None and chosen is not GROUND_TRUTH_FORMATS["parquet"]:
        problem = f"{ground_truth.name}: in which groups images are is not written, which only Parquet can say"
        warnings.warn(
            f"{problem}; give --groups again where this is scored", DetbenchWarning, stacklevel=2
        )
    chosen.write(ground_truth, Path(path), split)


def save_detections(
    detections: Detections,
    ground_truth: GroundTruth,
    path: str | Path,
    format: str | None = None,  # noqa: A002
) -> None:
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
    """Write ground truth, or the detections of a named ground truth, in another format: that of the target's suffix, or `to`.

    The target must be neither the source nor the ground truth: it would take its place.
    """
    _check_other_place(source, target, "source")
    if ground_truth is None:
        _chosen(GROUND_TRUTH_FORMATS, Path(target), to)
        save_ground_truth(
            load_ground_truth(source, split=split, images=images), target, to, split=split
        )
    else:
        _check_other_place(ground_truth, target, "ground truth")
        _chosen(DETECTIONS_FORMATS, Path(target), to)
        truth = load_ground_truth(ground_truth, split=split, images=images)
        save_detections(load_detections(source, truth), truth, target, to)


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise InputError(path, "no such file or folder", fix="check the path")


def _check_other_place(given: str | Path, target: str | Path, what: str) -> None:
    place, path = Path(target), Path(given)
    with _readable(place):
        if place.exists() and path.exists() and place.samefile(path):
            raise InputError(
                place, f"is the {what} itself, which would be replaced", fix="name another target"
            )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the system says against looking at or reading a file (name too long, no permission) into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            error.filename or path,
            f"cannot be read: {error.strerror or error}",
            fix="check path and permission",
        ) from error


def _with_names(data: Data, name: str) -> Data:
    """Return the same data called `name`, without the surrogates that stand for bytes of a path that are not UTF-8.

    No JSON, Parquet file or plot can hold them.
    """
    shown, source = (
        _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text) for text in (name, data.source)
    )
    return (
        data
        if (shown, source) == (data.name, data.source)
        else replace(data, name=shown, source=source)
    )


def _unrecognised(path: Path, what: str, formats: Mapping[str, Format]) -> InputError:
    kind = "folder" if path.is_dir() else "file"
    known = "; ".join(known.looks_like for known in formats.values())
    return InputError(
        path, f"this {kind} is not recognised as {what}", fix=f"expected one of: {known}"
    )


def _chosen(formats: Mapping[str, Format], path: Path, name: str | None) -> Format:
    """Return the format of this name, or the one that files with the path's suffix have."""
    if name is not None and name not in formats:
        raise DetbenchError(f"unknown format {name!r}; known are: {', '.join(formats)}")
    if name is not None:
        return formats[name]
    for known in formats.values():
        if known.suffix and known.suffix == path.suffix.lower():
            return known
    by_suffix = ", ".join(
        f"{known.suffix} is {key}" for key, known in formats.items() if known.suffix
    )
    folders = ", ".join(key for key, known in formats.items() if not known.suffix)
    raise InputError(
        path,
        "in which format to write does not show",
        fix=f"name it ({by_suffix}) or, for a folder, say which: {folders}",
    )
