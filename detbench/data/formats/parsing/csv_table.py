"""CSV: rows whose quotes are closed, and tables in which users describe images."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from detbench.data.formats.parsing.plain_text import read_text
from detbench.errors import InputError

Row = tuple[int, list[str]]
"""Line number and cells."""


def read_csv_table(path: Path) -> tuple[list[str], Iterator[Row]]:
    """Return the header and the rows of a CSV file that are not empty.

    Cells are without surrounding blanks. An empty file has an empty header.

    Raises:
        InputError: The file cannot be read, a quote is not closed, or, while the rows are iterated,
            a row is not as long as the header.
    """
    try:
        rows = parse_csv(path, read_text(path), ",")
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    _, header = rows[0] if rows else (1, [])
    return header, _checked_rows(path, rows[1:], len(header))


def csv_lines(text: str) -> list[str]:
    """Return the lines of a CSV text: only line feeds and carriage returns end one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def parse_csv(path: Path, text: str, separator: str) -> list[Row]:
    """Return the rows of a CSV text that are not blank, without blanks around their cells.

    A cell holds no line break: a quote that is
    closed in another row, or never, would swallow rows.

    Raises:
        InputError: A quote is not closed in its row, or a cell is too long.
    """
    lines = csv_lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        _check_quotes(path, lines, separator)
        where = f"line {reader.line_num}"
        raise InputError(path, f"cannot be read as CSV: {error}", where=where) from None
    if len(rows) < len(lines):
        _check_quotes(path, lines, separator)
    if f"{separator} " in text or f" {separator}" in text or " \n" in text:
        rows = [[cell.strip() for cell in cells] for cells in rows]
    return [(number, cells) for number, cells in enumerate(rows, 1) if any(cells)]


def _check_quotes(path: Path, lines: Sequence[str], separator: str) -> None:
    """Raise InputError for the first row that goes on in the next line, or after the last one."""
    reader = csv.reader([*lines, ""], delimiter=separator)
    for number, _ in enumerate(reader, 1):
        if reader.line_num > number:
            problem = "a cell opens a quote that its row does not close"
            fix = "close or double it"
            raise InputError(path, problem, where=f"line {number}", fix=fix)


def _checked_rows(path: Path, rows: Sequence[Row], n_columns: int) -> Iterator[Row]:
    for number, cells in rows:
        if len(cells) != n_columns:
            raise InputError(
                path,
                f"expected {n_columns} values, got {len(cells)}",
                where=f"line {number}",
            )
        yield number, cells
