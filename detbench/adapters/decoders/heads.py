"""Two heads of equally many rows, boxes and classes: which is which, by their columns, else by their names."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import OutputShapes, RawOutputs


def class_head(shapes: OutputShapes) -> tuple[int, int]:
    """Return rows and columns of the classes, zeros where the outputs of three axes are not two heads of equally many rows."""
    heads = [(name, shape) for name, shape in shapes.outputs.items() if len(shape) == 3]
    if len(heads) != 2 or heads[0][1][1] != heads[1][1][1]:
        return 0, 0
    (one, first), (other, second) = heads
    if _is_boxes(one, first[2], second[2]):
        return second[1], second[2]
    return (first[1], first[2]) if _is_boxes(other, second[2], first[2]) else (0, 0)


def classes_and_boxes(raw: RawOutputs) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the two heads (B, n, …)."""
    (one, first), (_, second) = (
        (name, values) for name, values in raw.outputs.items() if values.ndim == 3
    )
    return (second, first) if _is_boxes(one, first.shape[2], second.shape[2]) else (first, second)


def _is_boxes(name: str, columns: int, other: int) -> bool:
    """Whether an output with as many columns, beside one with `other`, holds the boxes."""
    return columns == 4 and (other != 4 or "box" in name.lower())
