"""Images: the encoded pictures that requests rotate over, so that no cache is measured."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.shapes_image import draw_picture
from detbench.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_MOST = 64
_COLUMNS, _ROWS, _TILE = 5, 4, 128
_EMBEDDED_HEIGHT = 480
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class EncodedImage:
    """A picture as it comes over a wire or from a disk."""

    name: str
    data: bytes


def embedded_images(count: int = 8) -> tuple[EncodedImage, ...]:
    """Return drawn pictures of 640 × 480 pixels as JPEG of quality 90; the same in every run."""
    return tuple(_embedded(number) for number in range(count))


def images_of(folder: Path) -> tuple[EncodedImage, ...]:
    """Return the first 64 pictures of a folder, by name; raises InputError where there is none or it cannot be read."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        images = tuple(EncodedImage(path.name, path.read_bytes()) for path in paths[:_MOST])
    except OSError as error:
        raise InputError(
            folder,
            f"cannot be read as a folder of pictures: {error.strerror}",
            fix="check --images",
        ) from None
    if not images:
        raise InputError(folder, f"holds no pictures ({', '.join(SUFFIXES)})", fix="check --images")
    return images


def _embedded(number: int) -> EncodedImage:
    """Draw one picture: tiles of the shapes dataset side by side, as full of detail as a photograph."""
    from PIL import Image

    rng = np.random.default_rng([640, number])
    rows = [
        np.hstack([draw_picture(rng).pixels[:_TILE, :_TILE] for _ in range(_COLUMNS)])
        for _ in range(_ROWS)
    ]
    encoded = io.BytesIO()
    Image.fromarray(np.vstack(rows)[:_EMBEDDED_HEIGHT]).save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return EncodedImage(f"embedded-{number}.jpg", encoded.getvalue())
