"""Lines of numbers: the text files of a dataset or of results as one table, faults included.

There is a file per image. One reading serves the strict readers, which refuse the first fault, and
the lenient ones, which count them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.parsing.plain_text import (
    is_number,
    is_plain_ascii,
    parse_numbers,
    read_bytes,
    read_text,
)
from detbench.errors import InputError


@dataclass(frozen=True, eq=False)
class NumberLines:
    """L lines of several files, none of them blank, with W words in all."""

    paths: Sequence[str]
    file_index: Ints
    """(L,) position in `paths` of each line's file."""
    line_numbers: Ints
    """(L,) from 1, blank lines counted."""
    lengths: Ints
    """(L,) number of words."""
    starts: Ints
    """(L,) position of the first word in `numbers`."""
    numbers: Floats
    """(W,) what each word spells; NaN if it spells no number."""
    malformed_words: Flags
    """(W,) words that spell no number, or only one with a decimal comma."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def first_numbers(self) -> Floats:
        """(L,) the first number of each line: its class."""
        return np.asarray(self.numbers[self.starts])

    @property
    def last_numbers(self) -> Floats:
        """(L,) the last number of each line."""
        return np.asarray(self.numbers[self.starts + self.lengths - 1])

    @property
    def malformed(self) -> Flags:
        """(L,) lines with a malformed word."""
        return self._lines_with(self.malformed_words)

    @property
    def malformed_behind_class(self) -> Flags:
        """(L,) lines with a malformed word behind the first."""
        words = self.malformed_words.copy()
        words[self.starts] = False
        return self._lines_with(words)

    def _lines_with(self, words: Flags) -> Flags:
        """Return which lines (L,) have one of the words marked in a mask (W,)."""
        flags = np.zeros(len(self), np.bool_)
        flags[np.searchsorted(self.starts, np.flatnonzero(words), side="right") - 1] = True
        return flags

    def values(self, rows: Ints, n_values: int) -> Floats:
        """Return the first `n_values` numbers (M, n_values) behind the class of these rows (M,)."""
        words = self.starts[rows][:, None] + np.arange(1, n_values + 1)
        return np.asarray(self.numbers[words])

    def path(self, row: int) -> str:
        """Return the file of a line."""
        return self.paths[int(self.file_index[row])]

    def place(self, row: int) -> str:
        """Return the number of a line, for messages."""
        return f"line {self.line_numbers[row]}"

    def words(self, row: int) -> list[str]:
        """Return the words of a line, which are read from the file again."""
        return _lines(_text(self.path(row)))[self.line_numbers[row] - 1]

    def check_words(self, row: int) -> None:
        """Raise InputError if the file of a line is not UTF-8, or a word is not a number."""
        read_text(self.path(row))
        for word in self.words(row):
            if not is_number(word):
                problem = f"{word!r} is not a number"
                raise InputError(self.path(row), problem, where=self.place(row))


def read_number_lines(paths: Sequence[str]) -> NumberLines:
    """Read text files; bytes that are not UTF-8 make a word malformed.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    numbers, words_per_line, lines_per_file = array("d"), array("q"), array("q")
    malformed: list[Ints] = []
    for path in paths:
        text = _text(path)
        lines = _lines(text)
        lines_per_file.append(len(lines))
        words_per_line.extend(map(len, lines))
        n_before = len(numbers)
        if is_plain_ascii(text):
            try:
                # `float` alone is faster, and right for plain ASCII.
                numbers.extend(map(float, chain.from_iterable(lines)))
                continue
            except ValueError:
                del numbers[n_before:]
        parsed, flags = parse_numbers(list(chain.from_iterable(lines)))
        numbers.extend(parsed)
        malformed.append(n_before + np.flatnonzero(flags))
    return _table(paths, _ints(lines_per_file), _ints(words_per_line), numbers, malformed)


def _table(
    paths: Sequence[str],
    lines_per_file: Ints,
    words_per_line: Ints,
    numbers: array[float],
    malformed: list[Ints],
) -> NumberLines:
    first_lines = np.cumsum(lines_per_file) - lines_per_file
    line_numbers = np.arange(1, len(words_per_line) + 1) - np.repeat(first_lines, lines_per_file)
    file_index = np.repeat(np.arange(len(paths)), lines_per_file)
    filled = words_per_line > 0
    flags = np.zeros(len(numbers), np.bool_)
    flags[np.concatenate([*malformed, np.zeros(0, np.int64)])] = True
    return NumberLines(
        paths=paths,
        file_index=file_index[filled],
        line_numbers=line_numbers[filled],
        lengths=words_per_line[filled],
        starts=(np.cumsum(words_per_line) - words_per_line)[filled],
        numbers=np.array(numbers, np.float64),
        malformed_words=flags,
    )


def _ints(values: array[int]) -> Ints:
    return np.array(values, np.int64)


def _text(path: str) -> str:
    try:
        return read_text(path)
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    except InputError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        return read_bytes(Path(path)).decode(errors="replace")


def _lines(text: str) -> list[list[str]]:
    """Return the words of every line."""
    # str.splitlines would also split at form feeds and other characters.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return list(map(str.split, lines))
