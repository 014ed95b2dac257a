"""COCO results: a JSON list of `{image_id, category_id, bbox, score}` into Detections.

The usual file is read by DuckDB (`plain_results`), every other by msgspec, which is strict, slower,
reads further keys and string ids, and names the row of a mistake. `docs/reading.md` has the
measurements.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, freeze
from detbench.data.detections import Detections
from detbench.data.formats.coco.plain_results import ResultColumns, read_plain_results
from detbench.data.formats.coco.result_ids import (
    class_count,
    images_of_files,
    unknown_class_fix,
    warn_of_other_files,
    warn_of_other_ids,
)
from detbench.data.formats.coco.structs import Id
from detbench.data.formats.parsing.image_ids import (
    WHOLE_NUMBER,
    file_numbers,
    match_images,
    numeric_image_ids,
    refuse_ambiguous_numbers,
)
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

_MAX_TABLE = 1 << 20
"""Largest range of ids that are looked up in a table instead of by binary search."""


def read_coco_results(
    path: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read a COCO results file for the images and categories of `ground_truth`.

    Image ids match as in all formats (`parsing.image_ids`), and `file_name` decides where each row
    has one that is known. Category ids match `ground_truth.category_ids`, or count from 0 if they
    show that and the ground truth has no ids of its own. `allow_unknown` drops detections on
    unknown images and of unknown categories, with a warning.

    Raises:
        InputError: The file is not valid, has unknown images or categories, or more than half of
            its boxes are inverted. The message says where in the file.
    """
    columns = read_plain_results(path) or _read_any_results(path)
    if not len(columns.scores):
        warn_empty(path)
    boxes, areas = _boxes_and_areas(path, columns.xywh)
    check_inverted(path, boxes)

    image_index = _image_index(path, ground_truth, columns)
    class_index = _class_index(path, ground_truth, columns)
    scores = columns.scores
    is_known = (image_index >= 0) & (class_index >= 0)
    if not is_known.all():
        no_image = image_index < 0
        no_class = (class_index < 0) & ~no_image
        fix = unknown_class_fix(ground_truth, np.unique(columns.category_ids).tolist())
        _report_unknown(path, "image", columns, no_image, "", allow_unknown=allow_unknown)
        _report_unknown(path, "class", columns, no_class, fix, allow_unknown=allow_unknown)
        image_index, class_index = image_index[is_known], class_index[is_known]
        scores, boxes, areas = scores[is_known], boxes[is_known], areas[is_known]
    # The columns are large and nobody else holds them, so they are frozen and not copied.
    return Detections.from_rows(
        ground_truth,
        image_index=image_index,
        class_index=freeze(class_index),
        scores=freeze(scores),
        boxes=freeze(boxes),
        box_areas=freeze(areas),
        name=path.stem,
        source=f"coco results {path}",
    )


def _read_any_results(path: Path) -> ResultColumns:
    """Decode a file strictly, row by row; raise InputError for the first row that is malformed."""
    from detbench.data.formats.coco.result_layouts import decode_results

    results, root, names = decode_results(path)
    category_ids = [result.category_id for result in results]
    files = [result.file_name for result in results if isinstance(result.file_name, str)]
    return ResultColumns(
        image_ids=_image_ids(path, root, [result.image_id for result in results]),
        category_ids=_integers(path, f"{root}[{{}}].category_id", category_ids),
        xywh=np.array([result.bbox for result in results], np.float64).reshape(-1, 4),
        scores=np.array([result.score for result in results], np.float64),
        root=root,
        names=names,
        files=files if files and len(files) == len(results) else None,
    )


def _image_ids(path: Path, root: str, ids: list[Id]) -> Ints | list[Id]:
    """Return the ids as integers if all of them are, else unchanged."""
    if any(isinstance(image_id, str) or abs(image_id) >= 2**63 for image_id in ids):
        return ids
    return _integers(path, f"{root}[{{}}].image_id", ids)


def _integers(path: Path, where: str, numbers: Sequence[Any]) -> Ints:
    """Return whole numbers; `where` is the location of one, with {} in place of its row."""
    for row, number in enumerate(numbers):
        if number != int(number) or abs(number) >= 2**63:
            key = where.rpartition(".")[2]
            raise InputError(
                path, f"{key} {number} is not a 64-bit integer", where=where.format(row)
            )
    return np.array(numbers, np.int64)


def _boxes_and_areas(path: Path, xywh: Floats) -> tuple[Floats, Floats]:
    """Turn x, y, w, h into x1, y1, x2, y2, in place, and return it with w · h."""
    with np.errstate(over="ignore"):
        areas = xywh[:, 2] * xywh[:, 3]
        xywh[:, 2:] += xywh[:, :2]
    if not (np.isfinite(xywh).all() and np.isfinite(areas).all()):
        row = int((np.isfinite(xywh).all(axis=1) & np.isfinite(areas)).argmin())
        raise InputError(
            path,
            "bbox is too large: x + width, y + height or width · height is not finite",
            where=f"results[{row}]",
            fix="write it as [x, y, width, height] in pixels",
        )
    return xywh, areas


def _image_index(path: Path, ground_truth: GroundTruth, columns: ResultColumns) -> Indices:
    """Return the image (N,) of each row, −1 if it is unknown."""
    files = columns.files
    if files is None:
        return _image_index_by_id(path, ground_truth, columns)
    texts = _id_texts(columns.image_ids)
    images = images_of_files(path, ground_truth, files)
    if images is None:
        image_index = _image_index_by_id(path, ground_truth, columns)
        warn_of_other_files(path, ground_truth, texts, files, image_index.tolist())
        return image_index
    warn_of_other_ids(path, ground_truth, texts, files, images)
    return np.array([images[file] for file in files], np.int32)


def _id_texts(ids: Ints | list[Id]) -> list[str]:
    if not isinstance(ids, list):
        return list(map(str, ids.tolist()))
    return [image_id if isinstance(image_id, str) else str(int(image_id)) for image_id in ids]


def _image_index_by_id(path: Path, ground_truth: GroundTruth, columns: ResultColumns) -> Indices:
    ids, names = columns.image_ids, columns.names
    numbers = numeric_image_ids(ground_truth)
    if isinstance(ids, list) or names.files:
        texts = _id_texts(ids)
        own = list(dict.fromkeys(texts))
        labels = names.image_labels(ground_truth, own)
        positions = match_images(path, ground_truth, labels, are_files=labels != own)
        position_of = dict(zip(own, positions, strict=True))
        if labels == own:
            _check_ids(path, ground_truth, ids, texts, position_of)
        return np.array([position_of[text] for text in texts], np.int32)

    # Rows of an image usually follow each other: look up the first row of each run only.
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
    run_ids = ids[starts]
    if numbers is not None:
        keys, positions = np.array(list(numbers), np.int64), list(numbers.values())
        run_index = _look_up(keys, np.array(positions, np.int32), run_ids)
        _warn_of_file_numbers(path, ground_truth, run_ids, run_index)
    if numbers is None or (run_index < 0).any():
        keys = np.unique(run_ids)
        names_of_keys = list(map(str, keys.tolist()))
        positions = match_images(path, ground_truth, names_of_keys)
        refuse_ambiguous_numbers(path, ground_truth, names_of_keys, positions)
        run_index = _look_up(keys, np.array(positions, np.int32), run_ids)
    return np.repeat(run_index, np.diff(starts, append=len(ids)))


def _check_ids(
    path: Path,
    ground_truth: GroundTruth,
    ids: Ints | list[Id],
    texts: Sequence[str],
    position_of: dict[str, int],
) -> None:
    """Check ids (N,), with their texts, that are not all numbers, for what else they can mean."""
    written = [text for text, each in zip(texts, ids, strict=True) if not isinstance(each, str)]
    numbers = list(dict.fromkeys(written))
    positions = [position_of[number] for number in numbers]
    refuse_ambiguous_numbers(path, ground_truth, numbers, positions)
    if numeric_image_ids(ground_truth) and all(map(WHOLE_NUMBER.fullmatch, position_of)):
        _warn_of_file_numbers(
            path,
            ground_truth,
            np.array(list(map(int, position_of)), np.int64),
            np.array(list(position_of.values()), np.int32),
        )


def _warn_of_file_numbers(
    path: Path, ground_truth: GroundTruth, ids: Ints, image_index: Indices
) -> None:
    """Warn of ids (N,) of known images that are, all of them, numbers of other images' files."""
    numbers = file_numbers(ground_truth)
    if numbers is None or (image_index < 0).any():
        return
    keys, positions = np.array(list(numbers), np.int64), np.array([*numbers.values()], np.int32)
    other = _look_up(keys, positions, ids)
    different = other != image_index
    if not different.any() or (other < 0).any():
        return
    row = int(different.argmax())
    image, file = (ground_truth.image_files[each[row]] for each in (image_index, other))
    problem = f"image ids are read as ids of the ground truth: {ids[row]} is {image!r}"
    doubt = f"they also fit the numbers in file names, such as {file!r}; detbench doctor decides"
    warnings.warn(f"{path}: {problem}; {doubt}", DetbenchWarning, stacklevel=4)


def _class_index(path: Path, ground_truth: GroundTruth, columns: ResultColumns) -> Indices:
    """Return the class (N,) of each row, −1 if it is unknown."""
    classes = np.arange(len(ground_truth.category_ids), dtype=np.int32)
    own = np.unique(columns.category_ids) if columns.names.classes else np.empty(0, np.int64)
    names = columns.names.class_labels(ground_truth, list(map(str, own.tolist())))
    if names is None:
        ids = columns.category_ids
        lowest, highest = (int(ids.min()), int(ids.max())) if len(ids) else (1, len(classes))
        count = class_count(ground_truth, lowest, highest)
        if count.warning:
            warnings.warn(f"{path}: {count.warning}", DetbenchWarning, stacklevel=3)
        return _look_up(ground_truth.category_ids - (1 - count.first), classes, ids)
    position_of = {name: k for k, name in enumerate(ground_truth.class_names)}
    positions = np.array([position_of.get(name, -1) for name in names], np.int32)
    return _look_up(own, positions, columns.category_ids)


def _look_up(keys: Ints, values: Indices, wanted: Ints) -> Indices:
    """Return the value of each wanted key, −1 for keys that do not exist."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, np.int32)
    # Usual ids are dense, so indexing a table is faster than searching.
    low, high = int(keys.min()), int(keys.max())
    if high - low < _MAX_TABLE:
        # One more entry on either side, with −1, for the keys outside the range.
        table = np.full(high - low + 3, -1, np.int32)
        table[keys - low + 1] = values
        return table[np.clip(wanted, low - 1, high + 1) - (low - 1)]
    # Keys far apart, such as ids made of dates: binary search instead of a huge table.
    order = np.argsort(keys)
    rows = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[rows] == wanted, values[rows], np.int32(-1))


def _report_unknown(
    path: Path,
    kind: Literal["image", "class"],
    columns: ResultColumns,
    unknown: Flags,
    fix: str,
    *,
    allow_unknown: bool,
) -> None:
    """Apply the rule for unknown images or classes to the rows (N,) marked unknown."""
    count = int(unknown.sum())
    if not count:
        return
    row = int(unknown.argmax())
    where = f"{columns.root}[{row}]" + (f" and {count - 1:,} more" if count > 1 else "")
    names = columns.names.files if kind == "image" else columns.names.classes
    first = str((columns.image_ids if kind == "image" else columns.category_ids)[row])
    if kind == "class" and not allow_unknown and first not in names:
        raise InputError(
            path, f"category_id {first} is not in the ground truth", where=where, fix=fix
        )
    first = names.get(first, first)
    check_unknown(path, kind, first, count, len(unknown), where=where, allow_unknown=allow_unknown)
