"""Drawing: boxes on a picture; ground truth dashed, detections labelled in a color per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

CLASS_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette, without its yellow and black."""
_TRUTH, _AROUND_TRUTH, _LETTERS = "#ffffff", "#000000", "#ffffff"
_LINE = 3
_DASH, _STEP = 6, 10
_LABEL_HEIGHT, _LETTER_HEIGHT = 17, 13


def draw_ground_truth(draw: ImageDraw, box: NDArray[np.float64]) -> None:
    """Draw a box (4,) x1, y1, x2, y2 as a white dashed line on black."""
    x1, y1, x2, y2 = box.tolist()
    draw.rectangle((x1, y1, x2, y2), outline=_AROUND_TRUTH, width=_LINE)
    for (ax, ay), (bx, by) in (
        ((x1, y1), (x2, y1)),
        ((x2, y1), (x2, y2)),
        ((x2, y2), (x1, y2)),
        ((x1, y2), (x1, y1)),
    ):
        length = max(abs(bx - ax), abs(by - ay), 1.0)
        for start in np.arange(0, length, _STEP):
            end = min(start + _DASH, length)
            points = [
                (ax + (bx - ax) * at / length, ay + (by - ay) * at / length) for at in (start, end)
            ]
            draw.line(points, fill=_TRUTH, width=_LINE - 1)


def draw_detection(draw: ImageDraw, box: NDArray[np.float64], label: str, class_index: int) -> None:
    """Draw a box (4,) in its class's color, its label above the left upper corner, or inside where there is no room above."""
    from PIL import ImageFont

    x1, y1, x2, y2 = box.tolist()
    color = CLASS_COLORS[class_index % len(CLASS_COLORS)]
    draw.rectangle((x1, y1, x2, y2), outline=color, width=_LINE)
    font = ImageFont.load_default(size=_LETTER_HEIGHT)
    top = y1 - _LABEL_HEIGHT if y1 >= _LABEL_HEIGHT else y1
    left, upper, right, lower = draw.textbbox((x1 + 3, top), label, font=font)
    draw.rectangle((left - 3, upper - 2, right + 3, lower + 2), fill=color)
    draw.text((x1 + 3, top), label, fill=_LETTERS, font=font)
