"""YOLOv1's layouts: boxes of a cell relative to the cell and the picture, without anchors, as people train them from the paper.

The paper's layout is S × S × (B · 5 + C); what implementations agree on ends there. Options say the rest: the order within a cell, whether
sizes are their square roots, and whether the model's last layer has activations already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    corners,
    reaching,
    sigmoid,
    softmax,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_CHOICES = {
    "sizes": ("image", "sqrt", "cell"),
    "values": ("final", "logits"),
    "box": ("xywhc", "cxywh"),
    "order": ("classes-boxes", "classes-confidences-boxes", "boxes-classes"),
}
_MOST_CELLS = 64
"""Along a side; more are no grid of this kind."""


@dataclass(frozen=True)
class CellBox:
    """Two outputs of g × g cells: `box (B, g, g, 5)`, x, y, w, h, confidence, and `class (B, g, g, C)`; one box per cell.

    x and y run from 0 to 1 across the cell; score = confidence · class probability; every class above the floor counts. Recognised by one
    output with `box` and one with `class` in its name; else name `decoder=cellbox`.
    """

    name: ClassVar[str] = "cellbox"
    layout: ClassVar[str] = (
        "box (B, g, g, 5) and class (B, g, g, C): one box per cell, x and y relative to the cell"
    )
    source: ClassVar[str] = (
        "J. Redmon et al., You Only Look Once (arXiv:1506.02640), section 2, with one box per cell; the split is convention"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.5, class_agnostic=False, top_k=300
    )

    sizes: str = "image"
    """What w and h are: shares of the input's sides (`image`), their square roots (`sqrt`), or multiples of the cell's sides (`cell`)."""
    values: str = "final"
    """Whether values are taken as they are (`final`), or through a sigmoid, classes through a softmax, first (`logits`)."""
    box: str = "xywhc"
    """Order of a box's five values; c is the confidence."""

    def __post_init__(self) -> None:
        _check_choices(self, ("sizes", "values", "box"))

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of black, RGB / 255; whether the padding is on one side only is the model's own convention."""
        return Preprocessing(size, "letterbox", pad_value=0, layout="nhwc")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """The last axis of the output that is not the boxes'; sure where the outputs are named so."""
        grids = {name: shape for name, shape in shapes.outputs.items() if len(shape) == 4}
        if len(grids) != 2 or len(shapes.outputs) != 2 or (boxes := _box_name(grids)) is None:
            return None
        (classes,) = (name for name in grids if name != boxes)
        if grids[boxes][1:3] != grids[classes][1:3]:
            return None
        return LayoutMatch(grids[classes][3], sure="box" in boxes.lower() and "class" in classes.lower())

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `floor`."""
        boxes = _box_name({name: values.shape for name, values in raw.outputs.items()})
        assert boxes is not None  # noqa: S101  checked by `fits`
        (classes,) = (name for name in raw.outputs if name != boxes)
        return [
            _found(_xywhc(box, self.box)[:, :, None], kinds, self.sizes, self.values, raw, floor)
            for box, kinds in zip(raw.outputs[boxes], raw.outputs[classes], strict=True)
        ]


@dataclass(frozen=True)
class YoloV1:
    """One output `(B, g · g, C + B · 5)`, cells row by row: the classes of the cell and `boxes` boxes of x, y, w, h, confidence.

    The shapes of many layouts look like this one: it is never chosen unasked. As in the detection layer of Darknet, x and y are relative to
    the cell and score = confidence · class probability; Darknet's own layers have sizes `sqrt`, and lie flat by kind and not by cell.
    """

    name: ClassVar[str] = "yolov1"
    layout: ClassVar[str] = (
        "(B, g · g, C + boxes · 5): classes of a cell, then its boxes, x and y relative to the cell"
    )
    source: ClassVar[str] = (
        "J. Redmon et al. (arXiv:1506.02640), section 2; detection layer and cfg/yolov1.cfg of https://github.com/pjreddie/darknet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.5, class_agnostic=False, top_k=300
    )

    boxes: int = 2
    """Boxes per cell."""
    order: str = "classes-boxes"
    """What comes first in a cell; `classes-confidences-boxes` has the confidences of all boxes before their x, y, w, h."""
    box: str = "xywhc"
    """Order of a box's five values; c is the confidence."""
    sizes: str = "image"
    """As those of `cellbox`."""
    values: str = "final"
    """As those of `cellbox`."""

    def __post_init__(self) -> None:
        _check_choices(self, ("order", "box", "sizes", "values"))
        if self.boxes < 1:
            raise DetbenchError(f"option boxes={self.boxes}: must be at least 1")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch", layout="nhwc")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """What is left of the columns; never sure."""
        _, cells, columns = shapes.only(3)
        side = _side(cells)
        return (
            LayoutMatch(columns - 5 * self.boxes, sure=False) if side and columns > 5 * self.boxes else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every box that scores at least `floor`."""
        found = []
        for picture in raw.only(3):
            side = _side(len(picture))
            grid = picture.reshape(side, side, -1)
            boxes, classes = self._parts(grid)
            found.append(_found(boxes, classes, self.sizes, self.values, raw, floor))
        return found

    def _parts(self, grid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return boxes (g, g, B, 5) as x, y, w, h, confidence and classes (g, g, C)."""
        values = 5 * self.boxes
        if self.order == "boxes-classes":
            boxes, classes = grid[..., :values], grid[..., values:]
        else:
            classes, boxes = grid[..., :-values], grid[..., -values:]
        if self.order == "classes-confidences-boxes":
            places = boxes[..., self.boxes :].reshape(*grid.shape[:2], self.boxes, 4)
            return np.concatenate([places, boxes[..., : self.boxes, None]], axis=-1), classes
        return _xywhc(boxes.reshape(*grid.shape[:2], self.boxes, 5), self.box), classes


def _found(
    boxes: NDArray[Any], classes: NDArray[Any], sizes: str, values: str, raw: RawOutputs, floor: float
) -> Candidates:
    """Return what reaches the floor of boxes (h, w, B, 5) as x, y, w, h, confidence and classes (h, w, C)."""
    rows, columns, count, _ = boxes.shape
    flat = boxes.reshape(-1, 5).astype(np.float64)
    chances = np.repeat(classes.reshape(rows * columns, -1).astype(np.float64), count, axis=0)
    if values == "logits":
        flat, chances = sigmoid(flat), softmax(chances)
    likely = reaching(flat[:, 4] * chances.max(axis=1, initial=0.0), floor)
    which, kinds, scores = above(chances[likely] * flat[likely, 4:5], floor, multi_label=True)
    where = likely[which]
    y, x = np.divmod(where // count, columns)
    cell = np.array([raw.input_size[0] / columns, raw.input_size[1] / rows])
    centers = (flat[where, :2] + np.stack([x, y], axis=1)) * cell
    return Candidates(
        corners(np.concatenate([centers, _sides(flat[where, 2:4], sizes, raw, cell)], axis=1)),
        scores,
        kinds,
    )


def _sides(shares: Floats, sizes: str, raw: RawOutputs, cell: Floats) -> Floats:
    if sizes == "cell":
        return np.asarray(shares * cell)
    return np.asarray((shares**2 if sizes == "sqrt" else shares) * np.array(raw.input_size))


def _xywhc(boxes: NDArray[Any], order: str) -> NDArray[Any]:
    return boxes if order == "xywhc" else np.roll(boxes, -1, axis=-1)


def _box_name(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return which output holds boxes: of those with five values the one named so, else the first."""
    five = [name for name, shape in shapes.items() if shape[-1] == 5]
    return next((name for name in five if "box" in name.lower()), five[0] if five else None)


def _side(cells: int) -> int:
    """Return how many cells are along a side of a square grid, 0 where there is none."""
    side = round(cells**0.5)
    return side if side * side == cells and 1 <= side <= _MOST_CELLS else 0


def _check_choices(decoder: object, names: tuple[str, ...]) -> None:
    for name in names:
        if (value := getattr(decoder, name)) not in _CHOICES[name]:
            raise DetbenchError(f"option {name}={value}: must be {' or '.join(_CHOICES[name])}")
