"""Plain text: files read with errors that name the line, and numbers spelled in ASCII."""

from __future__ import annotations

import os
from pathlib import Path

from detbench.errors import InputError


def read_error(path: str | Path, error: OSError | ValueError) -> InputError:
    """Return the InputError for a file that cannot be read, from what Python raised."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return InputError(path, "is not UTF-8 text", where=f"line {line}", fix="save it as UTF-8")
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return InputError(
        path,
        f"cannot be read: {reason}",
        fix="grant permission to read it" if isinstance(error, PermissionError) else "",
    )


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


def is_plain_ascii(text: str) -> bool:
    """Return whether `float` reads the numbers in a text as other programs do.

    Python alone takes `1_0` for 10, and digits of any script.
    """
    return text.isascii() and "_" not in text


def parse_number(text: str) -> float:
    """Return the number that an ASCII text spells; raise ValueError for anything else."""
    if not is_plain_ascii(text):
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)
