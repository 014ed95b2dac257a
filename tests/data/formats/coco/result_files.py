"""Small COCO results files for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

ROW = '{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}'


def empty_ground_truth(*image_ids: str) -> GroundTruth:
    return GroundTruth.from_rows(
        image_ids=image_ids or ("1", "2", "9"),
        class_names=["cat", "dog"],
        category_ids=[2, 7],
        image_index=[],
        class_index=[],
        boxes=[],
    )


def row(
    image_id: str = "1",
    category_id: str = "2",
    bbox: str = "[1, 2, 3, 4]",
    score: str = "0.5",
    more: str = "",
) -> str:
    values = f'"image_id": {image_id}, "category_id": {category_id}, "bbox": {bbox}'
    return f'{{{values}, "score": {score}{more}}}'


def write(folder: Path, text: str | bytes, name: str = "results.json") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_of(detections: Detections) -> list[Any]:
    columns = (detections.class_index, detections.scores, detections.boxes, detections.box_areas)
    return [detections.offsets.tolist(), *(column.tolist() for column in columns)]
