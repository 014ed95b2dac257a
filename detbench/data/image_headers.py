"""Image files: how they are opened, and their sizes from the header, without decoding."""

from __future__ import annotations

import contextlib
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError, read_error

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_FORMATS = ("JPEG", "MPO", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")
"""What is opened, whatever its name: Pillow would run Ghostscript for EPS."""
_EXIF_ORIENTATION = 0x0112
_ROTATED_BY_90 = {5, 6, 7, 8}
"""Exif orientations that exchange width and height."""


def open_image(source: str | Path | BinaryIO) -> Image.Image:
    """Open an image file of a photographic format; raises what `PIL.Image.open` raises.

    Formats that let Pillow start other programs, or that no detector is given, are no images:
    PIL.UnidentifiedImageError.
    """
    from PIL import Image

    Image.init()
    return Image.open(source, formats=[name for name in _FORMATS if name in Image.OPEN])


def read_image_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels as viewers show the image: with its Exif rotation applied.

    Raises:
        InputError: The file is missing, cannot be read, is not an image, or claims a size that
            Pillow refuses as a decompression bomb.
    """
    from PIL import Image, UnidentifiedImageError

    fix = "download or export it again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_image(path) as image:
                width, height = image.size
                has_exif = "exif" in image.info
                rotated = has_exif and image.getexif().get(_EXIF_ORIENTATION) in _ROTATED_BY_90
    except FileNotFoundError:
        raise InputError(
            path, "no such image", fix="give the folder of the images with --images"
        ) from None
    except Image.DecompressionBombError as error:
        raise InputError(
            path,
            f"its header states an impossible size ({error})",
            fix=fix,
        ) from error
    # Pillow's plugins raise all of these for files that are not what they seem to be.
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, struct.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise read_error(path, error) from error
        raise InputError(path, f"is not an image ({type(error).__name__})", fix=fix) from error
    return (height, width) if rotated else (width, height)


def require_image_sizes(ground_truth: GroundTruth, images: Ints | None = None) -> Floats:
    """Return width and height (I, 2) of every image, from the ground truth or else from its file.

    A side of 0 is unknown, too.

    Args:
        ground_truth: The ground truth.
        images: Positions (N,) of the images whose size is needed, each any number of times; None
            for all. The sizes of others may stay unknown (NaN).

    Raises:
        InputError: A size is unknown and there is no file, or the file cannot be read.
    """
    sizes = ground_truth.image_sizes.copy()
    unknown = np.flatnonzero(~(sizes > 0).all(axis=1))
    if images is not None:
        unknown = np.intersect1d(unknown, images)
    for image in unknown.tolist():
        folder, file = ground_truth.image_folder, ground_truth.image_files[image]
        if folder is None or not file:
            image_id = ground_truth.image_ids[image]
            raise InputError(
                ground_truth.source or ground_truth.name or "ground truth",
                f"the size of image {image_id!r} is unknown, but normalized boxes need it",
                fix="give the folder of the images with --images",
            )
        sizes[image] = read_image_size(folder / file)
    return sizes


def with_sizes_of_files(ground_truth: GroundTruth) -> GroundTruth:
    """Return the ground truth with the sizes of image files where it states none.

    Sizes of files that are missing or unreadable stay unknown.
    """
    folder, sizes = ground_truth.image_folder, ground_truth.image_sizes.copy()
    for image in np.flatnonzero(np.isnan(sizes).any(axis=1)).tolist():
        file = ground_truth.image_files[image]
        if folder is not None and file:
            with contextlib.suppress(InputError):
                sizes[image] = read_image_size(folder / file)
    if np.array_equal(sizes, ground_truth.image_sizes, equal_nan=True):
        return ground_truth
    return replace(ground_truth, image_sizes=sizes)
