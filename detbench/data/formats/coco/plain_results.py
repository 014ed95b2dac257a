"""Plain COCO results, of rows with just the four keys and numbers, read by DuckDB in parallel.

DuckDB is lenient: the string "0.9" becomes 0.9, true becomes 1, a cut-off list or a trailing comma
passes. So its answer counts only if the bytes of the file prove that nothing was converted
(`_is_plain`).
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.formats.coco.structs import NO_NAMES, Id, StatedNames
from detbench.data.formats.parsing.arrow import list_values, to_numpy

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BLOCK_BYTES = 1 << 20
_MAX_EXACT = 2**53
"""float64 holds all integers below this exactly."""


@dataclass(frozen=True)
class ResultColumns:
    """The rows of a results file as columns."""

    image_ids: Ints | list[Id]
    """(N,) numbers, or a list if not all ids are integers of 64 bits"""
    category_ids: Ints
    xywh: Floats
    """(N, 4) x, y, width, height"""
    scores: Floats
    root: str = "results"
    """What messages call the list of rows."""
    names: StatedNames = NO_NAMES
    files: list[str] | None = None
    """(N,) the image's file; None if not every row states one."""


def read_plain_results(path: Path) -> ResultColumns | None:
    """Return the rows of a plain file; None if it is not plain, whatever it is instead."""
    table = _read_table(path)
    if table is None or any(table.column(name).null_count for name in table.column_names):
        return None
    if not _is_plain(path, table.num_rows):
        return None
    image_ids, category_ids, scores = (
        np.concatenate([to_numpy(chunk) for chunk in table.column(name).chunks])
        for name in ("image_id", "category_id", "score")
    )
    boxes = np.concatenate([list_values(chunk) for chunk in table.column("bbox").chunks])
    if not (_are_integers(image_ids) and _are_integers(category_ids)):
        return None
    if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
        return None
    return ResultColumns(
        image_ids.astype(np.int64), category_ids.astype(np.int64), boxes.reshape(-1, 4), scores
    )


def _read_table(path: Path) -> pa.Table | None:
    """Return what DuckDB reads from the file; None if it refuses."""
    import duckdb

    # A relative path could start with `~` or `s3:`, and `*?[` would make it a pattern of files.
    absolute = str(path.absolute())
    if any(character in absolute for character in "*?["):
        return None
    name = absolute.replace("'", "''")
    columns = "image_id: 'DOUBLE', category_id: 'DOUBLE', bbox: 'DOUBLE[4]', score: 'DOUBLE'"
    query = (
        "SELECT image_id, category_id, bbox, score "  # noqa: S608
        f"FROM read_json('{name}', format = 'array', compression = 'none', "
        f"hive_partitioning = false, columns = {{{columns}}})"
    )
    with _connection(os.getpid()).cursor() as cursor:
        try:
            return cursor.sql(query).to_arrow_table()
        # UnicodeError is for contents, and for a name, that are not UTF-8.
        except (duckdb.Error, UnicodeError):
            return None


@functools.cache
def _connection(_process: int) -> duckdb.DuckDBPyConnection:
    """Return the in-memory DuckDB of this process.

    Opening it takes 12 ms, and its threads do not survive in a forked process.
    """
    import duckdb

    return duckdb.connect()


def _is_plain(path: Path, n_rows: int) -> bool:
    """Return whether a file that was read as `n_rows` rows holds nothing but its keys and numbers.

    None of the rows lacks a key. A row of a plain file then has 8 quotes, 17 bytes that come after
    "e" in ASCII (e itself may be an exponent; the braces count), and 7 commas, except for the last
    one's. No row has fewer. Everything else adds to a count: a string, a fifth key or a repeated
    one adds quotes; true, false and null add letters; a list that ends in a comma, or is cut off
    behind one, adds commas.
    """
    quotes = letters = commas = 0
    buffer, mask = np.empty(_BLOCK_BYTES, np.uint8), np.empty(_BLOCK_BYTES, np.bool_)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer.data):
            block, hit = buffer[:count], mask[:count]
            quotes += int(np.count_nonzero(np.equal(block, ord('"'), out=hit)))
            letters += int(np.count_nonzero(np.greater(block, ord("e"), out=hit)))
            commas += int(np.count_nonzero(np.equal(block, ord(","), out=hit)))
    expected = (8 * n_rows, 17 * n_rows, 7 * n_rows - 1)
    return n_rows > 0 and (quotes, letters, commas) == expected


def _are_integers(numbers: Floats) -> bool:
    """Return whether these are integers that float64 holds exactly."""
    return bool((np.abs(numbers) < _MAX_EXACT).all() and (numbers == np.floor(numbers)).all())
