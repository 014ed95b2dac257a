"""Small COCO annotation files for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def small(**changes: Any) -> dict[str, Any]:
    """Return two images, two classes and three objects, out of order as in real files."""
    content: dict[str, Any] = {
        "images": [
            {"id": 20, "file_name": "b.jpg", "width": 640, "height": 480},
            {"id": 3, "file_name": "a.jpg"},
        ],
        "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 20,
                "category_id": 2,
                "bbox": [1.5, 2, 10, 20],
                "area": 150.5,
                "iscrowd": 0,
            },
            {
                "id": 2,
                "image_id": 3,
                "category_id": 9,
                "bbox": [0, 0, 5, 5],
                "area": 25,
                "iscrowd": 1,
            },
            {
                "id": 3,
                "image_id": 20,
                "category_id": 9,
                "bbox": [0.1, 0.2, 0.3, 0.4],
                "area": 0.12,
                "iscrowd": False,
                "difficult": 1,
            },
        ],
    }
    return {**content, **changes}


def write(folder: Path, content: object, name: str = "annotations.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def annotation(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "image_id": 3,
        "category_id": 2,
        "bbox": [1, 2, 3, 4],
        "area": 12,
        "iscrowd": 0,
        **changes,
    }
