"""Plain text: files read with errors that name the line, and numbers spelled in ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.errors import read_error

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_text(path: str | Path) -> str:
    """Return the text of a UTF-8 file without its byte order mark, line ends unchanged.

    Raises:
        FileNotFoundError: The file is missing. Callers know what that means.
        InputError: The file cannot be read, or is not UTF-8.
    """
    try:
        # There is a file per image, and making a Path of each costs more than reading it.
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file without a byte order mark.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        return path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise read_error(path, error) from error


def is_plain_ascii(text: str) -> bool:
    """Return whether `float` reads the numbers in a text as other programs do.

    Python alone takes `1_0` for 10, and digits of any script.
    """
    return text.isascii() and "_" not in text


def parse_number(text: str) -> float:
    """Return the number that an ASCII text spells; raise ValueError for anything else."""
    if not is_plain_ascii(text):
        raise ValueError
    return float(text)


def is_number(text: str) -> bool:
    """Return whether `parse_number` can read a text."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def parse_numbers(texts: Sequence[str | None]) -> tuple[Floats, Flags]:
    """Return the numbers (N,) that texts spell, and which of them (N,) are malformed.

    "nan" and "inf" are numbers. "0,5" is malformed, since other programs refuse it, and is read as
    0.5. None stands for a missing text.
    """
    if None not in texts:
        complete = [text for text in texts if text is not None]
        if is_plain_ascii("".join(complete)):
            with suppress(ValueError):
                numbers = np.fromiter(map(float, complete), np.float64, len(complete))
                return numbers, np.zeros(len(complete), np.bool_)
    parsed = [_parse(text or "") for text in texts]
    numbers = np.array([number for number, _ in parsed], np.float64)
    return numbers, np.array([malformed for _, malformed in parsed], np.bool_)


def _parse(text: str) -> tuple[float, bool]:
    for spelling, malformed in ((text, False), (text.replace(",", ".", 1), True)):
        with suppress(ValueError):
            return parse_number(spelling), malformed
    return np.nan, True
