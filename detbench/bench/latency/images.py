"""Images for timing: encoded images that queries rotate over, so that no cache is measured."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.shapes_image import draw_image
from detbench.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_MAX_IMAGES = 64
_COLUMNS, _ROWS, _TILE = 5, 4, 128
_EMBEDDED_HEIGHT = 480
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class EncodedImage:
    """An image as it arrives over a network or from a disk."""

    name: str
    data: bytes


def embedded_images(count: int = 8) -> tuple[EncodedImage, ...]:
    """Return synthetic images of 640 × 480 pixels, as JPEG of quality 90; the same in every run."""
    return tuple(_embedded_image(number) for number in range(count))


def images_in(folder: Path) -> tuple[EncodedImage, ...]:
    """Return the first 64 images of a folder, by name.

    Raises:
        InputError: The folder cannot be read or has no images.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        images = tuple(EncodedImage(path.name, path.read_bytes()) for path in paths[:_MAX_IMAGES])
    except OSError as error:
        problem = f"cannot be read as a folder of images: {error.strerror}"
        raise InputError(folder, problem, fix="check --images") from None
    if not images:
        problem = f"contains no images ({', '.join(SUFFIXES)})"
        raise InputError(folder, problem, fix="check --images")
    return images


def _embedded_image(number: int) -> EncodedImage:
    """Draw tiles of the shapes dataset side by side, which have as much detail as a photograph."""
    from PIL import Image

    rng = np.random.default_rng([640, number])
    rows = [
        np.hstack([draw_image(rng).pixels[:_TILE, :_TILE] for _ in range(_COLUMNS)])
        for _ in range(_ROWS)
    ]
    encoded = io.BytesIO()
    Image.fromarray(np.vstack(rows)[:_EMBEDDED_HEIGHT]).save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return EncodedImage(f"embedded-{number}.jpg", encoded.getvalue())
