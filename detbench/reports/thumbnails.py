"""Thumbnails: small images as data URIs, for self-contained pages, within a budget of bytes."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from detbench.adapters.images import read_image
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import open_image, read_image_size
from detbench.errors import InputError
from detbench.threads import ThreadPool

if TYPE_CHECKING:
    from PIL.Image import Image

LONG_SIDE = 320
"""Maximum width and height of a thumbnail in pixels."""
MAX_BYTES = 2_500_000
_QUALITIES = (70, 55, 40)
"""WebP qualities, tried in turn until all thumbnails fit into the budget."""


@dataclass(frozen=True)
class Thumbnails:
    """The thumbnails of some images, and why others have none. Keys are image positions."""

    uris: dict[int, str]
    """`data:image/webp;base64,...`, in the requested order."""
    sizes: dict[int, tuple[float, float]]
    """Width and height of the original image in pixels, to which its boxes refer."""
    unreadable: dict[int, str]
    """Why an image cannot be read."""
    left_out: tuple[int, ...]
    """Images that did not fit into the budget."""


@dataclass(frozen=True, eq=False)
class _SmallImage:
    image: Image
    full_size: tuple[float, float]


def thumbnails(
    ground_truth: GroundTruth, images: Sequence[int], *, max_bytes: int = MAX_BYTES
) -> Thumbnails:
    """Return thumbnails (WebP, long side at most 320 pixels) of images.

    Quality is lowered until all fit into the budget. What does not fit at the lowest quality is
    left out, from the end. An image is rotated by 90° as its EXIF data say if its annotated size
    shows that its boxes refer to the rotated image.

    Args:
        ground_truth: its image folder holds the files.
        images: positions in the ground truth, in the order of their importance.
        max_bytes: of all data URIs together.

    Raises:
        DetbenchError: the folder of the images is unknown.
    """
    ground_truth.require_image_folder()
    with ThreadPool() as pool:
        read = dict(zip(images, pool.map(partial(_read, ground_truth), images), strict=True))
        small = {image: each for image, each in read.items() if isinstance(each, _SmallImage)}
        encoded: dict[int, str] = {}
        for quality in _QUALITIES:
            uris = pool.map(partial(_data_uri, quality), small.values())
            encoded = dict(zip(small, uris, strict=True))
            if sum(map(len, encoded.values())) <= max_bytes:
                break
    kept = _within_budget(encoded, max_bytes)
    return Thumbnails(
        uris=kept,
        sizes={image: small[image].full_size for image in kept},
        unreadable={image: each for image, each in read.items() if isinstance(each, str)},
        left_out=tuple(image for image in encoded if image not in kept),
    )


def _read(ground_truth: GroundTruth, position: int) -> _SmallImage | str:
    """Return a small image, or why its file cannot be read."""
    from PIL import Image

    path = ground_truth.require_image_folder() / ground_truth.image_names[position]
    try:
        image = Image.fromarray(read_image(path).pixels)
        width, height = ground_truth.image_sizes[position].tolist()
        stored = (image.width, image.height)
        if stored != (width, height) == stored[::-1] == read_image_size(path):
            image = _rotated(image, path)
    except InputError as error:
        return str(error)
    full_size = (width, height)
    if math.isnan(width + height):
        full_size = (float(image.width), float(image.height))
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    return _SmallImage(image, full_size)


def _rotated(image: Image, path: object) -> Image:
    """Return an image rotated as the EXIF data of its file say."""
    from PIL import ImageOps

    with open_image(str(path)) as original:
        image.info["exif"] = original.getexif().tobytes()
    return ImageOps.exif_transpose(image)


def _data_uri(quality: int, small: _SmallImage) -> str:
    buffer = io.BytesIO()
    small.image.save(
        buffer,
        "WEBP",
        quality=quality,
        method=4,
    )
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _within_budget(uris: dict[int, str], max_bytes: int) -> dict[int, str]:
    """Return the first URIs that fit into the budget together."""
    kept, used = {}, 0
    for image, uri in uris.items():
        used += len(uri)
        if used > max_bytes:
            break
        kept[image] = uri
    return kept
