"""Rules for rows in every format: inverted boxes, negative areas, unknown images, no rows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

from detbench.data.columns import Floats
from detbench.errors import DetbenchWarning, InputError

_FIXES = {
    "image": "detections of another split? choose that split, or --allow-unknown to drop them; "
    "detbench doctor looks for a rule",
    "class": "spell it as the ground truth does, or --allow-unknown to drop its detections",
}


def check_inverted(path: str | Path, boxes: Floats, written: Floats | None = None) -> None:
    """Warn about some inverted boxes, with x2 < x1 or y2 < y1, and refuse a file of mostly such.

    Real result files contain inverted boxes. They stay, match nothing and count as false positives.
    More than half means that the file has another box format.

    Args:
        path: The file, for the message.
        boxes: (N, 4) x1, y1, x2, y2 with continuous edges.
        written: (N, 4) the numbers in the file, if they differ (VOC's inclusive pixels). The
            warning counts what is inverted as written.

    Raises:
        InputError: More than half of the boxes are inverted.
    """
    n_inverted = _count_inverted(boxes)
    if 2 * n_inverted > len(boxes):
        raise InputError(
            path,
            f"{n_inverted:,} of {len(boxes):,} boxes are inverted (x2 < x1 or y2 < y1)",
            fix="the box format is probably wrong: xywh or cxcywh, read as xyxy",
        )
    if written is None:
        written, condition = boxes, "x2 < x1 or y2 < y1"
    else:
        condition = "xmax < xmin or ymax < ymin"
    n_written = _count_inverted(written)
    if n_written:
        problem = f"{n_written:,} of {len(boxes):,} boxes are inverted ({condition})"
        message = f"{path}: {problem}; {_consequence(n_written, n_inverted)}"
        warnings.warn(message, DetbenchWarning, stacklevel=3)


def warn_negative_areas(path: str | Path, areas: Floats) -> None:
    """Warn of objects whose area (N,) is negative."""
    n_negative = int((areas < 0).sum())
    if n_negative:
        count = f"{n_negative:,} of {len(areas):,} annotations"
        message = f"{path}: {count} have a negative area; they count in no area range"
        warnings.warn(message, DetbenchWarning, stacklevel=4)


def _count_inverted(boxes: Floats) -> int:
    return int(((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])).sum())


def _consequence(n_written: int, n_inverted: int) -> str:
    subject = "they" if n_written == n_inverted else f"{n_inverted:,} by more than a pixel, which"
    return f"{subject} match nothing and count as false positives"


def check_unknown(
    path: str | Path,
    kind: Literal["image", "class"],
    first: str,
    count: int,
    total: int,
    *,
    where: str = "",
    fix: str = "",
    allow_unknown: bool,
) -> None:
    """Refuse detections on unknown images or of unknown classes, or warn that they are dropped.

    Nothing happens if there are none: `count` is 0 and `first` is empty.

    Args:
        path: The file, for the message.
        kind: What the ground truth lacks.
        first: The first unknown image or class, as the file writes it.
        count: Number of detections concerned.
        total: Number of detections in the file.
        where: The row or line of `first`.
        fix: What to do, if that is not the usual.
        allow_unknown: Warn instead of raising; the caller drops the detections.

    Raises:
        InputError: There are unknown ones and `allow_unknown` is False.
    """
    if not first and not count:
        return
    if not allow_unknown:
        raise InputError(
            path,
            f"{kind} {first!r} is not in the ground truth",
            where=where,
            fix=fix or _FIXES[kind],
        )
    location = f" at {where}" if where else ""
    warnings.warn(
        f"{path}: dropped {count:,} of {total:,} detections whose {kind} is not in the ground "
        f"truth (the first: {first!r}{location})",
        DetbenchWarning,
        stacklevel=3,
    )


def warn_empty(path: str | Path) -> None:
    """Warn that a file holds no detections; it is scored all the same."""
    message = f"{path}: no detections at all; every class with ground truth scores 0"
    warnings.warn(message, DetbenchWarning, stacklevel=3)
