"""Clean sets: every scene with every detector, as files of all formats; none has a mistake."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from detbench.errors import DetbenchWarning
from tests.doctor.scenes import SCENES
from tests.doctor.simulated_detectors import DETECTORS, detected

FORMAT_PAIRS = (
    ("coco", "coco"),
    ("voc", "voc"),
    ("yolo", "yolo"),
    ("parquet", "parquet"),
    ("voc", "coco"),
    ("yolo", "coco"),
    ("coco", "yolo"),
)
"""Formats of ground truth and detections that people have together."""
_SUFFIXES = {"coco": ".json", "parquet": ".parquet"}

CleanSet = tuple[str, Path, Path]
"""Name, ground truth and detections."""


def clean_sets(folder: Path, seed: int = 0) -> Iterator[CleanSet]:
    """Yield every scene with every detector, each pair in the next of the formats."""
    n_formats = len(FORMAT_PAIRS)
    for number, scene in enumerate(SCENES):
        for other, detector in enumerate(DETECTORS):
            # Scenes begin with different formats, so that each detector is written in all of them.
            formats = FORMAT_PAIRS[(number + other) % n_formats]
            path = folder / f"{number}-{other}"
            yield clean_set(scene, detector, formats, path, seed)


def clean_set(
    scene: str, detector: str, formats: tuple[str, str], folder: Path, seed: int = 0
) -> CleanSet:
    """Write a scene and what a detector finds in it, and return name and paths."""
    numbers = list(SCENES).index(scene), list(DETECTORS).index(detector)
    rng = np.random.default_rng([seed, *numbers])
    ground_truth = SCENES[scene](rng)
    detections = detected(rng, ground_truth, **DETECTORS[detector])
    paths = save_pair_as(ground_truth, detections, folder, formats)
    return f"{scene}, {detector}, {' and '.join(dict.fromkeys(formats))}", *paths


def save_pair_as(
    ground_truth: GroundTruth, detections: Detections, folder: Path, formats: tuple[str, str]
) -> tuple[Path, Path]:
    """Write both in these formats and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    truth_format, detections_format = formats
    truth_path = folder / f"truth{_SUFFIXES.get(truth_format, '')}"
    detections_path = folder / f"detections{_SUFFIXES.get(detections_format, '')}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        save_ground_truth(ground_truth, truth_path, truth_format)
        save_detections(detections, ground_truth, detections_path, detections_format)
    if truth_format == "yolo":
        _write_images(ground_truth, truth_path / "images" / "val")
    return truth_path, detections_path


def _write_images(ground_truth: GroundTruth, folder: Path) -> None:
    """Write an image without pixels for each image: YOLO takes their sizes from the files."""
    sizes = ground_truth.image_sizes.astype(int).tolist()
    for image_id, (width, height) in zip(ground_truth.image_ids, sizes, strict=True):
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        content = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", b"")
        (folder / f"{image_id}.png").write_bytes(content)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
