"""Targets: places that a command writes to, kept apart from what it reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from detbench.errors import InputError

_DATA_SUFFIXES = {".txt", ".xml", ".yaml", ".yml", ".jpg", ".jpeg", ".png", ".tar"}
"""Of the files that folders of data are made of, and that results are not written as."""


def check_apart(targets: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse targets that are one another, an input, a file of an input folder, or in a run folder, which is complete as it is."""
    for number, target in enumerate(targets):
        if any(_same(target, other) for other in targets[:number]):
            raise InputError(
                target, "is the target of two options", fix="name a place of its own for each"
            )
        if any(_same(target, given) for given in inputs):
            raise InputError(target, "is an input and would be replaced", fix="name another place")
        if (run := _run_around(target)) is not None:
            raise InputError(
                target,
                f"lies in the run folder {run}, which must stay as it was recorded",
                fix="name another place",
            )
        if (given := _input_around(target, inputs)) is not None:
            raise InputError(
                target,
                f"is a file of the input {given} and would be replaced",
                fix="name another place",
            )


def model_path(spec: str) -> Path:
    """Return the file or folder that a model's spec names."""
    from detbench.adapters.catalogue import parse_spec

    return Path(parse_spec(spec).target)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _run_around(target: Path) -> Path | None:
    """Return the run folder that a place is or lies in, None for a place in no run."""
    from detbench.bench.latency.store import LATENCY
    from detbench.bench.runs import DETECTIONS, RECORD

    place = Path(os.path.realpath(target))
    for folder in (place, *place.parents):
        if (folder / RECORD).is_file() and any(
            (folder / name).is_file() for name in (DETECTIONS, LATENCY)
        ):
            return folder
    return None


def _input_around(target: Path, inputs: Sequence[Path]) -> Path | None:
    """Return the input folder that an existing file of data lies in."""
    if target.suffix.lower() not in _DATA_SUFFIXES or not target.is_file():
        return None
    place = Path(os.path.realpath(target))
    return next(
        (
            given
            for given in inputs
            if given.is_dir() and place.is_relative_to(os.path.realpath(given))
        ),
        None,
    )
