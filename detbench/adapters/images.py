"""Images: reads image files as (height, width, 3) RGB of 8 bits, with the pixels as stored.

- Gray, 1-bit and palette images are converted to RGB.
- Alpha is dropped. The stored colors stay and nothing is blended, like OpenCV's `IMREAD_COLOR`.
- 16-bit values keep their upper 8 bits, like OpenCV. 32-bit values have no known range and are
  refused.
- CMYK and other color spaces are converted by Pillow without color profiles.
- The first frame of an animation counts.
- An EXIF rotation is **not** applied, because the annotations of VOC and COCO refer to the pixels
  as stored. `detbench.data.image_headers.read_image_size` does apply it, because YOLO labels refer
  to the image as displayed. The two differ for a rotated image, and a note says so.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.adapters.detector import ImageArray
from detbench.data.image_headers import open_image
from detbench.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION_TAG = 0x0112
_DAMAGE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
)
"""What Pillow's readers raise for damaged files."""
_MODE_NOTES = {
    "1": "1-bit, converted from black and white to RGB",
    "L": "grayscale, repeated as red, green and blue",
    "LA": "grayscale with alpha, which is dropped",
    "PA": "palette with alpha, which is dropped",
    "P": "palette, converted to RGB",
    "RGBA": "alpha is dropped, nothing is blended",
    "CMYK": "CMYK, converted without a color profile",
}


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """The pixels of an image file and notes on unusual properties."""

    pixels: ImageArray
    """(height, width, 3) RGB, 0–255, read-only."""
    notes: tuple[str, ...] = ()
    """The conversions that were applied; the same text for every image of a kind."""


def read_image(path: str | Path) -> DecodedImage:
    """Read an image file.

    Raises:
        InputError: the file is missing, empty, truncated, damaged, too large, or not an image.
    """
    with _as_input_errors(Path(path)), open_image(path) as image:
        return _decode(Path(path), image)


def decode_image(encoded: bytes, name: str) -> DecodedImage:
    """Decode the bytes of an image file; raises InputError like `read_image`, naming `name`."""
    with (
        _as_input_errors(Path(name), is_empty=not encoded),
        open_image(io.BytesIO(encoded)) as image,
    ):
        return _decode(Path(name), image)


@contextmanager
def _as_input_errors(path: Path, *, is_empty: bool | None = None) -> Iterator[None]:
    """Raise InputError for what Pillow and the disk raise; `is_empty` None asks the disk."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except FileNotFoundError:
        raise InputError(
            path, "no such image", fix="check the folder of the images (--images)"
        ) from None
    except Image.DecompressionBombError as error:
        raise InputError(
            path, f"is too large to be decoded safely: {error}", fix="make it smaller"
        ) from None
    except UnidentifiedImageError:
        is_empty = path.stat().st_size == 0 if is_empty is None else is_empty
        problem = "is empty (0 bytes)" if is_empty else "is not a readable image"
        raise InputError(path, problem, fix="fetch or export it again") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from None
    except _DAMAGE_ERRORS as error:
        raise InputError(
            path, f"is truncated or damaged ({error})", fix="fetch or export it again"
        ) from None


def _decode(path: Path, image: Image.Image) -> DecodedImage:
    # The notes come from the header, which `convert` and the removal below would change.
    mode, notes = image.mode, _notes(image)
    if mode in ("I", "F"):
        raise InputError(
            path, "has 32-bit values of unknown range", fix="save it with 8 or 16 bits"
        )

    # Without the key, Pillow converts the stored colors instead of blending transparent ones.
    image.info.pop("transparency", None)
    if mode.startswith("I;16"):
        gray = (np.asarray(image) >> 8).astype(np.uint8)
        pixels = np.repeat(gray[:, :, None], 3, axis=2)
    else:
        pixels = np.asarray(image if mode == "RGB" else image.convert("RGB"))
    pixels.flags.writeable = False
    return DecodedImage(pixels, notes)


def _notes(image: Image.Image) -> tuple[str, ...]:
    """Return notes on unusual properties, from the header only."""
    notes = []
    if _is_16_bit(image):
        notes.append("16-bit, of which the upper 8 are used")
    elif image.mode != "RGB":
        notes.append(_MODE_NOTES.get(image.mode, f"{image.mode} colors, converted to RGB"))
    if "transparency" in image.info:
        notes.append("transparent colors are treated as opaque")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("animated, of which the first frame is used")
    if _has_exif_rotation(image):
        notes.append("EXIF rotation is not applied")
    return tuple(notes)


def _is_16_bit(image: Image.Image) -> bool:
    # Pillow opens 16-bit color as 8-bit RGB; only the raw mode of its tiles names the 16 bits.
    tiles = getattr(image, "tile", [])
    return image.mode.startswith("I;16") or any(
        "16" in str(tile[3]) for tile in tiles if isinstance(tile[3], str)
    )


def _has_exif_rotation(image: Image.Image) -> bool:
    """Return whether EXIF asks for a rotation or mirroring; unreadable EXIF asks for nothing."""
    if "exif" not in image.info:
        return False
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1) in range(2, 9)
    except _DAMAGE_ERRORS:
        return False
