"""Detector names: one for each file of detections, all different, and fit to name a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detbench.errors import DetbenchError, InputError


def detector_names(files: Sequence[Path], names: Sequence[str] | None) -> list[str | None]:
    """Return the `--name` of each file, or None where the detector is named after its file.

    Raises:
        DetbenchError: the number of names is not the number of files, or a name is empty.
    """
    if names and len(names) != len(files):
        raise DetbenchError(
            f"got {len(names)} names for {len(files)} detection files; "
            "give --name once for each file, in their order"
        )
    if names and not all(name.strip() for name in names):
        raise DetbenchError("--name is empty; give the detector a name")
    return [*names] if names else [None] * len(files)


def check_distinct_names(names: Sequence[str]) -> None:
    """Raise DetbenchError if two detectors have the same name."""
    if len(set(names)) != len(names):
        raise DetbenchError(
            f"detectors need different names, got {', '.join(names)}; "
            "give --name once for each file"
        )


def check_run_names(names: Sequence[str]) -> None:
    """Raise DetbenchError for a name that cannot be the name of a folder."""
    for name in names:
        if Path(name).name != name or name in {".", ".."} or not name.isprintable():
            raise DetbenchError(f"{name!r} cannot be the name of a run folder; give another --name")


def check_run_folders(parent: Path, names: Sequence[str]) -> None:
    """Raise before any work is done if a run folder exists already or cannot be named so."""
    from detbench.data.files import is_missing_or_empty

    check_run_names(names)
    for name in names:
        folder = parent / name
        if not is_missing_or_empty(folder):
            raise InputError(
                folder,
                "already exists and is not empty",
                fix="choose another -o or --name, or remove it",
            )
