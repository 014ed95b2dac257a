"""Attributes of images (weather, camera, ...) from a CSV file with one row per image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from detbench.data.formats.parsing.csv_table import read_csv_table
from detbench.data.formats.parsing.image_ids import image_id_example
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

_KEY = "image_id"
_MAX_LISTED = 5
"""Maximum number of columns or images that a message lists."""
_MAX_LENGTH = 40
"""Maximum characters of a name in a message: a wrong file may hold anything."""


def read_attributes(path: Path, ground_truth: GroundTruth) -> dict[str, list[str | None]]:
    """Return column name → the value of each image, in the order of the ground truth's images.

    The file has a header with `image_id` and at least one more column. A value is None if its cell
    is empty or the image has no row. Rows of unknown images are ignored with a warning.

    Raises:
        InputError: The file cannot be read or has another header, a row has another length, an
            image occurs twice, or no image is known.
    """
    header, rows = read_csv_table(path)
    names = [name for name in header if name != _KEY]
    if _KEY not in header or not names or not all(names) or len(set(header)) != len(header):
        expected = f"a header with {_KEY} and other, unique column names"
        raise InputError(
            path,
            f"expected {expected}, got {_listed(header) or 'nothing'}",
            where="line 1",
        )

    n_images = len(ground_truth.image_ids)
    columns: dict[str, list[str | None]] = {name: [None] * n_images for name in names}
    image_ids: set[str] = set()
    unknown: list[str] = []
    for number, line in rows:
        cells = dict(zip(header, line, strict=True))
        image_id = cells[_KEY]
        if image_id in image_ids:
            raise InputError(
                path,
                f"image {_listed([image_id])} occurs a second time",
                where=f"line {number}",
            )
        image_ids.add(image_id)
        position = ground_truth.image_position(image_id)
        if position is None:
            unknown.append(image_id)
            continue
        for name in names:
            columns[name][position] = cells[name] or None
    _check_known(path, len(image_ids), unknown, ground_truth)
    return columns


def _check_known(path: Path, n_rows: int, unknown: list[str], ground_truth: GroundTruth) -> None:
    """Raise if no image of the file is known; warn if some are not."""
    if len(unknown) == n_rows:
        problem = f"none of its {n_rows:,} images is in {ground_truth.name}"
        problem += f": {_listed(unknown)}" if unknown else ""
        raise InputError(path, problem, fix=image_id_example(ground_truth))
    if unknown:
        message = (
            f"{path}: ignored {len(unknown):,} of {n_rows:,} images that are not in "
            f"{ground_truth.name}: {_listed(unknown)}"
        )
        warnings.warn(message, DetbenchWarning, stacklevel=3)


def _listed(names: Sequence[str]) -> str:
    """Return the first names, shortened if they are long, and the number of all if there are more.

    `detbench.wording.first_few` is for names that are known to be short.
    """
    short = [name if len(name) <= _MAX_LENGTH else f"{name[:_MAX_LENGTH]}..." for name in names]
    shown = ", ".join(map(repr, short[:_MAX_LISTED]))
    return shown + (f", ... ({len(names):,} in all)" if len(names) > _MAX_LISTED else "")
