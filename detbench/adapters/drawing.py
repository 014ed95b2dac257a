"""Drawing: boxes on an image; ground truth dashed, detections labeled in a color per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

CLASS_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito without its yellow and black."""
_DASH_COLOR, _GAP_COLOR, _TEXT_COLOR = "#ffffff", "#000000", "#ffffff"
_LINE_WIDTH = 3
_DASH_LENGTH, _DASH_STEP = 6, 10
_LABEL_HEIGHT, _FONT_SIZE = 17, 13


def draw_ground_truth(draw: ImageDraw, box: NDArray[np.float64]) -> None:
    """Draw a box (4,) x1, y1, x2, y2 as a white dashed line on black."""
    x1, y1, x2, y2 = box.tolist()
    draw.rectangle((x1, y1, x2, y2), outline=_GAP_COLOR, width=_LINE_WIDTH)
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = max(abs(bx - ax), abs(by - ay), 1.0)
        for start in np.arange(0, length, _DASH_STEP):
            end = min(start + _DASH_LENGTH, length)
            points = [
                (ax + (bx - ax) * distance / length, ay + (by - ay) * distance / length)
                for distance in (start, end)
            ]
            draw.line(points, fill=_DASH_COLOR, width=_LINE_WIDTH - 1)


def draw_detection(draw: ImageDraw, box: NDArray[np.float64], label: str, class_index: int) -> None:
    """Draw a box (4,) in the color of its class, with a label at its upper left corner.

    The label stands above the box, or inside if there is no room above.
    """
    from PIL import ImageFont

    x1, y1, x2, y2 = box.tolist()
    color = CLASS_COLORS[class_index % len(CLASS_COLORS)]
    draw.rectangle((x1, y1, x2, y2), outline=color, width=_LINE_WIDTH)
    font = ImageFont.load_default(size=_FONT_SIZE)
    top = y1 - _LABEL_HEIGHT if y1 >= _LABEL_HEIGHT else y1
    left, upper, right, lower = draw.textbbox((x1 + 3, top), label, font=font)
    draw.rectangle((left - 3, upper - 2, right + 3, lower + 2), fill=color)
    draw.text((x1 + 3, top), label, fill=_TEXT_COLOR, font=font)
