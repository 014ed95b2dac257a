"""Prediction cache: the results of a chunk of images, by a key of everything that decides them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np

from detbench.adapters.detector import ImageDetections
from detbench.bench.environment import installed_version
from detbench.data.files import atomic_path

_LAYOUT = 3
"""Version of the entries and of the notes in them; part of every key."""
_DAMAGE_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    BadZipFile,
    zlib.error,
)
"""What numpy, zipfile and msgspec raise for damaged files."""


@dataclass(frozen=True)
class ImageResult:
    """The result of running a detector on one image."""

    detections: ImageDetections
    notes: tuple[str, ...] = ()
    """Unusual properties of the image."""
    error: str = ""
    """Why the image could not be read; empty for a readable image."""


@dataclass(frozen=True)
class PredictionCache:
    """A folder of chunks; it may be emptied at any time."""

    folder: Path

    def key(self, detector: str, settings: Mapping[str, Any], images: Sequence[Path]) -> str:
        """Return the key of a chunk.

        It covers the detector's name and settings, the versions of the libraries, and paths, sizes
        and modification times of the images. A missing image changes the key, so that it is read
        as soon as it is there.
        """
        files = [(str(path.absolute()), *_state(path)) for path in images]
        versions = [
            version for library in ("detbench", "pillow") if (version := installed_version(library))
        ]
        content = [_LAYOUT, versions, detector, settings, files]
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()

    def load(self, key: str, n_images: int) -> list[ImageResult] | None:
        """Return the results of a chunk of `n_images`, None without a complete entry."""
        try:
            with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                offsets, boxes, scores, classes = (
                    arrays[name] for name in ("offsets", "boxes", "scores", "classes")
                )
                remarks = msgspec.json.decode(
                    bytes(arrays["remarks"]), type=list[tuple[tuple[str, ...], str]]
                )
        except _DAMAGE_ERRORS:
            return None
        if not len(offsets) - 1 == len(remarks) == n_images:
            return None
        spans = [slice(first, last) for first, last in pairwise(offsets)]
        return [
            ImageResult(ImageDetections(boxes[span], scores[span], classes[span]), notes, error)
            for span, (notes, error) in zip(spans, remarks, strict=True)
        ]

    def store(self, key: str, results: Sequence[ImageResult]) -> None:
        """Store the results of a chunk; raises InputError if the folder cannot be written."""
        remarks = msgspec.json.encode([(result.notes, result.error) for result in results])
        images = [result.detections for result in results]
        with atomic_path(self._path(key)) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                offsets=np.cumsum([0, *(len(image.scores) for image in images)]),
                boxes=np.concatenate([image.boxes for image in images]),
                scores=np.concatenate([image.scores for image in images]),
                classes=np.concatenate([image.classes for image in images]),
                remarks=np.frombuffer(remarks, np.uint8),
            )

    def _path(self, key: str) -> Path:
        return self.folder / "predictions" / key[:2] / f"{key}.npz"


def _state(path: Path) -> tuple[int, int] | tuple[()]:
    """Return size and modification time of a file; empty if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns
