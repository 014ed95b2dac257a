"""Sample: how one small dataset, and detections for it, are written in a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

BOXES = [[10, 20, 40, 60], [1, 2, 5, 6]]
SCORES = [0.9, 0.45]
SIZE = (100, 80)


@dataclass(frozen=True)
class Sample:
    """How the dataset is written in a format; functions write into a folder, return the path."""

    format_name: str
    ground_truth: Callable[[Path], Path] | None = None
    detections: Callable[[Path], Path] | None = None
    classes: tuple[str, str] = ("cat", "dog")
    lists_empty_images: bool = True
    """Whether the format can state an image without objects."""


def images(folder):
    """Write the two images."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in "ab":
        Image.new("RGB", SIZE).save(folder / f"{name}.jpg")
