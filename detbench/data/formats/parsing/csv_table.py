"""CSV tables: a header and rows of its length, as text, for the files in which users say what they know of images."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detbench.errors import InputError

Rows = Iterator[tuple[int, list[str]]]
"""The number of each line that is not empty, with its cells."""


def read_table(path: Path) -> tuple[list[str], Rows]:
    """Return the header, empty for an empty file, and the rows, all cells without the blanks around them.

    Raises:
        InputError: the file cannot be read, and while rows are taken, where one has another length than the header.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            path, f"cannot be read as CSV: {error}", fix="give a UTF-8 text file with commas"
        ) from error
    header = _stripped(lines[0]) if lines else []
    return header, _rows(path, lines[1:], len(header))


def _rows(path: Path, lines: list[list[str]], width: int) -> Rows:
    for number, line in enumerate(lines, 2):
        if len(line) not in {0, width}:
            raise InputError(
                path, f"expected {width} values, got {len(line)}", where=f"line {number}"
            )
        if line:
            yield number, _stripped(line)


def _stripped(line: list[str]) -> list[str]:
    return [cell.strip() for cell in line]
