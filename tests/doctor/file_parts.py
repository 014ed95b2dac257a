"""Parts of files that the writers of several formats share."""

from __future__ import annotations

import csv
import json
import struct
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning
from tests.doctor.written_pairs import Row, WrittenPair

Writer = Callable[[WrittenPair, Path], Path]
"""Writes one side of a pair to a path without a suffix and returns the path of what it wrote."""


def number_or_text(image: str) -> int | str:
    """Return an image's name as Ultralytics writes it: as a number where it is one."""
    return int(image) if image.isdigit() else image


def class_number(pair: WrittenPair, row: Row) -> int:
    is_listed = row.category in pair.class_names
    return pair.class_names.index(row.category) if is_listed else len(pair.class_names) + 5


def by_image(rows: list[Row]) -> dict[str, list[Row]]:
    by_image: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_image[row.image].append(row)
    return by_image


def line(*words: Any) -> str:
    return " ".join(map(str, words)) + "\n"


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_image(path: Path, size: tuple[float, float]) -> None:
    """Write an image without pixels: readers take sizes from the head of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(">IIBBBBB", int(size[0]), int(size[1]), 8, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def write_table(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def kitti_line(row: Row, *score: float) -> str:
    return line(row.category, 0, 0, -10, *row.box, -1, -1, -1, -1000, -1000, -1000, -10, *score)


def write_frames(pair: WrittenPair, rows: list[Row], path: Path) -> Path:
    rows_of, is_scored = by_image(rows), rows is pair.detections
    sizes = {row.image: row.size for row in rows} if is_scored else pair.sizes
    frames = [
        {
            "name": pair.file_of(image),
            "size": {"width": size[0], "height": size[1]},
            "labels": [
                {
                    "id": str(n),
                    "category": row.category,
                    "box2d": dict(zip(("x1", "y1", "x2", "y2"), row.box, strict=True)),
                    **({"score": row.score} if is_scored else {}),
                }
                for n, row in enumerate(rows_of[image])
            ],
        }
        for image, size in sizes.items()
    ]
    return write_text(path.with_suffix(".json"), json.dumps(frames))


def truth_of(pair: WrittenPair) -> GroundTruth:
    return GroundTruth.from_rows(
        image_ids=list(pair.sizes),
        class_names=pair.class_names,
        image_sizes=list(pair.sizes.values()),
        difficult=[row.is_difficult for row in pair.truth],
        iscrowd=[row.is_crowd for row in pair.truth],
        **columns(pair.truth, pair),
    )


def columns(rows: list[Row], pair: WrittenPair) -> dict[str, Any]:
    images = {image: n for n, image in enumerate(pair.sizes)}
    return {
        "image_index": [images[row.image] for row in rows],
        "class_index": [class_number(pair, row) for row in rows],
        "boxes": [row.box for row in rows],
    }


def save_quietly(save: Callable[..., None], *arguments: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        save(*arguments)
