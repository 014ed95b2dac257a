"""Loading, saving and converting ground truth and detections in any format of `formats.table`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from detbench.data.detections import Detections
from detbench.data.formats.format import DetectionsFormat, GroundTruthFormat
from detbench.data.formats.table import (
    DETECTIONS_FORMATS,
    GROUND_TRUTH_FORMATS,
    recognize_detections,
    recognize_ground_truth,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError

_SURROGATES = re.compile("[\ud800-\udfff]")

Format = TypeVar("Format", GroundTruthFormat, DetectionsFormat)
Data = TypeVar("Data", GroundTruth, Detections)


def load_ground_truth(
    path: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    columns: str | None = None,
) -> GroundTruth:
    """Load ground truth; its format is recognized by what lies at `path`.

    Args:
        path: A file or folder of annotations in a format of docs/formats.md, such as a VOC devkit,
            COCO annotations or a YOLO dataset, or a run folder.
        split: The image set of VOC and YOLO datasets. Default: `test`, or the only one, for VOC;
            `val`, or the only one, for YOLO.
        images: The folder of the images. Default: the one that the format says, or beside the file.
        columns: What the columns of a CSV file are, as in `image=name,class=label,xmin=x1,…`, or
            all in their order, as in `image,xmin,ymin,xmax,ymax,class`. The file is then read as
            CSV; in a folder, each text file is an image.

    Raises:
        InputError: The file cannot be read; the message names file and row.
    """
    path, images = Path(path), None if images is None else Path(images)
    with _naming_file(path):
        _check_exists(path)
        if images is not None and not images.is_dir():
            raise InputError(images, "is not a folder", fix="give the folder of the images")
        recognized = recognize_ground_truth(path, columns)
        if recognized is None:
            from detbench.data.formats.unrecognized import unrecognized

            raise unrecognized(path, "ground truth")
        ground_truth = recognized[1].read(path, split, images)
        return _with_name(ground_truth, ground_truth.name)


def load_detections(
    path: str | Path,
    ground_truth: GroundTruth,
    *,
    allow_unknown: bool = False,
    name: str | None = None,
    columns: str | None = None,
) -> Detections:
    """Load detections for `ground_truth`; their format is recognized by what lies at `path`.

    Args:
        path: A file or folder of detections in a format of docs/formats.md, such as COCO results or
            a folder of VOC or YOLO results, or a run folder.
        ground_truth: The ground truth whose images and classes the detections are of.
        allow_unknown: Drop detections on unknown images and of unknown classes, with a warning,
            instead of raising.
        name: The name of the detector. Default: the one in the file, else the name of the file.
        columns: What the columns of a CSV file are, as for `load_ground_truth`.

    Raises:
        InputError: The file cannot be read; the message names file and row.
    """
    path = Path(path)
    with _naming_file(path):
        _check_exists(path)
        recognized = recognize_detections(path, ground_truth, columns)
        if recognized is None:
            from detbench.data.formats.unrecognized import unrecognized

            raise unrecognized(path, "detections", ground_truth)
        detections = recognized[1].read(path, ground_truth, allow_unknown)
        file_name = path.resolve().name if path.is_dir() else path.stem
        return _with_name(detections, name or detections.name or file_name)


def save_ground_truth(
    ground_truth: GroundTruth,
    path: str | Path,
    format: str | None = None,  # noqa: A002
    *,
    split: str | None = None,
) -> None:
    """Write ground truth, completely or not at all.

    Args:
        ground_truth: The ground truth. Groups of images are only kept by Parquet; other formats
            warn.
        path: The file, or for VOC and YOLO the folder, which must be new or empty.
        format: `parquet`, `coco`, `voc` or `yolo`. Default: the one that has the path's suffix.
        split: The image set of VOC (default `test`) and YOLO (default `val`).

    Raises:
        DetbenchError: The format is unknown, or cannot store the data.
        InputError: The file cannot be written.
    """
    name = _format_name(GROUND_TRUTH_FORMATS, Path(path), format)
    if ground_truth.protocol == "lvis" and name != "parquet":
        warnings.warn(
            f"{ground_truth.name}: LVIS's lists of checked classes are not written; what is "
            "written is scored as plain COCO",
            DetbenchWarning,
            stacklevel=2,
        )
    if ground_truth.groups is not None and name != "parquet":
        warnings.warn(
            f"{ground_truth.name}: the groups of its images are not written: only Parquet can "
            "store them; give --groups again when scoring",
            DetbenchWarning,
            stacklevel=2,
        )
    GROUND_TRUTH_FORMATS[name].write(ground_truth, Path(path), split)


def save_detections(
    detections: Detections,
    ground_truth: GroundTruth,
    path: str | Path,
    format: str | None = None,  # noqa: A002
) -> None:
    """Write detections, completely or not at all.

    Args:
        detections: The detections.
        ground_truth: The ground truth that they were loaded for.
        path: The file, or for VOC and YOLO the folder, which must be new or empty.
        format: `parquet`, `coco`, `voc` or `yolo`. Default: the one that has the path's suffix.

    Raises:
        DetbenchError: The format is unknown, or cannot store the data.
        InputError: The file cannot be written.
        NotComparableError: The detections were loaded for another ground truth.
    """
    name = _format_name(DETECTIONS_FORMATS, Path(path), format)
    DETECTIONS_FORMATS[name].write(detections, Path(path), ground_truth)


def convert(
    source: str | Path,
    target: str | Path,
    *,
    ground_truth: str | Path | None = None,
    to: str | None = None,
    split: str | None = None,
    images: str | Path | None = None,
    columns: Sequence[str] = (),
) -> None:
    """Write ground truth or detections in another format.

    The result is read again. Warnings say what it lost, or why it cannot be read yet.

    Args:
        source: Ground truth, or detections if `ground_truth` is given.
        target: The file or folder to write; neither the source nor the ground truth.
        ground_truth: The ground truth of the detections.
        to: The format. Default: the one that has the target's suffix.
        split: The image set of the ground truth.
        images: The folder of the images.
        columns: What the columns of CSV files are, as for `load_ground_truth`; with `ground-truth:`
            or `detections:` in front, of these files only.

    Raises:
        InputError: A file cannot be read or written; the message names file and row.
        DetbenchError: The format is unknown, or cannot store the data.
    """
    from detbench.data.conversion_losses import detections_losses, ground_truth_losses

    # The target is checked before anything is read, since reading may take minutes.
    _check_different(source, target, "source")
    if ground_truth is None:
        _format_name(GROUND_TRUTH_FORMATS, Path(target), to)
        stated = columns_of_inputs(columns, [source])[0]
        loaded = load_ground_truth(source, split=split, images=images, columns=stated)
        save_ground_truth(loaded, target, to, split=split)
        split = split if Path(target).is_dir() else None
        with _warnings_of_losses(target) as losses:
            losses += ground_truth_losses(loaded, load_ground_truth(target, split=split))
    else:
        _check_different(ground_truth, target, "ground truth")
        _format_name(DETECTIONS_FORMATS, Path(target), to)
        stated, of_source = columns_of_inputs(columns, [ground_truth, source])
        loaded = load_ground_truth(ground_truth, split=split, images=images, columns=stated)
        detections = load_detections(source, loaded, columns=of_source)
        save_detections(detections, loaded, target, to)
        with _warnings_of_losses(target) as losses:
            losses += detections_losses(detections, load_detections(target, loaded))


@contextmanager
def _warnings_of_losses(target: str | Path) -> Iterator[list[str]]:
    """Warn of the losses that the block adds, and of a target that it cannot read."""
    losses: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            yield losses
    except InputError as error:
        losses = [f"what was written cannot be read yet: {error}"]
    else:
        losses = [f"{target}: lost: {loss}" for loss in losses]
    for loss in losses:
        warnings.warn(loss, DetbenchWarning, stacklevel=4)


def columns_of_inputs(options: Sequence[str], inputs: Sequence[str | Path]) -> list[str | None]:
    """Return what is stated about the columns of each input, the ground truth and detections."""
    if not options:
        return [None] * len(inputs)
    from detbench.data.formats.csv_files.column_options import ColumnOptions

    paths = [Path(path) for path in inputs]
    stated = ColumnOptions(options, paths)
    return [stated.for_ground_truth(paths[0]), *map(stated.for_detections, paths[1:])]


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise InputError(path, "no such file or folder", fix="check the path")


def _check_different(source: str | Path, target: str | Path, what: str) -> None:
    source, target = Path(source), Path(target)
    with _naming_file(target):
        if target.exists() and source.exists() and target.samefile(source):
            raise InputError(
                target,
                f"is the {what} itself, which would be replaced",
                fix="name another target",
            )


@contextmanager
def _naming_file(path: Path) -> Iterator[None]:
    """Turn system errors on reading (name too long, no permission) into an InputError.

    Errors of constructors, which do not know the file, name it then, too.
    """
    if "\0" in str(path):
        raise InputError(path, "is no path: it has a NUL character", fix="check the path")
    try:
        yield
    except DetbenchError as error:
        if type(error) is not DetbenchError:
            raise
        raise InputError(path, str(error)) from error
    except OSError as error:
        raise InputError(
            error.filename or path,
            f"cannot be read: {error.strerror or error}",
            fix="check the path and its permissions",
        ) from error


def _with_name(data: Data, name: str) -> Data:
    """Return the same data with another name, and without surrogates in name and source.

    Surrogates stand for the bytes of a path that are not UTF-8. No JSON, Parquet file or plot can
    hold them.
    """
    name, source = (
        _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text) for text in (name, data.source)
    )
    if (name, source) == (data.name, data.source):
        return data
    return replace(data, name=name, source=source)


def _format_name(formats: Mapping[str, Format], path: Path, name: str | None) -> str:
    """Return `name` if it is a format, or without one the format that has the path's suffix."""
    names = ", ".join(formats)
    if name is not None and name not in formats:
        raise DetbenchError(f"unknown format {name!r}; choose one of: {names}")
    if name is not None:
        return name
    suffixes = {row.suffix: key for key, row in formats.items() if row.suffix}
    if path.suffix.lower() not in suffixes:
        raise InputError(
            path,
            "cannot infer the output format from its name",
            fix=f"use one of {', '.join(suffixes)}, or choose the format with --to: {names}",
        )
    return suffixes[path.suffix.lower()]
