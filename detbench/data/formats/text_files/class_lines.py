"""Class lines: which of the numbers behind a class are the box and the score, by evidence.

`class left top right bottom` is the documented order, with the score behind the class. Files of
the same look have `left top width height`, fractions, centers, or the score at the end. A reading
is contradicted by boxes that are inverted or leave the image. Where none is, left and right of
corners grow together, as a size does not with a position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.formats.labeled_boxes.labeled_boxes import Source
from detbench.data.formats.lenient_files import BoxFormat, Unit
from detbench.data.formats.text_files.label_folder import not_detections, not_ground_truth
from detbench.errors import InputError

LABEL = "`class left top right bottom`"
RESULT = "`class score left top right bottom`"
_NEARLY_ALL = 0.95
_MANY = 0.1
"""Share of lines that must contradict a reading before another one is chosen."""
_SOME = 0.01
"""Share of boxes that must leave the image before centers, or sizes, are ruled out."""
_FEW = 20
"""Number of boxes from which on a correlation says something."""
_GROW_TOGETHER = 0.6
"""Correlation of left with right, or of top with bottom, from which on boxes are corners. It is .77
and more along one of the axes in varied sets, and at most .45 for sizes, even on fixed cameras."""
_TOLERANCE = 1e-3
"""How far a fraction may lie outside 0..1, which rounding explains."""
_ORDERS = {"xyxy": "left top right bottom", "xywh": "left top width height"}
_COLUMNS = {"xyxy": "xmin,ymin,xmax,ymax", "xywh": "x,y,w,h", "cxcywh": "cx,cy,w,h"}


@dataclass(frozen=True)
class Layout:
    """What the numbers behind a class are."""

    n_numbers: int
    first_of_box: int = 0
    """Position of the first of the four numbers of the box."""
    score: int | None = None
    """Position of the score; None for labels."""
    difficult: int | None = None
    """Position of a flag behind the box of a label."""
    box_format: BoxFormat = "xyxy"
    unit: Unit = "pixels"
    note: str = ""
    """The evidence for a reading that is not the documented one."""

    def box(self, numbers: Sequence[str]) -> Sequence[str]:
        """Return the four numbers of the box out of those of a line."""
        return numbers[self.first_of_box : self.first_of_box + 4]


def choose_layout(source: Source, numbers: Floats, image_sizes: Callable[[], Floats]) -> Layout:
    """Return what the numbers are.

    Args:
        source: What is asked for.
        numbers: (N, 4) or (N, 5), the numbers behind the class of every line, all finite; N > 0.
        image_sizes: Returns (N, 2) width and height of the image of each line, NaN if unknown.

    Raises:
        InputError: These are labels and detections are asked for, or the other way round; or the
            numbers fit several readings.
    """
    layout = _choose_score(source, numbers)
    boxes = numbers[:, layout.first_of_box : layout.first_of_box + 4]
    if _are_fractions(boxes):
        box_format = _format_of_fractions(source, boxes, layout)
        note = f"boxes are read as {_words(box_format)} in fractions of the image: "
        note += "all numbers lie in 0..1"
        return _with_box(layout, box_format, "fractions", note)
    return _with_pixels(source, layout, boxes, image_sizes)


def _with_pixels(
    source: Source, layout: Layout, boxes: Floats, image_sizes: Callable[[], Floats]
) -> Layout:
    """Choose between corners, a corner with a size, and a center with a size, for boxes (N, 4)."""
    n_boxes, n_inverted = len(boxes), int(_inverted(boxes).sum())
    if n_inverted < _MANY * n_boxes or (boxes[:, 2:] < 0).any() or _are_exchanged(boxes):
        note = ""
        if not n_inverted and fit_as_sizes(boxes, image_sizes):
            which = "so few boxes" if n_boxes < _FEW else "all boxes"
            note = (
                f"boxes are read as left top right bottom, but {which} also fit left top width "
                f"height; if they are that, add --columns {_columns_option(source, layout, 'xywh')}"
            )
        return _with_box(layout, "xyxy", "pixels", note)
    first, lengths = boxes[:, :2], boxes[:, 2:]
    leaves_image = (first < lengths / 2 - 1).any(axis=1)
    contradiction = f"{n_inverted:,} of {n_boxes:,} lines have right < left or bottom < top"
    if leaves_image.mean() < _SOME:
        raise InputError(
            source.path,
            f"{contradiction}: its boxes can be left top width height, or the center and the size",
            fix=f"state the columns: --columns {_columns_option(source, layout, 'xywh')}, "
            "or cx,cy for the center",
        )
    note = f"boxes are read as left top width height: {contradiction}"
    return _with_box(layout, "xywh", "pixels", note)


def fit_as_sizes(boxes: Floats, image_sizes: Callable[[], Floats]) -> bool:
    """Tell whether boxes (N, 4) that can be corners can be `left top width height` as well.

    They cannot if their numbers grow together as those of corners do, or if they would leave their
    images.
    """
    if len(boxes) >= _FEW:
        deviations = boxes - boxes.mean(axis=0)
        products = (deviations[:, :2] * deviations[:, 2:]).sum(axis=0)
        lengths = np.sqrt((deviations**2).sum(axis=0))
        if (products > _GROW_TOGETHER * lengths[:2] * lengths[2:]).any():
            return False
    beyond = boxes[:, :2] + boxes[:, 2:] > image_sizes() + 1  # never beyond an unknown size
    return bool(beyond.any(axis=1).mean() < _SOME)


def _choose_score(source: Source, numbers: Floats) -> Layout:
    """Find the score, or the flag of a label, among five numbers."""
    if numbers.shape[1] == 4:
        if source.scored:
            raise not_detections(source.path, RESULT)
        return Layout(4)
    are_scores = [_are_scores(numbers[:, 0]), _are_scores(numbers[:, -1])]
    if all(are_scores):
        if _are_fractions(numbers):
            raise _ambiguous_order(source)
        # Boxes that start at the left edge of the image have a first number in 0..1, too.
        are_scores = [_are_boxes(numbers[:, 1:]), _are_boxes(numbers[:, :4])]
        if all(are_scores) or not any(are_scores):
            raise _ambiguous_order(source)
    if not are_scores[1]:
        if not source.scored:
            raise not_ground_truth(source.path, LABEL)
        return Layout(5, first_of_box=1, score=0)
    if source.scored:
        note = "the score is read as the last number: the last of every line lies in 0..1"
        return Layout(5, score=4, note=note)
    if not np.isin(numbers[:, -1], (0, 1)).all():
        raise not_ground_truth(source.path, LABEL)
    return Layout(5, difficult=4)


def _format_of_fractions(source: Source, boxes: Floats, layout: Layout) -> BoxFormat:
    """Return the only format that fractions (N, 4) do not contradict."""
    first, second = boxes[:, :2], boxes[:, 2:]
    end, start = 1 + _TOLERANCE, -_TOLERANCE
    leaves_start, leaves_end = first - second / 2 < start, first + second / 2 > end
    contradicted: dict[BoxFormat, Flags] = {
        "xyxy": _inverted(boxes),
        "xywh": np.asarray((first + second > end).any(axis=1)),
        "cxcywh": np.asarray((leaves_start | leaves_end).any(axis=1)),
    }
    shares = {name: float(flags.mean()) for name, flags in contradicted.items()}
    fitting = [name for name, share in shares.items() if share < _MANY]
    if len(fitting) == 1 and shares[fitting[0]] <= 1 - _NEARLY_ALL:
        return fitting[0]
    readings = " and ".join(_words(name) for name in fitting or shares)
    raise InputError(
        source.path,
        f"its boxes are fractions of the image, and {readings} are possible readings",
        fix="state the columns: --columns "
        f"{_columns_option(source, layout, (fitting or ['cxcywh'])[-1])}",
    )


def _ambiguous_order(source: Source) -> InputError:
    what = "score" if source.scored else "flag"
    order = "class,score,xmin,ymin,xmax,ymax, or class,cx,cy,w,h,score"
    if not source.scored:
        order = "class,xmin,ymin,xmax,ymax,difficult"
    return InputError(
        source.path,
        f"the first and the last of its five numbers can both be the {what}",
        fix=f"state the columns: --columns {_side(source)}:{order}",
    )


def _columns_option(source: Source, layout: Layout, box_format: BoxFormat) -> str:
    """Return what to write behind --columns for a layout with another format of boxes."""
    names = [_COLUMNS[box_format]]
    if layout.score is not None:
        names.insert(0 if layout.score == 0 else 1, "score")
    if layout.difficult is not None:
        names.append("difficult")
    return f"{_side(source)}:{','.join(['class', *names])}"


def _side(source: Source) -> str:
    return "detections" if source.scored else "ground-truth"


def _words(box_format: BoxFormat) -> str:
    return _ORDERS.get(box_format, "center x, center y, width, height")


def _with_box(layout: Layout, box_format: BoxFormat, unit: Unit, note: str) -> Layout:
    notes = "; ".join(filter(None, [layout.note, note]))
    return replace(layout, box_format=box_format, unit=unit, note=notes)


def _are_exchanged(boxes: Floats) -> bool:
    """Tell whether left and right, or top and bottom, of corners (N, 4) are exchanged.

    Sizes are smaller than positions along both axes in some of the lines.
    """
    inverted = (boxes[:, 2:] < boxes[:, :2]).mean(axis=0)
    return bool(inverted.max() >= _NEARLY_ALL and inverted.min() <= 1 - _NEARLY_ALL)


def _are_scores(numbers: Floats) -> bool:
    return bool(((numbers >= 0) & (numbers <= 1)).mean() >= _NEARLY_ALL)


def _are_boxes(boxes: Floats) -> bool:
    """Tell whether numbers (N, 4) are pixels, and few boxes are inverted or without extent."""
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    return bool(flat.mean() < _MANY)


def _are_fractions(boxes: Floats) -> bool:
    return bool((np.abs(boxes) <= 1 + _TOLERANCE).all())


def _inverted(boxes: Floats) -> Flags:
    return np.asarray((boxes[:, 2:] < boxes[:, :2]).any(axis=1))
