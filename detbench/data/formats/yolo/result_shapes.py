"""What the numbers of a line of results are: box, polygon or keypoints, confidence and track.

Ultralytics writes with save_txt and save_conf, behind the class: `cx cy w h confidence` for
detection, `x1 y1 x2 y2 … confidence` for segmentation and oriented boxes, and a box, its keypoints
and the confidence for poses. Tracking appends the ID of the track. Older versions write polygons of
one or two points, too. All lines of a folder are of one kind.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.yolo.number_lines import NumberLines
from detbench.data.formats.yolo.shape_evidence import (
    CERTAIN_SHARE,
    MIN_POLYGON_SHARE,
    MIN_SHARE,
    are_rotated,
    keypoint_share,
    polygon_share,
    rectangle_share,
)
from detbench.errors import DetbenchWarning, InputError

_N_BOX_VALUES = 4
_N_CORNERS_VALUES = 8
_MIN_DOMINANCE = 0.9
"""Boxes and keypoints have one length. If fewer lines share one, they are polygons."""
_MIN_SORTED_PAIRS = 3


class ResultReading(NamedTuple):
    """How the lines of results are read."""

    shape: Literal["box", "polygon", "keypoints"] = "box"
    has_confidence: bool = True
    has_track: bool = False
    """Whether the ID of a track follows the confidence."""
    n_keypoint_values: int = 0

    @property
    def n_trailing(self) -> int:
        """The number of values behind the shape."""
        return self.has_confidence + self.has_track

    def accepts(self, n_values: Ints) -> Flags:
        """Return which numbers of values behind the class (L,) are right."""
        n_shape = n_values - self.n_trailing
        if self.shape == "polygon":
            return np.asarray((n_shape >= 2) & (n_shape % 2 == 0))
        return np.asarray(n_shape == _N_BOX_VALUES + self.n_keypoint_values)

    @property
    def length(self) -> str:
        """How many values a line should have, for messages."""
        if self.shape == "polygon":
            return self.syntax
        # A line without a confidence should have one.
        return str(1 + _N_BOX_VALUES + self.n_keypoint_values + 1 + self.has_track)

    @property
    def syntax(self) -> str:
        """What a line should hold, for messages."""
        track = " track" if self.has_track else ""
        if self.shape == "polygon":
            return f"`class x1 y1 x2 y2 … confidence{track}`"
        keypoints = " keypoints" if self.n_keypoint_values else ""
        return f"{self.length}: `class cx cy w h{keypoints} confidence{track}`"


def choose_result_reading(folder: Path, lines: NumberLines) -> ResultReading:
    """Return how the lines of a folder are read.

    Raises:
        InputError: They fit two readings, or none.
    """
    n_values = lines.lengths - 1
    if 2 * np.isin(n_values, (_N_BOX_VALUES, _N_BOX_VALUES + 1)).sum() >= len(lines):
        rows = np.flatnonzero(n_values == _N_BOX_VALUES + 1)
        has_tracks = _are_tracks_alone(lines.last_numbers[rows], lines.file_index[rows])
        return ResultReading(has_confidence=not has_tracks, has_track=has_tracks)
    longer = np.flatnonzero((n_values > _N_BOX_VALUES + 1) & ~lines.malformed)
    if not len(longer):
        return ResultReading()
    has_track = _are_tracks(lines.last_numbers[longer])
    n_values = n_values[longer] - has_track
    lengths, counts = np.unique(n_values, return_counts=True)
    length, count = int(lengths[counts.argmax()]), counts.max()
    if count < _MIN_DOMINANCE * len(longer):
        # Polygons with a confidence have an odd number of values.
        has_confidence = 2 * (n_values % 2).sum() >= len(longer)
        return ResultReading("polygon", bool(has_confidence), has_track)
    if length == _N_BOX_VALUES + 1:
        return ResultReading(has_track=has_track)
    rows = longer[n_values == length]
    reading = _reading_by_values(folder, lines, rows, length)._replace(has_track=has_track)
    if reading.shape == "polygon" and length // 2 * 2 == _N_CORNERS_VALUES:
        _warn_rotated(folder, lines.values(rows, _N_CORNERS_VALUES))
    return reading


def _are_tracks(last_numbers: Floats) -> bool:
    """Return whether the last numbers of lines can only be IDs of tracks: 1, 2, 3, ..."""
    whole = (last_numbers >= 1) & (last_numbers == np.floor(last_numbers))
    return bool(whole.all() and (last_numbers > 1).any())


def _are_tracks_alone(last_numbers: Floats, file_index: Ints) -> bool:
    """Return whether the last numbers of boxes are IDs of tracks, and not confidences.

    No track is twice in an image. Whole numbers can also be confidences in percent, which detectors
    write in decreasing order.
    """
    if not len(last_numbers) or not _are_tracks(last_numbers):
        return False
    pairs = np.column_stack([file_index, last_numbers])
    n_pairs = int((np.diff(file_index) == 0).sum())
    is_distinct = len(np.unique(pairs, axis=0)) == len(pairs)
    return bool(
        n_pairs >= _MIN_SORTED_PAIRS and is_distinct and not _is_sorted(last_numbers, file_index)
    )


def _reading_by_values(
    folder: Path, lines: NumberLines, rows: Ints, n_values: int
) -> ResultReading:
    """Return the only reading of lines of one length that their values do not refute."""
    values = lines.values(rows, n_values)
    last = values[:, -1]
    is_confidence = bool(((last >= 0) & (last <= 1)).all())
    has_confidence = n_values % 2 == 1
    corners = values[:, :-1] if has_confidence else values
    is_polygon = is_confidence or not has_confidence
    has_corners = is_polygon and corners.shape[1] == _N_CORNERS_VALUES
    if has_corners and rectangle_share(corners) >= _MIN_DOMINANCE:
        return ResultReading("polygon", has_confidence)
    possible: list[ResultReading] = []
    if is_polygon and polygon_share(corners) >= MIN_POLYGON_SHARE:
        possible.append(ResultReading("polygon", has_confidence))
    shares: dict[ResultReading, float] = {}
    n_keypoint_values = n_values - _N_BOX_VALUES
    if is_confidence:
        reading = ResultReading("keypoints", n_keypoint_values=n_keypoint_values - 1)
        shares[reading] = _keypoint_share(values[:, :-1])
    reading = ResultReading("keypoints", False, n_keypoint_values=n_keypoint_values)
    shares[reading] = _keypoint_share(values)
    possible += [reading for reading, share in shares.items() if share >= MIN_SHARE]
    if len(possible) == 2 and {reading.shape for reading in possible} == {"keypoints"}:
        # Ultralytics writes the detections of an image by decreasing confidence.
        possible = possible[:1] if _is_sorted(last, lines.file_index[rows]) else possible
    if len(possible) != 1 or shares.get(possible[0], 1.0) < CERTAIN_SHARE:
        raise _ambiguous(folder, n_values, possible)
    if possible[0].shape == "keypoints":
        warnings.warn(
            f"{folder}: lines of {n_values + 1} values are read as boxes with keypoints, which lie "
            f"in their boxes in {shares[possible[0]]:.0%} of the lines",
            DetbenchWarning,
            stacklevel=3,
        )
    return possible[0]


def _keypoint_share(values: Floats) -> float:
    return max(keypoint_share(values, n_dimensions) for n_dimensions in (2, 3))


def _is_sorted(scores: Floats, file_index: Ints) -> bool:
    same_file = np.diff(file_index) == 0
    decreasing = np.diff(scores)[same_file] <= 0
    return bool(len(decreasing) >= _MIN_SORTED_PAIRS and decreasing.all())


def _ambiguous(folder: Path, n_values: int, possible: list[ResultReading]) -> InputError:
    names = {"polygon": "polygons", "keypoints": "boxes with keypoints"}
    readings = [
        names[reading.shape] + ("" if reading.has_confidence else " without a confidence")
        for reading in possible
    ]
    if len(readings) == 1:
        readings.append("something else")
    problem = f"can be {' or '.join(readings)}"
    fix = "write `class cx cy w h confidence` lines, or COCO results"
    if {reading.shape for reading in possible} == {"keypoints"} and len(possible) == 2:
        fix = (
            "if the last number is the confidence, sort the lines of each file by it, highest "
            f"first; else {fix}"
        )
    if not readings:
        problem = "are neither boxes with keypoints nor polygons"
    return InputError(
        folder,
        f"lines of {n_values + 1} values {problem}",
        fix=fix,
    )


def _warn_rotated(folder: Path, corners: Floats) -> None:
    if are_rotated(corners):
        warnings.warn(
            f"{folder}: detections with four corners are scored as their bounding boxes, not as "
            "rotated boxes",
            DetbenchWarning,
            stacklevel=3,
        )
