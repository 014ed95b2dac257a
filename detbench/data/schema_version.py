"""Schema versions: every file that detbench writes carries one, and a newer one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detbench.errors import InputError

SCHEMA_VERSION = 2
"""The version of run records, histories, gate rules and everything that `--json` writes."""
_WRITE_AGAIN = "it was damaged or edited: write it again"


def check_version(version: object, supported: int, what: str) -> int:
    """Return the schema version of a file. Older versions pass: the caller upgrades them.

    Args:
        version: The version as the file states it, or None where the file states none.
        supported: The newest version that this detbench reads.
        what: The file, and the line or member in it, as messages name it: `runs/a/record.json`.

    Raises:
        InputError: The version is newer than `supported`, is missing, or is not an integer from 1.
    """
    if version is None:
        raise InputError(what, "has no schema version", fix=_WRITE_AGAIN)
    # bool is a subclass of int, and JSON's `true` is not a version.
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(
            what,
            f"has schema version {version!r}, expected an integer from 1 to {supported}",
            fix=_WRITE_AGAIN,
        )
    if version > supported:
        raise InputError(
            what,
            f"has schema version {version}, but this detbench reads versions up to {supported}",
            fix="install a newer detbench",
        )
    return version


def preprocessing_in_current_spelling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return preprocessing settings of any version in the spelling of today.

    Version 1, as in the models shipped with detbench 0.1, spells the setting `color` as `colour`
    and the fit `center-crop` as `centre-crop`.
    """
    current = dict(settings)
    if "colour" in current:
        current["color"] = current.pop("colour")
    if current.get("fit") == "centre-crop":
        current["fit"] = "center-crop"
    return current
