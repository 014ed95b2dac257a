"""Attributes: a table of what is known about images (weather, camera, ...), one row each, from CSV."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from detbench.data.formats.parsing.csv_table import read_table
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

_KEY = "image_id"
_MOST_NAMED = 5
"""Of the columns or images that are not what they should be."""
_MOST_LETTERS = 40
"""Of a name, for whatever a wrong file holds where names should stand."""


def read_attributes(path: Path, truth: GroundTruth) -> dict[str, list[str | None]]:
    """Return the columns of a CSV file by name, each with the text for every image of the ground truth; None where there is none.

    The file has a header with `image_id` and at least one more column. Empty cells and images without a row are unknown values; rows of
    images that the ground truth does not have are left out with a warning.

    Raises:
        InputError: the file cannot be read, has no such header, a row of another length, or an image twice.
    """
    header, rows = read_table(path)
    names = [name for name in header if name != _KEY]
    if _KEY not in header or not names or not all(names) or len(set(header)) != len(header):
        raise InputError(
            path,
            f"needs a header with {_KEY} and other names, each once, got {_named(header) or 'nothing'}",
            where="line 1",
        )
    columns: dict[str, list[str | None]] = {name: [None] * len(truth.image_ids) for name in names}
    seen: set[str] = set()
    unknown: list[str] = []
    for number, line in rows:
        cells = dict(zip(header, line, strict=True))
        if cells[_KEY] in seen:
            raise InputError(
                path,
                f"image {_named([cells[_KEY]])} is there a second time",
                where=f"line {number}",
            )
        seen.add(cells[_KEY])
        position = truth.image_position(cells[_KEY])
        if position is None:
            unknown.append(cells[_KEY])
        for name in names:
            if position is not None:
                columns[name][position] = cells[name] or None
    if len(unknown) == len(seen):
        what = f"none of its {len(seen):,} images is in {truth.name}" + (
            f": {_named(unknown)}" if unknown else ""
        )
        raise InputError(path, what, fix=f"write image ids such as {truth.image_ids[0]!r}")
    if unknown:
        what = f"{len(unknown):,} of {len(seen):,} images are not in {truth.name} and are left out: {_named(unknown)}"
        warnings.warn(f"{path}: {what}", DetbenchWarning, stacklevel=2)
    return columns


def _named(names: Sequence[str]) -> str:
    """Return the first of these names, none at full length that is too long to be one, and how many there are where these are not all."""
    shown = [
        repr(name if len(name) <= _MOST_LETTERS else f"{name[:_MOST_LETTERS]}...")
        for name in names[:_MOST_NAMED]
    ]
    return ", ".join(shown) + (f", ... ({len(names):,} in all)" if len(names) > _MOST_NAMED else "")
