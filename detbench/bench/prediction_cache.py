"""Prediction cache: what a model found in a chunk of pictures, under a key made of everything that decides it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np

from detbench.adapters.detector import Found
from detbench.data.files import atomic_path

_LAYOUT = 1


def default_folder() -> Path:
    """Return `$DETBENCH_CACHE`, else `detbench` in the user's cache folder."""
    if chosen := os.environ.get("DETBENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "detbench"


@dataclass(frozen=True)
class PredictionCache:
    """A folder of chunks; anyone may empty it at any time."""

    folder: Path

    def key(self, settings: Mapping[str, Any], pictures: Sequence[Path]) -> str:
        """Return the key of a chunk: of the model's digest and settings, and of names, sizes and times of change of the pictures.

        A picture that is missing has a key of its own, so that it is looked for again.
        """
        listing = [(path.name, *_state(path)) for path in pictures]
        return hashlib.sha256(msgspec.json.encode([_LAYOUT, settings, listing], order="sorted")).hexdigest()

    def load(self, key: str) -> list[Found] | None:
        """Return what was stored under a key, or None; a damaged entry counts as none."""
        try:
            with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                offsets, boxes, scores, classes = (arrays[name] for name in ("offsets", "boxes", "scores", "classes"))
        except (OSError, ValueError, KeyError, BadZipFile, EOFError):
            return None
        spans = [slice(first, last) for first, last in pairwise(offsets)]
        return [Found(boxes[span], scores[span], classes[span]) for span in spans]

    def store(self, key: str, found: Sequence[Found]) -> None:
        """Keep what was found in the pictures of a chunk."""
        with atomic_path(self._path(key)) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                offsets=np.cumsum([0, *(len(each.scores) for each in found)]),
                boxes=np.concatenate([each.boxes for each in found]),
                scores=np.concatenate([each.scores for each in found]),
                classes=np.concatenate([each.classes for each in found]),
            )

    def _path(self, key: str) -> Path:
        return self.folder / "predictions" / key[:2] / f"{key}.npz"


def _state(path: Path) -> tuple[int, int] | tuple[()]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns
