"""The lines of VOC result files: `image_id score xmin ymin xmax ymax`, parsed into columns.

pyarrow parses the usual files, with one space between values, in parallel. All others, and those
with a mistake, are parsed line by line, which finds the lines to name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.parsing.plain_text import is_number, parse_numbers, read_bytes
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

_LINE = "`image_id score xmin ymin xmax ymax`"
_NUMBERS = ["score", "xmin", "ymin", "xmax", "ymax"]
N_VALUES = 1 + len(_NUMBERS)
"""Values of a line: the image id and the numbers."""


@dataclass(frozen=True)
class ResultLines:
    """The lines of all files that are not blank, one file after the other."""

    files: list[Path]
    counts: Ints
    """(files,) number of lines of each file."""
    image_codes: Ints
    """(N,) index of each line's image in `image_ids`."""
    image_ids: list[str]
    """The distinct image ids."""
    values: Floats
    """(N, 5) score xmin ymin xmax ymax; NaN where missing."""
    malformed: Flags
    """(N,) lines with more or fewer than five numbers behind the image id."""
    wrong_length: Flags
    """(N,) malformed lines of more or fewer values; their numbers are NaN."""

    def locate(self, row: int) -> tuple[Path, int, str]:
        """Return the file of a row, the number of its line, and the line."""
        starts = np.cumsum(np.concatenate([[0], self.counts]))
        file = int(np.searchsorted(starts, row, side="right")) - 1
        lines = enumerate(read_bytes(self.files[file]).splitlines(), 1)
        written = [(number, text) for number, text in lines if text.strip()]
        number, text = written[row - starts[file]]
        return self.files[file], number, text.decode(errors="replace")

    def n_values(self, row: int) -> int:
        """Return the number of values in the line of a row: its image id and what follows."""
        _, _, line = self.locate(row)
        n_words_of_id = len(self.image_ids[self.image_codes[row]].split())
        return 1 + len(line.split()) - n_words_of_id

    def fault(self, row: int) -> str:
        """Return what is wrong with a malformed line, and what was expected."""
        n_values = self.n_values(row)
        if n_values != N_VALUES:
            return f"{n_values} values, expected {N_VALUES}: {_LINE}"
        _, _, line = self.locate(row)
        words = line.split()[1 - N_VALUES :]
        wrong = next(word for word in words if not is_number(word))
        return f"{wrong!r} is not a number, expected {_LINE}"


def read_result_lines(files: list[Path], ground_truth: GroundTruth) -> ResultLines:
    """Read the lines of several files, malformed ones included.

    Args:
        files: The files.
        ground_truth: The ground truth, by whose image ids those with spaces are recognized.

    Raises:
        InputError: A file cannot be read.
    """
    contents = [read_bytes(file) for file in files]
    # None from the fast parser means: something is unusual or wrong, and the slow one finds it.
    lines = None
    if all(map(_is_regular, contents)):
        lines = _parse_regular(files, contents)
    return _parse_line_by_line(files, contents, ground_truth) if lines is None else lines


def check_lines(lines: ResultLines) -> None:
    """Check that all lines have five finite numbers.

    Raises:
        InputError: One has not.
    """
    values = lines.values
    # Finite corners may still have an infinite area.
    with np.errstate(over="ignore", invalid="ignore"):
        areas = (values[:, 3] - values[:, 1]) * (values[:, 4] - values[:, 2])
    not_finite = np.asarray(~np.isfinite(values).all(axis=1))
    faulty = lines.malformed | not_finite | ~np.isfinite(areas)
    if not faulty.any():
        return
    row = int(faulty.argmax())
    file, number, _ = lines.locate(row)
    if lines.malformed[row]:
        problem = lines.fault(row)
    elif not_finite[row]:
        problem = f"a score or coordinate is not finite: {values[row].tolist()}"
    else:
        problem = f"width · height of the box is not finite: {values[row, 1:].tolist()}"
    raise InputError(file, problem, where=f"line {number}")


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
        malformed=np.zeros(len(table), np.bool_),
        wrong_length=np.zeros(len(table), np.bool_),
    )


def _parse_line_by_line(
    files: list[Path], contents: list[bytes], ground_truth: GroundTruth
) -> ResultLines:
    """Parse lines separated by any white space."""
    codes: dict[str, int] = {}
    image_codes: list[int] = []
    counts: list[int] = []
    texts: list[str | None] = []
    wrong_length: list[bool] = []
    n_numbers = len(_NUMBERS)
    for content in contents:
        count = 0
        for line in content.splitlines():
            words = line.decode(errors="replace").split()
            if not words:
                continue
            image_id, numbers = words[0], words[1:]
            if len(numbers) > n_numbers and _has_spaces(words, ground_truth):
                # The last five words are numbers, and all that stands before them is the id.
                numbers = words[-n_numbers:]
                image_id = line.decode(errors="replace").rsplit(maxsplit=n_numbers)[0].strip()
            wrong_length.append(len(numbers) != n_numbers)
            texts += [None] * n_numbers if wrong_length[-1] else numbers
            image_codes.append(codes.setdefault(image_id, len(codes)))
            count += 1
        counts.append(count)
    values, malformed = parse_numbers(texts)
    wrong = malformed.reshape(-1, n_numbers).any(axis=1) | np.array(wrong_length, np.bool_)
    return ResultLines(
        files=files,
        counts=np.array(counts, np.int64),
        image_codes=np.array(image_codes, np.int64),
        image_ids=list(codes),
        values=values.reshape(-1, n_numbers),
        malformed=np.asarray(wrong),
        wrong_length=np.array(wrong_length, np.bool_),
    )


def _has_spaces(words: list[str], ground_truth: GroundTruth) -> bool:
    """Return whether a line with surplus words begins with an image id that has spaces.

    So it is where the ground truth has such ids, and the first word alone is none of its ids.
    """
    if ground_truth.image_position(words[0]) is not None:
        return False
    return any(len(image_id.split()) > 1 for image_id in ground_truth.image_ids)
