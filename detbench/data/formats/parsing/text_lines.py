"""Text lines: the words of each line of a text file, with its number for messages."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from detbench.data.formats.parsing.plain_text import read_bytes


class Line(NamedTuple):
    """A line that is not blank."""

    path: Path
    number: int
    """Its number in the file, from 1."""
    words: list[str]


def lines_of(path: Path) -> list[Line]:
    """Return the lines of a file that are not blank; bytes that are not UTF-8 are replaced.

    Raises:
        InputError: The file cannot be read.
    """
    words = (line.decode(errors="replace").split() for line in read_bytes(path).splitlines())
    return [Line(path, number, line) for number, line in enumerate(words, 1) if line]
