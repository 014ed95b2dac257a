"""Grid: the cells and anchors of a YOLO's output, and how its predictions are numbered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """The cells of a model's output and the anchors in each cell.

    The model predicts one box per slot; slot = (row · columns + column) · anchors + anchor.
    """

    columns: int
    rows: int
    stride: int
    """Input pixels per cell."""
    anchors: tuple[tuple[float, float], ...]
    """Widths and heights in cells."""

    @property
    def slots(self) -> int:
        """Number of boxes that the model predicts."""
        return self.columns * self.rows * len(self.anchors)
