"""Small YOLO datasets and folders of results, written from texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

SIZE = (100, 50)
"""Width and height of every image."""


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write files by their path below `root`, and return it; the text of an image is ignored."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("L", SIZE).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return root


def write_dataset(root: Path, labels: Mapping[str, str], yaml: str = "names: [car, dog]\n") -> Path:
    """Write a dataset with a label text for each image, and return its data.yaml."""
    files = {"data.yaml": f"val: images/val\n{yaml}"}
    for name, text in labels.items():
        files |= {f"images/val/{name}.png": "", f"labels/val/{name}.txt": text}
    return write_files(root, files) / "data.yaml"


def in_pixels(*cxcywh: float) -> list[float]:
    """Return x1, y1, x2, y2 in pixels of a box in fractions of an image."""
    cx, cy, w, h = cxcywh
    width, height = SIZE
    return [
        (cx - w / 2) * width,
        (cy - h / 2) * height,
        (cx + w / 2) * width,
        (cy + h / 2) * height,
    ]
