"""Text lists: files with one name or path in each line, and which text files are no annotations."""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.parsing.plain_text import read_text
from detbench.errors import InputError

CLASS_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt")
"""The names of files that list classes."""
OTHER_TEXTS = frozenset(
    {"classes", "labels", "names", "obj", "predefined_classes", "readme", "notes", "license"}
    | {"train", "val", "valid", "test", "requirements"}
)
"""Stems of text files that lie among labels or results and are neither."""


def read_list(path: Path) -> list[str]:
    """Return the lines of a list that are not blank, without spaces around them.

    Raises:
        InputError: The file is missing or cannot be read.
    """
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    return [line for line in lines if line]


def read_name_list(path: Path) -> list[str]:
    """Return the class names of a text file with one in each line.

    Raises:
        InputError: The file is missing, cannot be read, or is empty, or names a class twice.
    """
    names = read_list(path)
    if not names:
        raise InputError(path, "has no class names", fix="write one class name per line")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise InputError(
            path,
            f"class {repeated[0]!r} is listed twice",
            fix="class names must be unique",
        )
    return names
