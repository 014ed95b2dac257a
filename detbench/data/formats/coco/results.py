"""COCO results: a JSON list of `{image_id, category_id, bbox, score}` into Detections and back.

DuckDB reads the usual file, of rows with just these four keys and only numbers in them, in parallel and straight into columns. But
it is lenient: the string "0.9" becomes 0.9, true becomes 1, a cut-off list or a trailing comma passes. So its answer counts only if
the file's bytes prove that nothing was converted (`_is_plain`). Every other file is decoded by msgspec, which is strict, slower,
reads further keys and string ids, and names the row of a mistake. `docs/reading.md` has the measurements.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints, freeze, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.files import atomic_path
from detbench.data.formats.coco.annotations import Id, written_image_ids
from detbench.data.formats.parsing.arrow import list_values, to_numpy
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.formats.parsing.image_ids import find_image, numeric_image_ids
from detbench.data.formats.parsing.json_text import decode, read_bytes
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

if TYPE_CHECKING:
    import duckdb

_BLOCK = 1 << 20
_EXACT = 2**53
_TABLE = 1 << 20
_WRITTEN_AT_ONCE = 50_000
_CLASS_FIX = (
    "use the ids of the ground truth's categories: COCO's own files number 80 classes 1–90 with gaps, not 0–79 or 1–80; "
    "--allow-unknown drops such detections"
)


class _Row(msgspec.Struct, gc=False):
    image_id: Id
    category_id: int | float
    bbox: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class _Rows:
    """The rows of a file as columns; xywh is (N, 4)."""

    image_ids: Ints | list[Id]
    category_ids: Ints
    xywh: Floats
    scores: Floats


def read_coco_results(
    path: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read a COCO results file for the images and categories of `ground_truth`.

    Image ids match as text or, where all ids of the ground truth are numbers, by value (1 is "000001"); categories match by
    `ground_truth.category_ids`. Raises InputError with the place in the file for what is not valid, for unknown images and
    categories (dropped with a warning under `allow_unknown`), and for a file of which more than half is inverted.
    """
    rows = _read_plain(path) or _read_any(path)
    if not len(rows.scores):
        warn_empty(path)
    boxes, areas = _boxes_and_areas(path, rows.xywh)
    check_inverted(path, boxes)

    image_index = _image_index(ground_truth, rows.image_ids)
    class_index = _class_index(ground_truth, rows.category_ids)
    known = (image_index >= 0) & (class_index >= 0)
    scores = rows.scores
    if not known.all():
        _report_unknown(path, "image", rows.image_ids, image_index < 0, allow_unknown=allow_unknown)
        _report_unknown(
            path,
            "class",
            rows.category_ids,
            (class_index < 0) & (image_index >= 0),
            allow_unknown=allow_unknown,
        )
        image_index, class_index = image_index[known], class_index[known]
        scores, boxes, areas = scores[known], boxes[known], areas[known]
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


def _read_plain(path: Path) -> _Rows | None:
    """Return the rows if the file is a plain one and DuckDB's answer is proven, else None."""
    import duckdb

    absolute = str(
        path.absolute()
    )  # DuckDB would take `~` for the home folder and `s3:…` for another machine
    if any(character in absolute for character in "*?["):
        return None  # DuckDB would look for other files of that pattern
    name = absolute.replace("'", "''")
    query = (
        f"SELECT image_id, category_id, bbox, score FROM read_json('{name}', format = 'array', compression = 'none', "  # noqa: S608
        "hive_partitioning = false, columns = {image_id: 'DOUBLE', category_id: 'DOUBLE', bbox: 'DOUBLE[4]', score: 'DOUBLE'})"
    )
    with _database(os.getpid()).cursor() as connection:
        try:
            table = connection.sql(query).to_arrow_table()
        except (
            duckdb.Error,
            UnicodeError,
        ):  # it raises the second for text that is not UTF-8, and for such a name
            return None
    if any(table.column(name).null_count for name in table.column_names) or not _is_plain(
        path, table.num_rows
    ):
        return None
    image_ids, category_ids, scores = (
        np.concatenate([to_numpy(chunk) for chunk in table.column(name).chunks])
        for name in ("image_id", "category_id", "score")
    )
    xywh = np.concatenate([list_values(chunk) for chunk in table.column("bbox").chunks]).reshape(
        -1, 4
    )
    if not (
        _whole(image_ids)
        and _whole(category_ids)
        and np.isfinite(scores).all()
        and np.isfinite(xywh).all()
    ):
        return None
    return _Rows(image_ids.astype(np.int64), category_ids.astype(np.int64), xywh, scores)


@functools.cache
def _database(_process: int) -> duckdb.DuckDBPyConnection:
    """Return this process's DuckDB, in memory; opening it takes 12 ms, and its threads do not live on in a forked process."""
    import duckdb

    return duckdb.connect()


def _is_plain(path: Path, rows: int) -> bool:
    """Tell whether a file read as `rows` rows, none of which lacks a key, holds nothing but its four keys and numbers.

    A row of such a file has 8 quotes, 17 bytes behind "e" in the alphabet (e itself may be an exponent; the braces count) and, but for
    the last, 7 commas. No row has fewer. A string, a fifth key or a repeated one adds quotes; true, false and null add letters; a list
    that is cut off behind a comma, or ends in one, adds commas.
    """
    quotes = letters = commas = 0
    buffer, hits = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.bool_)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer.data):
            block, hit = buffer[:count], hits[:count]
            quotes += int(np.count_nonzero(np.equal(block, ord('"'), out=hit)))
            letters += int(np.count_nonzero(np.greater(block, ord("e"), out=hit)))
            commas += int(np.count_nonzero(np.equal(block, ord(","), out=hit)))
    return rows > 0 and (quotes, letters, commas) == (8 * rows, 17 * rows, 7 * rows - 1)


def _whole(numbers: Floats) -> bool:
    """Tell whether these are whole numbers that float64 holds exactly."""
    return bool((np.abs(numbers) < _EXACT).all() and (numbers == np.floor(numbers)).all())


def _read_any(path: Path) -> _Rows:
    """Decode strictly, row by row, and raise for the first row that is not one."""
    text = read_bytes(path)
    if text[:64].lstrip().startswith(b"{"):
        raise InputError(
            path,
            "is an object, as COCO annotations are, where results are expected",
            fix="name the detections here",
        )
    rows = decode(path, text, msgspec.json.Decoder(list[_Row]), root="results")
    return _Rows(
        _image_ids(path, [row.image_id for row in rows]),
        _whole_numbers(path, "category_id", [row.category_id for row in rows]),
        np.array([row.bbox for row in rows], np.float64).reshape(-1, 4),
        np.array([row.score for row in rows], np.float64),
    )


def _image_ids(path: Path, ids: list[Id]) -> Ints | list[Id]:
    """Return the ids as whole numbers if all of them are, else as they stand."""
    if any(isinstance(image_id, str) or abs(image_id) >= 2**63 for image_id in ids):
        return ids
    return _whole_numbers(path, "image_id", ids)


def _whole_numbers(path: Path, key: str, numbers: Sequence[Any]) -> Ints:
    for row, number in enumerate(numbers):
        if number != int(number) or abs(number) >= 2**63:
            raise InputError(
                path,
                f"{key} {number} is not a whole number of 64 bits",
                where=f"results[{row}].{key}",
            )
    return np.array(numbers, np.int64)


def _boxes_and_areas(path: Path, xywh: Floats) -> tuple[Floats, Floats]:
    """Turn xywh into xyxy, in place, and return it with w · h."""
    with np.errstate(over="ignore"):
        areas = xywh[:, 2] * xywh[:, 3]
        xywh[:, 2:] += xywh[:, :2]
    if not (np.isfinite(xywh).all() and np.isfinite(areas).all()):
        row = int((np.isfinite(xywh).all(axis=1) & np.isfinite(areas)).argmin())
        problem = "bbox is too large: x + width, y + height or width · height is not finite"
        raise InputError(
            path, problem, where=f"results[{row}]", fix="bbox is [x, y, width, height] in pixels"
        )
    return xywh, areas


def _image_index(ground_truth: GroundTruth, ids: Ints | list[Id]) -> Indices:
    """Return each row's image, −1 where the ground truth does not have it."""
    numbers = numeric_image_ids(ground_truth)
    if isinstance(ids, list):
        texts = [image_id if isinstance(image_id, str) else str(int(image_id)) for image_id in ids]
        places = {text: find_image(ground_truth, numbers, text) for text in set(texts)}
        return np.array([places[text] for text in texts], np.int32)
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
    if numbers is None:
        heads = ids[starts].tolist()
        places = {number: find_image(ground_truth, None, str(number)) for number in set(heads)}
        found = np.array([places[number] for number in heads], np.int32)
    else:
        found = _look_up(
            np.array(list(numbers), np.int64),
            np.array(list(numbers.values()), np.int32),
            ids[starts],
        )
    return np.repeat(found, np.diff(starts, append=len(ids)))


def _class_index(ground_truth: GroundTruth, category_ids: Ints) -> Indices:
    return _look_up(
        ground_truth.category_ids,
        np.arange(len(ground_truth.category_ids), dtype=np.int32),
        category_ids,
    )


def _look_up(keys: Ints, values: Indices, wanted: Ints) -> Indices:
    """Return the value of each wanted key, −1 where there is none."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, np.int32)
    low, high = int(keys.min()), int(keys.max())
    if high - low < _TABLE:
        table = np.full(high - low + 3, -1, np.int32)
        table[keys - low + 1] = values
        return table[np.clip(wanted, low - 1, high + 1) - (low - 1)]
    order = np.argsort(keys)
    rows = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[rows] == wanted, values[rows], np.int32(-1))


def _report_unknown(
    path: Path,
    kind: Literal["image", "class"],
    ids: Ints | list[Id],
    unknown: NDArray[np.bool_],
    *,
    allow_unknown: bool,
) -> None:
    """Raise for the rows (N,) marked unknown, naming the first, or warn that they are dropped."""
    count, row = int(unknown.sum()), int(unknown.argmax())
    where = f"results[{row}]" + (f" and {count - 1:,} more" if count > 1 else "")
    if count and kind == "class" and not allow_unknown:
        raise InputError(
            path, f"category_id {ids[row]} is not in the ground truth", where=where, fix=_CLASS_FIX
        )
    if count:
        check_unknown(
            path, kind, str(ids[row]), count, len(unknown), where=where, allow_unknown=allow_unknown
        )


def write_coco_results(detections: Detections, ground_truth: GroundTruth, path: Path) -> None:
    """Write a results file from which `read_coco_results` gets the same detections again, in the order of their source."""
    detections.check_same_images(ground_truth)
    with atomic_path(path) as hidden, hidden.open("wb") as file:
        file.write(b"[")
        for chunk in _written_rows(detections, ground_truth):
            file.write(chunk)
        file.write(b"]\n")


def _written_rows(detections: Detections, ground_truth: GroundTruth) -> Iterator[bytes]:
    image_ids = written_image_ids(ground_truth)
    image_index = groups_from_offsets(detections.offsets)
    order: NDArray[np.int64] | None = (
        None if detections.source_rows is None else np.argsort(detections.source_rows)
    )
    for start in range(0, len(detections), _WRITTEN_AT_ONCE):
        rows = (
            slice(start, start + _WRITTEN_AT_ONCE)
            if order is None
            else order[start : start + _WRITTEN_AT_ONCE]
        )
        boxes = detections.boxes[rows]
        xywh = np.concatenate(
            [boxes[:, :2], exact_sizes(boxes, detections.box_areas[rows])], axis=1
        )
        columns = (
            (image_ids[image] for image in image_index[rows].tolist()),
            ground_truth.category_ids[detections.class_index[rows]].tolist(),
            map(tuple, xywh.tolist()),
            detections.scores[rows].tolist(),
        )
        yield (b",\n" if start else b"") + msgspec.json.encode(
            [_Row(*row) for row in zip(*columns, strict=True)]
        )[1:-1]
