"""Thumbnails: small pictures as data URIs for pages that carry everything with them, within a budget of bytes."""

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
from detbench.data.image_headers import read_image_size
from detbench.errors import InputError
from detbench.threads import ThreadPool

if TYPE_CHECKING:
    from PIL.Image import Image

LONG_SIDE = 320
MOST_BYTES = 2_500_000
_QUALITIES = (70, 55, 40)
"""Of WebP, tried in turn until all pictures fit into the budget."""


@dataclass(frozen=True)
class Thumbnails:
    """The thumbnails of some images, and why others have none. Keys are image positions."""

    uris: dict[int, str]
    """`data:image/webp;base64,...`, in the order asked for."""
    sizes: dict[int, tuple[float, float]]
    """Width and height in pixels of the full picture as annotated: the frame that boxes refer to."""
    unreadable: dict[int, str]
    """What is wrong with the picture."""
    left_out: tuple[int, ...]
    """Images that did not fit into the budget."""


@dataclass(frozen=True, eq=False)
class _Small:
    picture: Image
    full_size: tuple[float, float]


def thumbnails(
    ground_truth: GroundTruth, images: Sequence[int], *, most_bytes: int = MOST_BYTES
) -> Thumbnails:
    """Return thumbnails (long side at most 320 pixels, WebP) of the images at some positions.

    Quality is lowered until all fit into `most_bytes` of data URIs; what does not fit at the lowest is left out, from the end. A picture
    whose EXIF data turn it by 90° is turned where the annotated size says that its boxes are.

    Raises:
        DetbenchError: the folder of the images is unknown.
    """
    ground_truth.require_image_folder()
    with ThreadPool() as pool:
        read = dict(zip(images, pool.map(partial(_read, ground_truth), images), strict=True))
        small = {image: each for image, each in read.items() if isinstance(each, _Small)}
        encoded: dict[int, str] = {}
        for quality in _QUALITIES:
            encoded = dict(
                zip(small, pool.map(partial(_encoded, quality), small.values()), strict=True)
            )
            if sum(map(len, encoded.values())) <= most_bytes:
                break
    uris = _within(encoded, most_bytes)
    return Thumbnails(
        uris=uris,
        sizes={image: small[image].full_size for image in uris},
        unreadable={image: each for image, each in read.items() if isinstance(each, str)},
        left_out=tuple(image for image in encoded if image not in uris),
    )


def _read(ground_truth: GroundTruth, image: int) -> _Small | str:
    """Return the small picture of an image, or what is wrong with its file."""
    from PIL import Image

    path = ground_truth.require_image_folder() / ground_truth.image_names[image]
    try:
        picture = Image.fromarray(read_image(path).pixels)
        width, height = ground_truth.image_sizes[image].tolist()
        stored = (picture.width, picture.height)
        if stored != (width, height) == stored[::-1] == read_image_size(path):
            picture = _turned(picture, path)
    except InputError as error:
        return str(error)
    full_size = (
        (float(picture.width), float(picture.height))
        if math.isnan(width + height)
        else (width, height)
    )
    picture.thumbnail((LONG_SIDE, LONG_SIDE))
    return _Small(picture, full_size)


def _turned(picture: Image, path: object) -> Image:
    """Return a picture turned as the EXIF data of its file ask for."""
    from PIL import Image, ImageOps

    with Image.open(str(path)) as original:
        picture.info["exif"] = original.getexif().tobytes()
    return ImageOps.exif_transpose(picture)


def _encoded(quality: int, small: _Small) -> str:
    buffer = io.BytesIO()
    small.picture.save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _within(uris: dict[int, str], most_bytes: int) -> dict[int, str]:
    """Return the first of the URIs that fit into the budget together."""
    kept, used = {}, 0
    for image, uri in uris.items():
        used += len(uri)
        if used > most_bytes:
            break
        kept[image] = uri
    return kept
