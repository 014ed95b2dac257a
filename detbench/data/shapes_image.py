"""Draws one picture of the shapes dataset: coloured shapes and short words on a textured ground, with what is where.

Every shape is a hard-edged mask; later ones cover earlier ones. A box bounds the pixels of its shape that can be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle", "word")
_WORDS = (
    "box",
    "cat",
    "dog",
    "Exit",
    "fox",
    "Go",
    "hat",
    "Jam",
    "key",
    "Lab",
    "map",
    "Net",
    "oak",
    "Pixel",
    "red",
    "Stop",
    "Taxi",
    "up",
    "zoo",
)
_MARGIN = 96
"""Pixels around the picture on which masks are drawn too, so that it is known what the border cuts off."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Picture:
    """A drawn picture and its objects."""

    pixels: Pixels
    """(height, width, 3) RGB."""
    classes: list[int] = field(default_factory=list)
    """Indices into SHAPES."""
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)
    """x1, y1, x2, y2 in pixels, continuous edges."""
    truncated: list[bool] = field(default_factory=list)
    """The border cuts off some of the shape."""
    difficult: list[bool] = field(default_factory=list)
    """Mostly hidden, tiny, or hardly different from the ground."""


@dataclass(frozen=True)
class _Shape:
    number: int
    mask: Mask
    """(height, width) what the picture's border leaves of it."""
    truncated: bool
    faint: bool


def draw_image(rng: np.random.Generator) -> Picture:
    """Draw a picture of 128 to 192 pixels a side with up to five shapes; the same generator state gives the same pixels."""
    width, height = (int(side) for side in rng.integers(128, 193, 2))
    ground = _ground(rng, width, height)
    canvas, owner = ground.copy(), np.full((height, width), -1)
    shapes: list[_Shape] = []
    for _ in range(int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.03, 0.22, 0.3, 0.25, 0.13, 0.07]))):
        shape = _place(rng, owner)
        if shape is None:
            continue
        _paint(rng, canvas, ground, shape)
        owner[shape.mask] = len(shapes)
        shapes.append(shape)
    pixels = np.clip(canvas + rng.normal(0, rng.uniform(1, 6), canvas.shape), 0, 255).astype(
        np.uint8
    )
    picture = Picture(pixels)
    for index, shape in enumerate(shapes):
        _annotate(picture, shape, owner == index)
    return picture


def _annotate(picture: Picture, shape: _Shape, seen: Mask) -> None:
    """Add a shape to the objects of a picture, unless hardly anything of it can be seen."""
    share = seen.sum() / shape.mask.sum()
    if share < 0.15 or seen.sum() < 20:
        return
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    tiny = min(box[2] - box[0], box[3] - box[1]) < 9
    picture.classes.append(shape.number)
    picture.boxes.append(box)
    picture.truncated.append(shape.truncated)
    picture.difficult.append(bool(share < 0.5 or tiny or shape.faint))


def _ground(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """Return a ground (height, width, 3) of muted colour: clouds, sometimes stripes or checks, and a few thin lines as clutter."""
    from PIL import Image, ImageDraw

    colour = rng.uniform(60, 200) + rng.normal(0, 18, 3)
    cells = rng.normal(0, rng.uniform(6, 24), (int(rng.integers(3, 9)), int(rng.integers(3, 9)), 3))
    clouds = [
        np.asarray(
            Image.fromarray(cells[:, :, c].astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for c in range(3)
    ]
    ground = colour + np.stack(clouds, axis=-1)
    y, x = np.mgrid[:height, :width]
    angle, period, strength = rng.uniform(0, math.pi), rng.uniform(5, 24), rng.uniform(4, 16)
    wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * math.tau / period)
    across = np.sin((y * math.cos(angle) - x * math.sin(angle)) * math.tau / period)
    texture = (0 * wave, wave, np.sign(wave * across))[int(rng.integers(3))]
    ground += strength * texture[:, :, None]
    picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 4))):
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        shade = np.clip(colour + rng.normal(0, 40, 3), 0, 255).astype(int)
        pen.line(ends, fill=tuple(shade.tolist()), width=int(rng.integers(1, 3)))
    return np.asarray(picture).astype(np.float64)


def _place(rng: np.random.Generator, owner: NDArray[np.int64]) -> _Shape | None:
    """Draw the mask of a random shape where it covers little of the others, or, now and then, wherever it falls."""
    height, width = owner.shape
    number = int(rng.integers(len(SHAPES)))
    size = rng.uniform(8, 14) if rng.random() < 0.05 else rng.uniform(20, 72)
    edge = -0.05 if rng.random() < 0.2 else 0.18
    careless, faint = rng.random() < 0.12, rng.random() < 0.05
    for _ in range(8):
        centre = rng.uniform(edge, 1 - edge, 2) * (width, height)
        drawn = _mask(
            rng, number, size, centre + _MARGIN, (width + 2 * _MARGIN, height + 2 * _MARGIN)
        )
        mask = drawn[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        visible = mask.sum()
        if visible < max(20, 0.4 * drawn.sum()):
            continue
        if careless or (owner[mask] >= 0).sum() < 0.04 * visible:
            return _Shape(number, mask, bool(visible < drawn.sum()), faint)
    return None


def _mask(
    rng: np.random.Generator,
    number: int,
    size: float,
    centre: NDArray[np.float64],
    canvas: tuple[int, int],
) -> Mask:
    """Return which pixels (height, width) a shape of about `size` pixels across covers."""
    from PIL import Image, ImageDraw

    picture = Image.new("1", canvas)
    pen = ImageDraw.Draw(picture)
    stretch = np.array([1, rng.uniform(0.85, 1.2)])
    if SHAPES[number] == "circle":
        radius = size / 2 * stretch
        pen.ellipse([tuple(centre - radius), tuple(centre + radius)], fill=1)
    elif SHAPES[number] == "word":
        _write(rng, pen, size, centre)
    else:
        corners = 4 if SHAPES[number] == "square" else 3
        turn = rng.uniform(0, math.tau) if corners == 3 else math.pi / 4 + rng.uniform(-0.35, 0.35)
        angles = turn + np.arange(corners) * math.tau / corners
        points = (
            centre
            + size / math.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1) * stretch
        )
        pen.polygon([tuple(point) for point in points.tolist()], fill=1)
    return np.asarray(picture)


def _write(rng: np.random.Generator, pen: Any, size: float, centre: NDArray[np.float64]) -> None:
    """Write a word of about `size` pixels across; letters stay at least 9 pixels high."""
    from PIL import ImageFont

    word = _WORDS[int(rng.integers(len(_WORDS)))]
    font = ImageFont.load_default(size=max(12.0, 1.7 * size / len(word)))
    pen.fontmode = "1"
    pen.text(
        tuple(centre), word, fill=1, font=font, anchor="mm", stroke_width=1 if size > 30 else 0
    )


def _paint(
    rng: np.random.Generator,
    canvas: NDArray[np.float64],
    ground: NDArray[np.float64],
    shape: _Shape,
) -> None:
    """Fill a shape with a colour that stands out from the ground (or hardly does, if faint), shaded from one side to the other."""
    behind = ground[shape.mask].mean(axis=0)
    colour = behind + _unit(rng) * rng.uniform(28, 40) if shape.faint else _contrasting(rng, behind)
    rows, columns = np.nonzero(shape.mask)
    slope = rng.uniform(-0.35, 0.35, 2)
    shade = slope[0] * (columns - columns.mean()) + slope[1] * (rows - rows.mean())
    canvas[rows, columns] = colour + (0 if shape.faint else 1) * shade[:, None]


def _contrasting(rng: np.random.Generator, behind: NDArray[np.float64]) -> NDArray[np.float64]:
    colours = rng.uniform(0, 255, (12, 3))
    far = np.linalg.norm(colours - behind, axis=1)
    chosen: NDArray[np.float64] = colours[int(np.argmax(np.minimum(far, 105)))]
    return chosen


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    direction: NDArray[np.float64] = rng.normal(0, 1, 3)
    direction /= np.linalg.norm(direction)
    return direction
