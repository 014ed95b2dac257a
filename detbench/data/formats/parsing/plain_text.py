"""Text files as strangers leave them: read without a traceback, and numbers spelt as every other program spells them."""

from __future__ import annotations

import os
from pathlib import Path

from detbench.errors import InputError


def unreadable(path: str | Path, error: OSError | ValueError) -> InputError:
    """Return the error for a file that cannot be read: what the system says of it, or the line that is not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return InputError(path, "is not UTF-8 text", where=f"line {line}", fix="save it as UTF-8")
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    fix = "allow reading it" if isinstance(error, PermissionError) else ""
    return InputError(path, f"cannot be read: {reason}", fix=fix)


def read_text(path: str | Path) -> str:
    """Return a UTF-8 text without its byte order mark, line ends as they are.

    FileNotFoundError passes through, since callers know what its absence means; all else that is in the way is an InputError.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a Path per label costs more than reading it
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def is_plain(text: str) -> bool:
    """Tell whether `float` reads this text as other programs do: it would take `1_0` for 10 and digits of any script."""
    return text.isascii() and "_" not in text


def number(text: str) -> float:
    """Return a number spelt in ASCII; ValueError for anything else."""
    if not is_plain(text):
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)
