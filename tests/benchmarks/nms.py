"""Compare NMS of 10,000 boxes with a loop in numpy; prints a table of docs/performance.md.

python tests/benchmarks/nms.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.nms import nms

BOXES = 10_000
IOU = 0.5
ROUNDS = 15
SIZES = {
    "small boxes, most are kept": (10, 100, 1000),
    "large boxes, most are suppressed": (20, 300, 640),
}
"""Shortest and longest side of a box, and side of the image."""


def make(
    shortest: float, longest: float, image: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return random boxes (N, 4) and scores (N,)."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, image, (BOXES, 2))
    return np.hstack([corner, corner + rng.uniform(shortest, longest, (BOXES, 2))]), rng.random(
        BOXES
    )


def numpy_loop(boxes: NDArray[np.float64], scores: NDArray[np.float64], iou: float) -> list[int]:
    """Suppress by the common loop: one kept box against all remaining boxes at a time."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        order = rest[common / (areas[best] + areas[rest] - common) <= iou]
    return kept


def milliseconds(function: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    """Time both in turn, after one call that is dropped."""
    print(
        "| 10,000 boxes | kept | detbench ms | numpy loop ms | ratio: median (range) |\n"
        "|---|---|---|---|---|"
    )
    for title, sizes in SIZES.items():
        boxes, scores = make(*sizes)
        kept = nms(boxes, scores, iou=IOU)
        if kept.tolist() != numpy_loop(boxes, scores, IOU):
            raise SystemExit(f"{title}: the two disagree")
        pairs = [
            (
                milliseconds(lambda: nms(boxes, scores, iou=IOU)),  # noqa: B023
                milliseconds(lambda: numpy_loop(boxes, scores, IOU)),  # noqa: B023
            )
            for _ in range(ROUNDS)
        ]
        ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios = [loop / kernel for kernel, loop in pairs]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"| {title} | {len(kept):,} | {ours:.1f} | {theirs:.1f} | {spread} |")


if __name__ == "__main__":
    main()
