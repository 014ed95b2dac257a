"""Reading pictures for a model: pixels as the annotations see them, always (height, width, 3) RGB of 8 bits, by stated rules.

- Gray, 1-bit and palette pictures are spelled out in RGB.
- Alpha is dropped: the stored colors stay and nothing is blended, as OpenCV's `IMREAD_COLOR` does.
- 16-bit values keep their upper 8 bits, as OpenCV does. 32-bit ones have no known range and are refused.
- CMYK and other color spaces are converted by Pillow without color profiles; profiles are never applied.
- Of an animation the first frame counts.
- An EXIF rotation is **not** applied: VOC's and COCO's annotations refer to the pixels as stored. `detbench.data.image_headers.read_image_size`
  does turn, since YOLO labels refer to the picture as shown; for a turned picture the two differ, and a note says so here.
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
from detbench.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112
_DAMAGED = (
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
_MODES = {
    "1": "1-bit, taken as gray",
    "L": "gray-scale, repeated as red, green and blue",
    "LA": "gray-scale with alpha, which is dropped",
    "PA": "palette with alpha, which is dropped",
    "P": "palette, spelled out in RGB",
    "RGBA": "alpha is dropped, nothing is blended",
    "CMYK": "CMYK, converted without a color profile",
}


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A picture as read from a file, and what was unusual about it."""

    pixels: ImageArray
    """(height, width, 3) RGB, 0–255, read-only."""
    notes: tuple[str, ...] = ()
    """Which rules were applied, in words that are the same for every such picture."""


def read_image(path: str | Path) -> DecodedImage:
    """Read a picture; raises InputError for one that is missing, empty, truncated, damaged, too large, or no picture at all."""
    from PIL import Image

    with _refusals_named(Path(path)), Image.open(path) as picture:
        return _read(Path(path), picture)


def decode_image(encoded: bytes, name: str) -> DecodedImage:
    """Read a picture from the bytes of its file; raises InputError as `read_image`, with `name` in the place of a path."""
    from PIL import Image

    with _refusals_named(Path(name), empty=not encoded), Image.open(io.BytesIO(encoded)) as picture:
        return _read(Path(name), picture)


@contextmanager
def _refusals_named(path: Path, *, empty: bool | None = None) -> Iterator[None]:
    """Turn what Pillow and the disk say of a file into an InputError; `empty` says whether it is, None to ask the disk."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except FileNotFoundError:
        raise InputError(
            path, "no such picture", fix="is the folder of the pictures the right one (--images)?"
        ) from None
    except Image.DecompressionBombError as error:
        raise InputError(
            path, f"is too large to be decoded safely: {error}", fix="make it smaller"
        ) from None
    except UnidentifiedImageError:
        empty = path.stat().st_size == 0 if empty is None else empty
        problem = "is empty (0 bytes)" if empty else "is not a picture that can be read"
        raise InputError(path, problem, fix="fetch or export it again") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from None
    except _DAMAGED as error:
        raise InputError(
            path, f"is truncated or damaged ({error})", fix="fetch or export it again"
        ) from None


def _read(path: Path, picture: Image.Image) -> DecodedImage:
    mode, notes = picture.mode, _notes(picture)
    if mode in ("I", "F"):
        raise InputError(
            path, "has 32-bit values, whose range is not known", fix="save it with 8 or 16 bits"
        )
    picture.info.pop("transparency", None)
    if mode.startswith("I;16"):
        gray = (np.asarray(picture) >> 8).astype(np.uint8)
        pixels = np.repeat(gray[:, :, None], 3, axis=2)
    else:
        pixels = np.asarray(picture if mode == "RGB" else picture.convert("RGB"))
    pixels.flags.writeable = False
    return DecodedImage(pixels, notes)


def _notes(picture: Image.Image) -> tuple[str, ...]:
    """Say what is unusual, from the header only."""
    notes = []
    if _is_16_bit(picture):
        notes.append("16-bit, of which the upper 8 are used")
    elif picture.mode != "RGB":
        notes.append(_MODES.get(picture.mode, f"{picture.mode} colors, converted to RGB"))
    if "transparency" in picture.info:
        notes.append("transparent colors are taken as opaque")
    if getattr(picture, "n_frames", 1) > 1:
        notes.append("animated, of which the first frame is used")
    if _is_turned(picture):
        notes.append("EXIF rotation is not applied")
    return tuple(notes)


def _is_16_bit(picture: Image.Image) -> bool:
    tiles = getattr(picture, "tile", [])
    return picture.mode.startswith("I;16") or any(
        "16" in str(tile[3]) for tile in tiles if isinstance(tile[3], str)
    )


def _is_turned(picture: Image.Image) -> bool:
    """Return whether EXIF asks for a turn or a mirroring; what cannot be read asks for nothing."""
    if "exif" not in picture.info:
        return False
    try:
        return picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except _DAMAGED:
        return False
