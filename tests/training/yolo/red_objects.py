"""Red objects in images, and where they are found again."""

import numpy as np

from detbench.adapters.preprocessing import Preprocessing

PREPROCESSING = Preprocessing((64, 48), "letterbox", pad_value=127, layout="nhwc")


def is_red(image):
    """Return which pixels (height, width) are red."""
    red, green, blue = np.moveaxis(image, -1, 0)
    return (red > 1.5 * green) & (red > 1.5 * blue)


def red_box(image):
    """Return the edges x1, y1, x2, y2 of the red pixels."""
    rows, columns = np.nonzero(is_red(image))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
