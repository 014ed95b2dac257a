"""Schema versions: every file that detbench writes carries one, and a newer one is refused."""

from __future__ import annotations

from detbench.errors import InputError

_WRITE_AGAIN = "it was damaged or edited: write it again"


def check_version(found: object, supported: int, what: str) -> int:
    """Return the schema version of a file; older versions pass, so that the caller can upgrade them.

    Args:
        found: The version as the file states it, or None where the file states none.
        supported: The newest version that this detbench reads.
        what: The file, and the line or member in it, as messages name it: `runs/a/record.json`.

    Raises:
        InputError: The version is newer than `supported`, is missing, or is not an integer from 1.
    """
    if found is None:
        raise InputError(what, "has no schema version", fix=_WRITE_AGAIN)
    # bool is a subclass of int, and JSON's `true` is not a version.
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        problem = f"has schema version {found!r}, expected an integer from 1 to {supported}"
        raise InputError(what, problem, fix=_WRITE_AGAIN)
    if found > supported:
        problem = f"has schema version {found}, but this detbench reads versions up to {supported}"
        raise InputError(what, problem, fix="install a newer detbench")
    return found
