"""YOLO results: a folder of text files, one per image, into Detections.

A line is `class cx cy w h confidence` with the box as fractions of the image, as Ultralytics writes
it with save_txt and save_conf. Lines of other tasks are read as their boxes (see `result_shapes`).
An image without a file has no detections.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.detections import Detections
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.formats.yolo.fractions import bounding_boxes, count_outside, to_pixels
from detbench.data.formats.yolo.labels import are_class_numbers, not_a_class
from detbench.data.formats.yolo.number_lines import NumberLines, read_number_lines
from detbench.data.formats.yolo.result_files import ResultFiles, find_result_files
from detbench.data.formats.yolo.result_shapes import choose_result_reading
from detbench.data.formats.yolo.shape_evidence import boxes_in_image
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes
from detbench.errors import InputError

_N_BOX_VALUES = 4
_MIN_LINES = 5
_MAX_SHARE = 0.9
_MIN_SHIFTED_SHARE = 0.95
"""The confidence is second if so this share of at least 5 boxes lies in the image, and fewer than
90% do as the format defines it."""


class YoloResults:
    """The lines of a folder of results, faulty ones included.

    Args:
        folder: The folder.
        ground_truth: The ground truth.

    Raises:
        InputError: A file cannot be read or fits several images, or lines fit two readings.
    """

    def __init__(self, folder: Path, ground_truth: GroundTruth) -> None:
        self.files: ResultFiles = find_result_files(folder, ground_truth)
        self.lines: NumberLines = read_number_lines(self.files.paths)
        lines = self.lines
        self.image_index: Ints = np.array(self.files.images, np.int64)[lines.file_index]
        """(L,) image of each line, −1 for one that the ground truth does not have."""
        self.reading = choose_result_reading(folder, lines)
        n_values = lines.lengths - 1
        self.has_shape: Flags = self.reading.accepts(n_values)
        """(L,) lines with as many values as they should have."""
        self.boxes: Floats = np.full((len(lines), 4), np.nan)
        """(L, 4) cx, cy, w, h; NaN for lines of another length, apart from boxes without a
        confidence."""
        self.scores: Floats = np.full(len(lines), np.nan)
        """(L,) NaN for lines of another length, and without a confidence."""
        if self.reading.shape == "polygon":
            self._read_polygons(n_values)
        else:
            rows = np.flatnonzero(self.has_shape | (n_values == _N_BOX_VALUES))
            self.boxes[rows] = lines.values(rows, _N_BOX_VALUES)
        if self.reading.has_confidence:
            rows = np.flatnonzero(self.has_shape)
            last = lines.starts[rows] + lines.lengths[rows] - 1
            self.scores[rows] = lines.numbers[last - self.reading.has_track]

    def _read_polygons(self, n_values: Ints) -> None:
        rows = np.flatnonzero(self.has_shape)
        n_corner_values = n_values - self.reading.n_trailing
        order = rows[np.argsort(n_corner_values[rows], kind="stable")]
        changes = np.flatnonzero(np.diff(n_corner_values[order])) + 1
        for group in np.split(order, changes):
            if len(group):
                corners = self.lines.values(group, int(n_corner_values[group[0]]))
                self.boxes[group] = bounding_boxes(corners)

    @property
    def lacks_confidence(self) -> Flags:
        """(L,) lines that end with their shape."""
        if not self.reading.has_confidence:
            return self.has_shape
        return np.asarray(~self.has_shape & (self.lines.lengths == _N_BOX_VALUES + 1))

    def check(self, rows: Ints) -> None:
        """Raise InputError for the first of these lines (M,) that is malformed."""
        lines = self.lines
        finite = np.isfinite(self.boxes).all(axis=1) & np.isfinite(self.scores)
        faulty = lines.malformed | ~finite | ~are_class_numbers(lines)
        if faulty[rows].any():
            self._refuse(int(rows[faulty[rows].argmax()]))

    def _refuse(self, row: int) -> None:
        lines = self.lines
        path, where = lines.path(row), lines.place(row)
        lines.check_words(row)
        words = lines.words(row)
        if not np.isfinite([float(word) for word in words]).all():
            raise InputError(path, f"a value is not finite: {' '.join(words)}", where=where)
        if self.lacks_confidence[row] or not self.has_shape[row]:
            # Ultralytics leaves the confidence out by default.
            fix = (
                "predict again with save_txt=True and save_conf=True"
                if self.lacks_confidence[row]
                else "write one detection per line"
            )
            problem = f"{len(words)} values, expected {self.reading.syntax}"
            raise InputError(path, problem, where=where, fix=fix)
        raise not_a_class(lines.first_numbers[row], path, where)


def read_yolo_results(
    folder: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read the detections of every image, in the order of the ground truth's images.

    Files are named after image files or image ids. Image sizes come from the ground truth, else
    from the image files. `allow_unknown` drops detections on unknown images and of unknown class
    numbers, with a warning.

    Raises:
        InputError: A line is malformed, an image or class or the size of an image is unknown, or
            more than half of the boxes are inverted or have values outside 0..1.
    """
    if not folder.is_dir():
        raise InputError(
            folder,
            "no such folder",
            fix="give the folder with one text file per image",
        )
    results = YoloResults(folder, ground_truth)
    order = np.argsort(results.image_index, kind="stable")
    rows = order[results.image_index[order] >= 0]
    results.check(rows)
    _check_images(folder, results, allow_unknown=allow_unknown)
    rows = _known_classes(results, rows, len(ground_truth.class_names), allow_unknown=allow_unknown)

    # Fractions of the image become pixels.
    image_index, cxcywh = results.image_index[rows], results.boxes[rows]
    _check_fractions(folder, cxcywh)
    if results.reading.shape == "box":
        _check_confidence_position(folder, cxcywh, results.scores[rows])
    sizes = require_image_sizes(ground_truth, image_index)
    with np.errstate(over="ignore", invalid="ignore"):
        boxes, box_areas = to_pixels(cxcywh, sizes[image_index])
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(box_areas)
    if not finite.all():
        raise _not_a_box(results, int(rows[finite.argmin()]))
    check_inverted(folder, boxes)
    if not len(boxes):
        warn_empty(folder)
    return Detections.from_rows(
        ground_truth,
        image_index=image_index,
        class_index=results.lines.first_numbers[rows].astype(np.int64),
        scores=results.scores[rows],
        boxes=boxes,
        box_areas=box_areas,
        name=folder.resolve().name,
        source=f"yolo results {folder}",
    )


def _check_images(folder: Path, results: YoloResults, *, allow_unknown: bool) -> None:
    """Apply the rule for unknown images."""
    files = results.files
    unknown = [name for name, image in zip(files.names, files.images, strict=True) if image < 0]
    if unknown:
        check_unknown(
            folder,
            "image",
            unknown[0],
            int((results.image_index < 0).sum()),
            len(results.lines),
            where=f"{unknown[0]}.txt",
            allow_unknown=allow_unknown,
        )


def _known_classes(
    results: YoloResults, rows: Ints, n_classes: int, *, allow_unknown: bool
) -> Ints:
    """Return the lines of classes that the ground truth has; apply the rule for the others."""
    classes = results.lines.first_numbers[rows]
    unknown = classes >= n_classes
    if unknown.any():
        first = int(rows[unknown.argmax()])
        check_unknown(
            results.lines.path(first),
            "class",
            f"{classes[unknown.argmax()]:.0f}",
            int(unknown.sum()),
            len(unknown),
            where=results.lines.place(first),
            allow_unknown=allow_unknown,
        )
    return rows[~unknown]


def _not_a_box(results: YoloResults, row: int) -> InputError:
    return InputError(
        results.lines.path(row),
        f"is not a box in pixels: {results.boxes[row].tolist()}",
        where=results.lines.place(row),
        fix="write fractions of the image",
    )


def _check_fractions(folder: Path, cxcywh: Floats) -> None:
    n_outside = count_outside(cxcywh)
    if 2 * n_outside > len(cxcywh):
        raise InputError(
            folder,
            f"{n_outside:,} of {len(cxcywh):,} boxes have values outside 0..1",
            fix="are these pixels? YOLO's boxes are fractions of the image",
        )


def _check_confidence_position(folder: Path, cxcywh: Floats, scores: Floats) -> None:
    """Refuse the confidence before the box, where globox, among others, writes it."""
    if len(cxcywh) < _MIN_LINES:
        return
    shifted = np.column_stack([cxcywh[:, 1:], scores])
    if (
        boxes_in_image(cxcywh).mean() < _MAX_SHARE
        and boxes_in_image(shifted).mean() >= _MIN_SHIFTED_SHARE
    ):
        raise InputError(
            folder,
            "the confidence seems to be second, before the box",
            fix="write `class cx cy w h confidence`; `detbench doctor` can do so",
        )
