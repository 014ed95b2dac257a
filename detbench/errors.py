"""The errors a user can cause, each one clear sentence: where, what was found, what was expected, what to do."""

from __future__ import annotations

from pathlib import Path


class DetbenchError(Exception):
    """Anything a user can mend; the command line prints it without a traceback and leaves with `exit_code`."""

    exit_code = 2


class InputError(DetbenchError):
    """A file that cannot be read as what it should be.

    `where` names the row, line or member inside the file; `fix` says what to do. Both end up in the message.
    """

    def __init__(self, path: str | Path, problem: str, *, where: str = "", fix: str = "") -> None:
        self.path, self.problem, self.where, self.fix = Path(path), problem, where, fix
        place = f"{path}, {where}" if where else f"{path}"
        super().__init__(f"{place}: {problem}" + (f"; {fix}" if fix else ""))


class NotComparableError(DetbenchError):
    """Two things that must describe the same data do not."""

    exit_code = 3


class DetbenchWarning(UserWarning):
    """Input that can be scored but smells; the message says what and how much."""
