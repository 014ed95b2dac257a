"""CSV tables: the header and the rows of a file in which users describe images."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detbench.errors import InputError

Rows = Iterator[tuple[int, list[str]]]
"""Line number and cells of each line that is not empty."""


def read_csv_table(path: Path) -> tuple[list[str], Rows]:
    """Return the header and the rows of a CSV file, all cells without surrounding blanks.

    An empty file has an empty header.

    Raises:
        InputError: The file cannot be read, or, while the rows are iterated, a row is not as long
            as the header.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            path,
            f"cannot be read as CSV: {error}",
            fix="give a UTF-8 text file with commas",
        ) from error
    header = _stripped(lines[0]) if lines else []
    return header, _iterate_rows(path, lines[1:], len(header))


def _iterate_rows(path: Path, lines: list[list[str]], n_columns: int) -> Rows:
    for number, line in enumerate(lines, 2):
        if len(line) not in {0, n_columns}:
            raise InputError(
                path,
                f"expected {n_columns} values, got {len(line)}",
                where=f"line {number}",
            )
        if line:
            yield number, _stripped(line)


def _stripped(line: list[str]) -> list[str]:
    return [cell.strip() for cell in line]
