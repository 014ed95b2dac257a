"""Heads: finds the boxes and the classes among two outputs of equally many rows."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import OutputShapes, RawOutputs


def class_head(shapes: OutputShapes) -> tuple[int, int]:
    """Return rows and columns of the classes.

    They are zeros if the outputs of three axes are not two heads of equally many rows.
    """
    heads = [(name, shape) for name, shape in shapes.outputs.items() if len(shape) == 3]
    if len(heads) != 2 or heads[0][1][1] != heads[1][1][1]:
        return 0, 0
    (name_a, (_, rows, columns_a)), (name_b, (_, _, columns_b)) = heads
    if _is_boxes(name_a, columns_a, columns_b):
        return rows, columns_b
    return (rows, columns_a) if _is_boxes(name_b, columns_b, columns_a) else (0, 0)


def classes_and_boxes(raw: RawOutputs) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the two heads (B, n, C) and (B, n, 4)."""
    (name_a, values_a), (_, values_b) = (
        (name, values) for name, values in raw.outputs.items() if values.ndim == 3
    )
    if _is_boxes(name_a, values_a.shape[2], values_b.shape[2]):
        return values_b, values_a
    return values_a, values_b


def _is_boxes(name: str, columns: int, other_columns: int) -> bool:
    """Return whether an output holds the boxes, by its columns, else by its name."""
    return columns == 4 and (other_columns != 4 or "box" in name.lower())
