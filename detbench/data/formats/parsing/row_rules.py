"""The rules every reader of detections applies to its rows, whatever the format: inverted boxes, unknown images and classes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

from detbench.data.columns import Floats
from detbench.errors import DetbenchWarning, InputError

FIXES = {
    "image": "detections of another split? choose the split they were made for, or --allow-unknown to drop them",
    "class": "spell it as the ground truth does, or --allow-unknown to drop its detections",
}


def check_inverted(path: str | Path, boxes: Floats, written: Floats | None = None) -> None:
    """Count boxes with x2 < x1 or y2 < y1: a few are warned about, more than half mean another box format.

    Inverted boxes occur in real result files; they stay, match nothing and count as false positives. `boxes` (N, 4; xyxy) have continuous
    edges; `written` are the numbers in the file where these are others (VOC's inclusive pixels), and the warning counts them.
    """
    wrong = _inverted(boxes)
    if 2 * wrong > len(boxes):
        raise InputError(
            path,
            f"{wrong:,} of {len(boxes):,} boxes are inverted (x2 < x1 or y2 < y1)",
            fix="the box format is probably another one: is this xywh or cxcywh, read as xyxy?",
        )
    if written is None:
        written, corners = boxes, "x2 < x1 or y2 < y1"
    else:
        corners = "xmax < xmin or ymax < ymin"
    if count := _inverted(written):
        found = f"{count:,} of {len(boxes):,} boxes are inverted ({corners})"
        warnings.warn(
            f"{path}: {found}; {_consequence(count, wrong)}", DetbenchWarning, stacklevel=3
        )


def _inverted(boxes: Floats) -> int:
    return int(((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])).sum())


def _consequence(count: int, without_extent: int) -> str:
    if count == without_extent:
        return "they match nothing and count as false positives"
    return f"{without_extent:,} of them, short of a whole pixel or more, match nothing and count as false positives"


def check_unknown(
    path: str | Path,
    kind: Literal["image", "class"],
    first: str,
    count: int,
    total: int,
    *,
    where: str = "",
    allow_unknown: bool,
) -> None:
    """Raise for detections whose image or class the ground truth does not have, or warn that the caller drops them.

    `first` is the first unknown name, as the file writes it and found at `where`; `count` of `total` detections are concerned.
    Nothing happens when `count` is 0 and `first` is empty.
    """
    if not first and not count:
        return
    if not allow_unknown:
        raise InputError(
            path, f"{kind} {first!r} is not in the ground truth", where=where, fix=FIXES[kind]
        )
    place = f" at {where}" if where else ""
    warnings.warn(
        f"{path}: dropped {count:,} of {total:,} detections whose {kind} is not in the ground truth (the first: {first!r}{place})",
        DetbenchWarning,
        stacklevel=3,
    )


def warn_empty(path: str | Path) -> None:
    """Say that a source of detections holds none; it is scored all the same, and every average precision is 0."""
    warnings.warn(
        f"{path}: no detections at all; every class with ground truth scores 0",
        DetbenchWarning,
        stacklevel=3,
    )
