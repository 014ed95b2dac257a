"""YOLOv1: boxes of a cell relative to the cell and the image, without anchors.

The paper's layout is S × S × (B · 5 + C), and implementations agree on nothing more. The options
say the rest: the order within a cell, whether sizes are their square roots, and whether the model
applies the activations itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.arithmetic import (
    cxcywh_to_xyxy,
    rows_at_least,
    select_scores,
    sigmoid,
    softmax,
)
from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
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
_MAX_CELLS = 64
"""Along a side; more are no grid of this kind."""


@dataclass(frozen=True)
class CellBox:
    """Two outputs of g × g cells with one box per cell: `box (B, g, g, 5)`, `class (B, g, g, C)`.

    A box is x, y, w, h, confidence; x and y run from 0 to 1 across the cell.
    score = confidence · class probability; every class of at least the minimum score counts.
    """

    name: ClassVar[str] = "cellbox"
    layout: ClassVar[str] = (
        "box (B, g, g, 5) and class (B, g, g, C): one box per cell, x and y relative to the cell"
    )
    source: ClassVar[str] = (
        "J. Redmon et al., You Only Look Once (arXiv:1506.02640), section 2, with one box per "
        "cell; the split into two outputs is a convention of tutorials"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.5, class_agnostic=False, top_k=300
    )

    sizes: str = "image"
    """The unit of w and h.

    `image`: fractions of the input's sides; `sqrt`: square roots of these fractions; `cell`:
    multiples of the cell's sides.
    """
    values: str = "final"
    """`final`: values are used as they are; `logits`: sigmoid for boxes, softmax for classes."""
    box: str = "xywhc"
    """Order of a box's five values; c is the confidence."""

    def __post_init__(self) -> None:
        _check_choices(self, ("sizes", "values", "box"))

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on black, RGB / 255; some models pad on one side only (fit=)."""
        return Preprocessing(size, "letterbox", pad_value=0, layout="nhwc")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """The other output than the boxes holds the classes; certain if the names say so."""
        grids = {name: shape for name, shape in shapes.outputs.items() if len(shape) == 4}
        if len(grids) != 2 or len(shapes.outputs) != 2 or (boxes := _box_output(grids)) is None:
            return None
        (classes,) = (name for name in grids if name != boxes)
        if grids[boxes][1:3] != grids[classes][1:3]:
            return None
        is_named = "box" in boxes.lower() and "class" in classes.lower()
        return LayoutMatch(grids[classes][3], certain=is_named)

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `min_score`."""
        boxes = _box_output({name: values.shape for name, values in raw.outputs.items()})
        assert boxes is not None  # noqa: S101  checked by `match_layout`
        (classes,) = (name for name in raw.outputs if name != boxes)
        cells = [
            _Cells(_to_xywhc(image_boxes, self.box)[:, :, None], image_classes)
            for image_boxes, image_classes in zip(
                raw.outputs[boxes], raw.outputs[classes], strict=True
            )
        ]
        return [
            _decode(image, self.sizes, self.values, raw.input_size, min_score) for image in cells
        ]


@dataclass(frozen=True)
class YoloV1:
    """One output `(B, g · g, C + B · 5)`, cells row by row: the cell's classes and its boxes.

    A box is x, y, w, h, confidence; x and y are relative to the cell, score = confidence · class
    probability, as in Darknet's detection layer. Darknet's own models have sizes `sqrt`, and their
    output is grouped by kind of value instead of by cell.

    Many layouts have such shapes, so this decoder is only used if named by `decoder=yolov1`.
    """

    name: ClassVar[str] = "yolov1"
    layout: ClassVar[str] = (
        "(B, g · g, C + boxes · 5): classes of a cell, then its boxes, x and y relative to the cell"
    )
    source: ClassVar[str] = (
        "J. Redmon et al. (arXiv:1506.02640), section 2; detection layer and cfg/yolov1.cfg of "
        "https://github.com/pjreddie/darknet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.5, class_agnostic=False, top_k=300
    )

    boxes: int = 2
    """Boxes per cell."""
    order: str = "classes-boxes"
    """Order within a cell.

    `classes-confidences-boxes` has the confidences of all boxes before their x, y, w, h.
    """
    box: str = "xywhc"
    """Order of a box's five values; c is the confidence."""
    sizes: str = "image"
    """As in `CellBox`."""
    values: str = "final"
    """As in `CellBox`."""

    def __post_init__(self) -> None:
        _check_choices(self, ("order", "box", "sizes", "values"))
        if self.boxes < 1:
            raise DetbenchError(f"option boxes={self.boxes}: must be at least 1")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch", layout="nhwc")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """A square number of rows; the columns after the boxes are classes. Never certain."""
        _, n_cells, columns = shapes.only(3)
        class_count = columns - 5 * self.boxes
        is_grid = _grid_side(n_cells) > 0
        return LayoutMatch(class_count, certain=False) if is_grid and class_count > 0 else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every box that scores at least `min_score`."""
        candidates = []
        for values in raw.only(3):
            side = _grid_side(len(values))
            cells = self._cells(values.reshape(side, side, -1))
            candidates.append(_decode(cells, self.sizes, self.values, raw.input_size, min_score))
        return candidates

    def _cells(self, grid: NDArray[Any]) -> _Cells:
        """Split the values of cells (g, g, C + B · 5) into boxes and classes."""
        n_values = 5 * self.boxes
        if self.order == "boxes-classes":
            boxes, classes = grid[..., :n_values], grid[..., n_values:]
        else:
            classes, boxes = grid[..., :-n_values], grid[..., -n_values:]
        # All confidences of the cell come first, then x, y, w, h box by box.
        if self.order == "classes-confidences-boxes":
            confidences = boxes[..., : self.boxes, None]
            xywh = boxes[..., self.boxes :].reshape(*grid.shape[:2], self.boxes, 4)
            return _Cells(np.concatenate([xywh, confidences], axis=-1), classes)
        return _Cells(_to_xywhc(boxes.reshape(*grid.shape[:2], self.boxes, 5), self.box), classes)


@dataclass(frozen=True, eq=False)
class _Cells:
    """The values of one image's grid."""

    boxes: NDArray[Any]
    """(rows, columns, B, 5) x, y, w, h, confidence."""
    classes: NDArray[Any]
    """(rows, columns, C)"""


def _decode(
    cells: _Cells, sizes: str, values: str, input_size: tuple[int, int], min_score: float
) -> Candidates:
    """Return what scores at least `min_score` in a grid; `sizes`, `values` as in `CellBox`."""
    # 1. One row per box; the classes of a cell belong to all its boxes.
    rows, columns, n_boxes, _ = cells.boxes.shape
    boxes = cells.boxes.reshape(-1, 5).astype(np.float64)
    cell_classes = cells.classes.reshape(rows * columns, -1).astype(np.float64)
    probabilities = np.repeat(cell_classes, n_boxes, axis=0)

    # 2. Activations, if the model has none.
    if values == "logits":
        boxes, probabilities = sigmoid(boxes), softmax(probabilities)

    # 3. Score = confidence · class probability. The best class drops most boxes early.
    likely = rows_at_least(boxes[:, 4] * probabilities.max(axis=1, initial=0.0), min_score)
    box_scores = probabilities[likely] * boxes[likely, 4:5]
    selected, classes, scores = select_scores(box_scores, min_score, multi_label=True)
    kept = likely[selected]

    # 4. Centers: from fractions of a cell to pixels of the input. Sizes: by their unit.
    y, x = np.divmod(kept // n_boxes, columns)
    cell_size = np.array([input_size[0] / columns, input_size[1] / rows])
    centers = (boxes[kept, :2] + np.stack([x, y], axis=1)) * cell_size
    extents = _to_pixels(boxes[kept, 2:4], sizes, input_size, cell_size)
    corners = cxcywh_to_xyxy(np.concatenate([centers, extents], axis=1))
    return Candidates(corners, scores, classes)


def _to_pixels(
    extents: Floats, sizes: str, input_size: tuple[int, int], cell_size: Floats
) -> Floats:
    """Return width and height (k, 2) in pixels of the input."""
    if sizes == "cell":
        return np.asarray(extents * cell_size)
    fractions = extents**2 if sizes == "sqrt" else extents
    return np.asarray(fractions * np.array(input_size))


def _to_xywhc(boxes: NDArray[Any], order: str) -> NDArray[Any]:
    return boxes if order == "xywhc" else np.roll(boxes, -1, axis=-1)


def _box_output(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return the output with five values a cell; of several the one named box, or the first."""
    names = [name for name, shape in shapes.items() if shape[-1] == 5]
    return next((name for name in names if "box" in name.lower()), names[0] if names else None)


def _grid_side(n_cells: int) -> int:
    """Return the number of cells along a side of a square grid, 0 for other numbers of cells."""
    side = round(n_cells**0.5)
    return side if side * side == n_cells and 1 <= side <= _MAX_CELLS else 0


def _check_choices(decoder: object, names: tuple[str, ...]) -> None:
    for name in names:
        if (value := getattr(decoder, name)) not in _CHOICES[name]:
            raise DetbenchError(f"option {name}={value}: must be {' or '.join(_CHOICES[name])}")
