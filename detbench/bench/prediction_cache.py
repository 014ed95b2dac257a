"""Prediction cache: what a model found in a chunk of pictures, under a key made of everything that decides it."""

from __future__ import annotations

import hashlib
import os
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

_LAYOUT = 2
_DAMAGED = (
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
"""What numpy, zip and JSON say of files that are not whole."""


def default_cache_folder() -> Path:
    """Return `$DETBENCH_CACHE`, else `detbench` in the user's cache folder."""
    if chosen := os.environ.get("DETBENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "detbench"


@dataclass(frozen=True)
class ImageResult:
    """What came of one picture."""

    found: ImageDetections
    notes: tuple[str, ...] = ()
    """What was unusual about the picture."""
    broken: str = ""
    """Why it could not be read; empty if it could."""


@dataclass(frozen=True)
class PredictionCache:
    """A folder of chunks; anyone may empty it at any time."""

    folder: Path

    def key(self, detector: str, settings: Mapping[str, Any], pictures: Sequence[Path]) -> str:
        """Return the key of a chunk: of model, settings and versions, and of paths, sizes and times of change of the pictures.

        A picture that is missing has a key of its own, so that it is looked for again.
        """
        listing = [(str(path.absolute()), *_state(path)) for path in pictures]
        versions = [
            version for library in ("detbench", "pillow") if (version := installed_version(library))
        ]
        return hashlib.sha256(
            msgspec.json.encode([_LAYOUT, versions, detector, settings, listing], order="sorted")
        ).hexdigest()

    def load(self, key: str, pictures: int) -> list[ImageResult] | None:
        """Return what was stored under a key for so many pictures, or None; a damaged entry counts as none."""
        try:
            with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                offsets, boxes, scores, classes = (
                    arrays[name] for name in ("offsets", "boxes", "scores", "classes")
                )
                remarks = msgspec.json.decode(
                    bytes(arrays["remarks"]), type=list[tuple[tuple[str, ...], str]]
                )
        except _DAMAGED:
            return None
        if not len(offsets) - 1 == len(remarks) == pictures:
            return None
        spans = [slice(first, last) for first, last in pairwise(offsets)]
        return [
            ImageResult(ImageDetections(boxes[span], scores[span], classes[span]), *remark)
            for span, remark in zip(spans, remarks, strict=True)
        ]

    def store(self, key: str, seen: Sequence[ImageResult]) -> None:
        """Keep what came of the pictures of a chunk; raises InputError where the folder cannot be written."""
        remarks = msgspec.json.encode([(each.notes, each.broken) for each in seen])
        with atomic_path(self._path(key)) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                offsets=np.cumsum([0, *(len(each.found.scores) for each in seen)]),
                boxes=np.concatenate([each.found.boxes for each in seen]),
                scores=np.concatenate([each.found.scores for each in seen]),
                classes=np.concatenate([each.found.classes for each in seen]),
                remarks=np.frombuffer(remarks, np.uint8),
            )

    def _path(self, key: str) -> Path:
        return self.folder / "predictions" / key[:2] / f"{key}.npz"


def _state(path: Path) -> tuple[int, int] | tuple[()]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns
