"""Drawing of one image of the shapes dataset: colored shapes and words on a textured background.

Every shape is a hard-edged mask; later ones cover earlier ones. A box bounds the visible pixels of
its shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle", "word")
# fmt: off
_WORDS = (
    "box", "cat", "dog", "Exit", "fox", "Go", "hat", "Jam", "key", "Lab", "map", "Net", "oak",
    "Pixel", "red", "Stop", "Taxi", "up", "zoo",
)
# fmt: on
_COUNT_PROBABILITIES = [0.03, 0.22, 0.3, 0.25, 0.13, 0.07]
"""Probability of 0, 1, ... 5 shapes in an image."""
_MARGIN = 96
"""Pixels around the image on which masks are drawn too, to know what the border cuts off."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colors = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnImage:
    """An image and its objects."""

    pixels: Pixels
    """(height, width, 3) RGB."""
    classes: list[int] = field(default_factory=list)
    """Indices into SHAPES."""
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)
    """x1, y1, x2, y2 in pixels, continuous edges."""
    truncated: list[bool] = field(default_factory=list)
    """Whether the border cuts off part of the shape."""
    difficult: list[bool] = field(default_factory=list)
    """Whether the shape is mostly covered, tiny, or of nearly the background's color."""


@dataclass(frozen=True)
class _Shape:
    class_index: int
    mask: Mask
    """(height, width) the pixels inside the image."""
    truncated: bool
    faint: bool


def draw_image(rng: np.random.Generator) -> DrawnImage:
    """Draw an image with sides of 128 to 192 pixels and up to five shapes.

    The same state of the generator gives the same pixels.
    """
    width, height = (int(side) for side in rng.integers(128, 193, 2))
    background = _draw_background(rng, width, height)
    # `owner` is the index of the topmost shape at each pixel, −1 for the background.
    canvas, owner = background.copy(), np.full((height, width), -1)
    shapes: list[_Shape] = []
    for _ in range(int(rng.choice([0, 1, 2, 3, 4, 5], p=_COUNT_PROBABILITIES))):
        shape = _place_shape(rng, owner)
        if shape is None:
            continue
        _paint(rng, canvas, background, shape)
        owner[shape.mask] = len(shapes)
        shapes.append(shape)
    # Noise like that of a sensor; its strength varies from image to image.
    noisy = canvas + rng.normal(0, rng.uniform(1, 6), canvas.shape)
    image = DrawnImage(np.clip(noisy, 0, 255).astype(np.uint8))
    # What later shapes have covered is only known at the end.
    for index, shape in enumerate(shapes):
        _annotate(image, shape, owner == index)
    return image


def _annotate(image: DrawnImage, shape: _Shape, visible: Mask) -> None:
    """Add a shape to the objects of an image, unless hardly any of it is visible."""
    visible_share = visible.sum() / shape.mask.sum()
    if visible_share < 0.15 or visible.sum() < 20:
        return
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    tiny = min(box[2] - box[0], box[3] - box[1]) < 9
    image.classes.append(shape.class_index)
    image.boxes.append(box)
    image.truncated.append(shape.truncated)
    image.difficult.append(bool(visible_share < 0.5 or tiny or shape.faint))


def _draw_background(rng: np.random.Generator, width: int, height: int) -> Colors:
    """Return a background (height, width, 3): clouds of a muted color, a pattern, a few lines."""
    from PIL import Image, ImageDraw

    color = rng.uniform(60, 200) + rng.normal(0, 18, 3)
    background = color + _draw_clouds(rng, width, height)

    # The pattern is nothing, stripes or checks, at a random angle.
    y, x = np.mgrid[:height, :width]
    angle, period, strength = rng.uniform(0, math.pi), rng.uniform(5, 24), rng.uniform(4, 16)
    wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * math.tau / period)
    across = np.sin((y * math.cos(angle) - x * math.sin(angle)) * math.tau / period)
    pattern = (0 * wave, wave, np.sign(wave * across))[int(rng.integers(3))]
    background += strength * pattern[:, :, None]

    image = Image.fromarray(np.clip(background, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 4))):
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        shade = np.clip(color + rng.normal(0, 40, 3), 0, 255).astype(int)
        pen.line(ends, fill=tuple(shade.tolist()), width=int(rng.integers(1, 3)))
    return np.asarray(image).astype(np.float64)


def _draw_clouds(rng: np.random.Generator, width: int, height: int) -> Colors:
    """Return noise (height, width, 3) that varies smoothly, by enlarging a few random cells."""
    from PIL import Image

    cells = rng.normal(0, rng.uniform(6, 24), (int(rng.integers(3, 9)), int(rng.integers(3, 9)), 3))
    channels = [
        Image.fromarray(cells[:, :, channel].astype(np.float32)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for channel in range(3)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _place_shape(rng: np.random.Generator, owner: NDArray[np.int64]) -> _Shape | None:
    """Return a random shape that covers little of the others; None if eight attempts fail."""
    height, width = owner.shape
    class_index = int(rng.integers(len(SHAPES)))
    # One in twenty is tiny.
    size = rng.uniform(8, 14) if rng.random() < 0.05 else rng.uniform(20, 72)
    # One in five may reach over the border, one in eight may cover others.
    edge = -0.05 if rng.random() < 0.2 else 0.18
    may_cover, faint = rng.random() < 0.12, rng.random() < 0.05
    canvas = (width + 2 * _MARGIN, height + 2 * _MARGIN)
    for _ in range(8):
        center = rng.uniform(edge, 1 - edge, 2) * (width, height)
        full_mask = _draw_mask(rng, class_index, size, center + _MARGIN, canvas)
        mask = full_mask[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        # Too much of it lies outside the image.
        n_visible = mask.sum()
        if n_visible < max(20, 0.4 * full_mask.sum()):
            continue
        if may_cover or (owner[mask] >= 0).sum() < 0.04 * n_visible:
            return _Shape(class_index, mask, bool(n_visible < full_mask.sum()), faint)
    return None


def _draw_mask(
    rng: np.random.Generator,
    class_index: int,
    size: float,
    center: NDArray[np.float64],
    canvas: tuple[int, int],
) -> Mask:
    """Return the pixels (height, width) of a shape of about `size` pixels across."""
    from PIL import Image, ImageDraw

    image = Image.new("1", canvas)
    pen = ImageDraw.Draw(image)
    stretch = np.array([1, rng.uniform(0.85, 1.2)])
    if SHAPES[class_index] == "circle":
        radius = size / 2 * stretch
        pen.ellipse([tuple(center - radius), tuple(center + radius)], fill=1)
    elif SHAPES[class_index] == "word":
        _write_word(rng, pen, size, center)
    else:
        n_corners = 4 if SHAPES[class_index] == "square" else 3
        if n_corners == 3:
            rotation = rng.uniform(0, math.tau)
        else:
            rotation = math.pi / 4 + rng.uniform(-0.35, 0.35)
        angles = rotation + np.arange(n_corners) * math.tau / n_corners
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        points = center + size / math.sqrt(2) * directions * stretch
        pen.polygon([tuple(point) for point in points.tolist()], fill=1)
    return np.asarray(image)


def _write_word(
    rng: np.random.Generator, pen: Any, size: float, center: NDArray[np.float64]
) -> None:
    """Write a word of about `size` pixels across, with letters of at least 9 pixels."""
    from PIL import ImageFont

    word = _WORDS[int(rng.integers(len(_WORDS)))]
    font = ImageFont.load_default(size=max(12.0, 1.7 * size / len(word)))
    pen.fontmode = "1"
    stroke = 1 if size > 30 else 0
    pen.text(tuple(center), word, fill=1, font=font, anchor="mm", stroke_width=stroke)


def _paint(rng: np.random.Generator, canvas: Colors, background: Colors, shape: _Shape) -> None:
    """Fill a shape with a color that stands out, shaded from side to side; a faint one hardly does.

    Faint shapes get a color close to the background's, without shading.
    """
    # The color is chosen by what is behind the shape on average.
    behind = background[shape.mask].mean(axis=0)
    if shape.faint:
        color = behind + _unit_vector(rng) * rng.uniform(28, 40)
    else:
        color = _contrasting_color(rng, behind)
    rows, columns = np.nonzero(shape.mask)
    slope = rng.uniform(-0.35, 0.35, 2)
    shade = slope[0] * (columns - columns.mean()) + slope[1] * (rows - rows.mean())
    canvas[rows, columns] = color + (0 if shape.faint else 1) * shade[:, None]


def _contrasting_color(
    rng: np.random.Generator, behind: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the first of twelve random colors that is far enough away, else the farthest."""
    colors = rng.uniform(0, 255, (12, 3))
    distance = np.linalg.norm(colors - behind, axis=1)
    chosen: NDArray[np.float64] = colors[int(np.argmax(np.minimum(distance, 105)))]
    return chosen


def _unit_vector(rng: np.random.Generator) -> NDArray[np.float64]:
    direction: NDArray[np.float64] = rng.normal(0, 1, 3)
    direction /= np.linalg.norm(direction)
    return direction
