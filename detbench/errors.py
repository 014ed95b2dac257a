"""Errors and warnings about a user's input. Each is one clear sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path


class DetbenchError(Exception):
    """A problem that the user can fix.

    The command line prints its message without a traceback and exits with `exit_code`.
    """

    exit_code = 2


class InputError(DetbenchError):
    """A file or folder that cannot be read or written as expected.

    The message is `PATH, WHERE: PROBLEM; FIX`.

    Args:
        path: The file or folder.
        problem: What is wrong, and what was expected.
        where: The row, line or member inside the file.
        fix: What the user can do.
    """

    def __init__(self, path: str | Path, problem: str, *, where: str = "", fix: str = "") -> None:
        self.path, self.problem, self.where, self.fix = Path(path), problem, where, fix
        location = f"{path}, {where}" if where else f"{path}"
        super().__init__(f"{location}: {problem}" + (f"; {fix}" if fix else ""))


def read_error(path: str | Path, error: OSError | ValueError) -> InputError:
    """Return the InputError for a file that cannot be read, from what Python raised."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return InputError(path, "is not UTF-8 text", where=f"line {line}", fix="save it as UTF-8")
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    fix = "grant permission to read it" if isinstance(error, PermissionError) else ""
    return InputError(path, f"cannot be read: {reason}", fix=fix)


class NotComparableError(DetbenchError):
    """Results that must refer to the same images, classes or conditions, but do not."""

    exit_code = 3


class DetbenchWarning(UserWarning):
    """Input that can be scored but is suspicious; the message says what and how much."""
