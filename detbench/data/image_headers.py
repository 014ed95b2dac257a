"""What a picture file says about itself: its size as it is shown, read from its header."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.plain_text import unreadable
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_ORIENTATION = 0x0112
_TURNED = {5, 6, 7, 8}
"""Exif orientations in which width and height change places."""


def read_image_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels as viewers show the picture: after the turn its Exif orientation asks for.

    Only the header is read, so that a large picture costs no more than a small one. Raises InputError for a file that is missing,
    cannot be read or is no picture, and for a size beyond what pictures have.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                width, height = picture.size
                turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION) in _TURNED
    except FileNotFoundError:
        raise InputError(path, "no such picture") from None
    except Image.DecompressionBombError as error:
        raise InputError(
            path,
            f"its header claims a size that no picture has ({error})",
            fix="fetch or export it again",
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, struct.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise unreadable(path, error) from error
        raise InputError(
            path, f"is not a picture ({type(error).__name__})", fix="fetch or export it again"
        ) from error
    return (height, width) if turned else (width, height)


def require_image_sizes(ground_truth: GroundTruth) -> Floats:
    """Return the size (I, 2) of every image, from the ground truth or else from its picture; InputError where neither tells."""
    sizes = ground_truth.image_sizes.copy()
    for image in np.flatnonzero(np.isnan(sizes).any(axis=1)).tolist():
        folder, file = ground_truth.image_folder, ground_truth.image_files[image]
        if folder is None or not file:
            raise InputError(
                ground_truth.name or "ground truth",
                f"the size of image {ground_truth.image_ids[image]!r} is unknown, and normalised boxes need it",
                fix="say with --images where the pictures lie",
            )
        sizes[image] = read_image_size(folder / file)
    return sizes
