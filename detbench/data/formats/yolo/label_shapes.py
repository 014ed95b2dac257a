"""What the numbers of a label are: a box, a polygon, or a box with keypoints.

Ultralytics writes `class cx cy w h` for detection, `class x1 y1 x2 y2 x3 y3 …` for segmentation and
oriented boxes, and `class cx cy w h px1 py1 …` for poses, whose data.yaml states `kpt_shape`. Where
the dataset does not say which, the lengths of all its lines and then their values decide. What fits
two readings is refused.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.parsing.yaml_text import YamlText
from detbench.data.formats.yolo.number_lines import NumberLines
from detbench.data.formats.yolo.shape_evidence import (
    CERTAIN_SHARE,
    MIN_POLYGON_SHARE,
    MIN_SHARE,
    are_rotated,
    boxes_in_image,
    keypoint_share,
    polygon_share,
    rectangle_share,
)
from detbench.errors import DetbenchWarning, InputError

_NUMBER = re.compile("[1-9][0-9]{0,3}")
TASKS = ("detect", "segment", "pose", "obb")
"""The tasks of Ultralytics that have boxes."""
_N_BOX_VALUES = 4
_N_CORNERS_VALUES = 8
_MIN_DOMINANCE = 0.9
"""Keypoint labels have one length. If fewer lines share one, these are polygons."""


@dataclass(frozen=True)
class LabelReading:
    """How labels of a dataset are read. Labels of four values are boxes, unless this refuses it."""

    n_keypoint_values: int = 0
    """Number of values of the keypoints behind a box; 0 if labels may be polygons."""
    allows_boxes: bool = True
    """Whether a label may be a box alone."""

    def accepts(self, n_values: Ints) -> Flags:
        """Return which numbers of values behind the class (L,) are right."""
        is_box = n_values == _N_BOX_VALUES
        if self.n_keypoint_values:
            has_keypoints = n_values == _N_BOX_VALUES + self.n_keypoint_values
            return np.asarray(has_keypoints | is_box if self.allows_boxes else has_keypoints)
        return np.asarray(is_box | ((n_values > _N_BOX_VALUES) & (n_values % 2 == 0)))

    @property
    def syntax(self) -> str:
        """What a line should hold, for messages."""
        if self.n_keypoint_values:
            return (
                f"{1 + _N_BOX_VALUES + self.n_keypoint_values}: `class cx cy w h` and "
                f"{self.n_keypoint_values} values of keypoints"
            )
        return "`class cx cy w h` or `class x1 y1 x2 y2 x3 y3 …`"


def read_keypoint_shape(path: Path, value: YamlText | None) -> tuple[int, int] | None:
    """Return number and dimensions of the keypoints that a data.yaml states as `kpt_shape`.

    Raises:
        InputError: It is not [number, 2] or [number, 3].
    """
    if value is None or value == ["0", "0"]:  # Ultralytics' value for no keypoints
        return None
    match value:
        case [str(number), "2" | "3" as dimensions] if _NUMBER.fullmatch(number):
            return int(number), int(dimensions)
    raise InputError(
        path,
        "must be [number of keypoints, 2 or 3]",
        where="kpt_shape",
        fix="correct it, or remove it if the labels have no keypoints",
    )


def choose_label_reading(
    path: Path,
    lines: NumberLines,
    *,
    keypoint_shape: tuple[int, int] | None,
    task: str | None,
) -> LabelReading:
    """Return how the labels of a dataset are read.

    Args:
        path: The file that describes the dataset, for messages.
        lines: All labels of the split.
        keypoint_shape: Number and dimensions of the keypoints, if the dataset states them.
        task: One of `TASKS`, if the dataset states it.

    Raises:
        InputError: What the dataset states contradicts itself, or the labels fit two readings.
    """
    if keypoint_shape is not None:
        if task in ("segment", "obb"):
            raise InputError(
                path,
                f"states both kpt_shape and task {task!r}",
                fix="remove the one that does not describe the labels",
            )
        n_values = keypoint_shape[0] * keypoint_shape[1]
        reading = LabelReading(n_values, allows_boxes=task == "detect")
        _warn_keypoints_outside(path, lines, reading, keypoint_shape)
        return reading
    n_values = _dominant_length(lines)
    if task == "pose" and n_values > _N_BOX_VALUES:
        return LabelReading(n_values - _N_BOX_VALUES)
    reading = LabelReading()
    if task not in ("segment", "obb") and n_values > _N_BOX_VALUES:
        reading = _reading_by_values(path, lines, n_values)
    _warn_rotated(path, lines, reading)
    return reading


def _dominant_length(lines: NumberLines) -> int:
    """Return the number of values that all longer labels have; 0 if there is none."""
    n_values = lines.lengths - 1
    longer = n_values[n_values > _N_BOX_VALUES]
    if not len(longer):
        return 0
    lengths, counts = np.unique(longer, return_counts=True)
    return int(lengths[counts.argmax()]) if counts.max() >= _MIN_DOMINANCE * len(longer) else 0


def _rows_of_length(lines: NumberLines, n_values: int) -> Floats:
    """Return the values of the well-formed labels of a length (M, n_values)."""
    rows = np.flatnonzero((lines.lengths == n_values + 1) & ~lines.malformed)
    return lines.values(rows, n_values)


def _reading_by_values(path: Path, lines: NumberLines, n_values: int) -> LabelReading:
    values = _rows_of_length(lines, n_values)
    if not len(values):
        return LabelReading()
    if n_values == _N_CORNERS_VALUES and rectangle_share(values) >= _MIN_DOMINANCE:
        return LabelReading()
    keypoints, n_dimensions = max((keypoint_share(values, n), n) for n in (2, 3))
    polygons = polygon_share(values)
    shape = f"[{(n_values - _N_BOX_VALUES) // n_dimensions}, {n_dimensions}]"
    if keypoints < MIN_SHARE:
        # Values outside 0..1 are refused later.
        if polygons >= MIN_POLYGON_SHARE or n_values % 2 or (np.abs(values - 0.5) > 0.5).any():
            return LabelReading()
        raise _ambiguous(path, n_values, shape, "neither a polygon nor a box with keypoints")
    if polygons >= MIN_POLYGON_SHARE or keypoints < CERTAIN_SHARE:
        raise _ambiguous(path, n_values, shape, "polygons or boxes with keypoints")
    warnings.warn(
        f"{path}: labels of {n_values + 1} values are read as boxes with keypoints, which lie in "
        f"their boxes in {keypoints:.0%} of the labels; add `kpt_shape: {shape}` to state it",
        DetbenchWarning,
        stacklevel=2,
    )
    return LabelReading(n_values - _N_BOX_VALUES)


def _ambiguous(path: Path, n_values: int, shape: str, readings: str) -> InputError:
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    where = "" if is_yaml else " in a data.yaml"
    task = "obb" if n_values == _N_CORNERS_VALUES else "segment"
    return InputError(
        path,
        f"labels of {n_values + 1} values can be {readings}",
        fix=f"state `kpt_shape: {shape}` or `task: {task}`{where}",
    )


def _warn_keypoints_outside(
    path: Path, lines: NumberLines, reading: LabelReading, keypoint_shape: tuple[int, int]
) -> None:
    values = _rows_of_length(lines, _N_BOX_VALUES + reading.n_keypoint_values)
    values = values[boxes_in_image(values)]
    if not len(values):
        return
    share = keypoint_share(values, keypoint_shape[1])
    if share < MIN_SHARE:
        warnings.warn(
            f"{path}: keypoints lie in their boxes in only {share:.0%} of the labels; check that "
            f"the labels are `class cx cy w h` with keypoints, as kpt_shape states",
            DetbenchWarning,
            stacklevel=2,
        )


def _warn_rotated(path: Path, lines: NumberLines, reading: LabelReading) -> None:
    if reading.n_keypoint_values:
        return
    values = _rows_of_length(lines, _N_CORNERS_VALUES)
    if len(values) and 2 * len(values) > len(lines) and are_rotated(values):
        warnings.warn(
            f"{path}: labels with four corners are scored as their bounding boxes, not as rotated "
            "boxes",
            DetbenchWarning,
            stacklevel=2,
        )
