"""Lenient lines: text files of detections or labels as tables, malformed lines included."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.formats.parsing.lenient_values import shortened
from detbench.data.formats.parsing.plain_text import parse_numbers, read_bytes

N_NUMBERS = 5
"""Numbers in a line of results, behind the word that names its image or class."""


class Line(NamedTuple):
    """A line that is not blank."""

    path: Path
    number: int
    """Its number in the file, from 1."""
    words: list[str]


def lines_of(path: Path) -> list[Line]:
    """Return the lines of a file that are not blank; bytes that are not UTF-8 are replaced."""
    words = (line.decode(errors="replace").split() for line in read_bytes(path).splitlines())
    return [Line(path, number, line) for number, line in enumerate(words, 1) if line]


def number_table(lines: list[Line]) -> tuple[Floats, Flags]:
    """Return the numbers of results lines (N, 5), and which lines (N,) are malformed.

    Missing numbers are NaN, surplus words are ignored; both make a line malformed.
    """
    words = [line.words[1:] for line in lines]
    wrong_length = np.array([len(line) != N_NUMBERS for line in words], np.bool_)
    if wrong_length.any():
        words = [(line + ["nan"] * N_NUMBERS)[:N_NUMBERS] for line in words]
    numbers, malformed = parse_numbers([word for line in words for word in line])
    wrong_number = malformed.reshape(-1, N_NUMBERS).any(axis=1)
    return numbers.reshape(-1, N_NUMBERS), wrong_length | wrong_number


def first_malformed_line(lines: list[Line], malformed: Flags, *, last_number: str = "") -> str:
    """Return position and content of the first malformed line, empty if there is none.

    Args:
        lines: N lines of results.
        malformed: (N,) which of them are malformed.
        last_number: What the last number of a line is, if it is the one that lines often lack.
    """
    if not malformed.any():
        return ""
    path, number, words = lines[int(malformed.argmax())]
    position = f"{path.name}, line {number}, {shortened(' '.join(words))}"
    n_expected = N_NUMBERS + 1
    if len(words) == n_expected:
        return position
    lacks_last = last_number and len(words) == n_expected - 1
    guess = f"; {last_number} seems to be missing" if lacks_last else ""
    return f"{position}: {len(words)} values, expected {n_expected}{guess}"
