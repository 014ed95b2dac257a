"""The lines of VOC result files: `image_id score xmin ymin xmax ymax`, parsed into columns.

pyarrow parses the usual files, with one space between values, in parallel. All others, and those
with a mistake, are parsed line by line, which finds the line to name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.formats.parsing.plain_text import is_number, parse_number, read_bytes
from detbench.errors import InputError

_LINE = "`image_id score xmin ymin xmax ymax`"
_NUMBERS = ["score", "xmin", "ymin", "xmax", "ymax"]


@dataclass(frozen=True)
class ResultLines:
    """The lines of all files, one file after the other."""

    files: list[Path]
    counts: Ints
    """(files,) number of lines of each file."""
    image_codes: Ints
    """(N,) index of each line's image in `image_ids`."""
    image_ids: list[str]
    """The distinct image ids."""
    values: Floats
    """(N, 5) score xmin ymin xmax ymax."""

    def locate(self, row: int) -> tuple[Path, str]:
        """Return the file of a row, and the line in it."""
        starts = np.cumsum(np.concatenate([[0], self.counts]))
        file = int(np.searchsorted(starts, row, side="right")) - 1
        lines = enumerate(read_bytes(self.files[file]).splitlines(), 1)
        numbers = [number for number, text in lines if text.strip()]
        return self.files[file], f"line {numbers[row - starts[file]]}"


def read_result_lines(files: list[Path]) -> ResultLines:
    """Read the lines of several files.

    Raises:
        InputError: A line is malformed, or has numbers that are not finite.
    """
    contents = [read_bytes(file) for file in files]
    # None from the fast parser means: something is unusual or wrong, and the slow one finds it.
    lines = None
    if all(map(_is_regular, contents)):
        lines = _parse_regular(files, contents)
    if lines is None:
        lines = _parse_line_by_line(files, contents)
    _check_finite(lines)
    return lines


def _check_finite(lines: ResultLines) -> None:
    values = lines.values
    # Finite corners may still have an infinite area.
    with np.errstate(over="ignore", invalid="ignore"):
        areas = (values[:, 3] - values[:, 1]) * (values[:, 4] - values[:, 2])
    for rows, problem, columns in (
        (~np.isfinite(values).all(axis=1), "a score or coordinate is not finite", slice(None)),
        (~np.isfinite(areas), "width · height of the box is not finite", slice(1, None)),
    ):
        if rows.any():
            row = int(rows.argmax())
            file, where = lines.locate(row)
            raise InputError(file, f"{problem}: {values[row, columns].tolist()}", where=where)


def _is_regular(content: bytes) -> bool:
    """Return whether every line ends in a line feed and none is empty.

    Counting line feeds then counts pyarrow's rows.
    """
    text = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    return b"\r" not in text and b"\n\n" not in text and not text.startswith(b"\n")


def _parse_regular(files: list[Path], contents: list[bytes]) -> ResultLines | None:
    """Parse lines whose values are separated by exactly one space; None for anything else.

    Columns leave pyarrow by DLPack: its `to_numpy` would import pandas.
    """
    import pyarrow as pa
    from pyarrow import csv

    # All files are parsed as one text, so the last line of each must be ended.
    complete = [
        content if content.endswith(b"\n") or not content else content + b"\n"
        for content in contents
    ]
    counts = np.array([content.count(b"\n") for content in complete], np.int64)
    if not counts.sum():
        return None
    # Ids repeat, so a dictionary column needs one Python string per image, not per line.
    image_type = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            pa.BufferReader(b"".join(complete)),
            read_options=csv.ReadOptions(column_names=["image_id", *_NUMBERS]),
            parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={"image_id": image_type, **dict.fromkeys(_NUMBERS, pa.float64())},
                null_values=[],
            ),
        )
    except pa.ArrowInvalid:
        return None
    # A quote or a lone carriage return can make pyarrow see other lines.
    if len(table) != counts.sum():
        return None
    images = table["image_id"].unify_dictionaries().combine_chunks()
    values = [np.from_dlpack(table[name].combine_chunks()) for name in _NUMBERS]
    return ResultLines(
        files=files,
        counts=counts,
        image_codes=np.from_dlpack(images.indices).astype(np.int64),
        image_ids=images.dictionary.to_pylist(),
        values=np.column_stack(values),
    )


def _parse_line_by_line(files: list[Path], contents: list[bytes]) -> ResultLines:
    """Parse lines separated by any white space; raise InputError for the first malformed one."""
    codes: dict[str, int] = {}
    image_codes, values, counts = [], [], []
    for file, content in zip(files, contents, strict=True):
        count = 0
        for number, line in enumerate(content.splitlines(), 1):
            words = line.decode(errors="replace").split()
            if not words:
                continue
            values.append(_parse_numbers(file, number, words))
            image_codes.append(codes.setdefault(words[0], len(codes)))
            count += 1
        counts.append(count)
    return ResultLines(
        files=files,
        counts=np.array(counts, np.int64),
        image_codes=np.array(image_codes, np.int64),
        image_ids=list(codes),
        values=np.array(values, np.float64).reshape(-1, 5),
    )


def _parse_numbers(file: Path, number: int, words: list[str]) -> list[float]:
    where = f"line {number}"
    if len(words) != 6:
        raise InputError(file, f"{len(words)} values, expected 6: {_LINE}", where=where)
    try:
        return [parse_number(word) for word in words[1:]]
    except ValueError:
        malformed = next(word for word in words[1:] if not is_number(word))
        problem = f"{malformed!r} is not a number, expected {_LINE}"
        raise InputError(file, problem, where=where) from None
