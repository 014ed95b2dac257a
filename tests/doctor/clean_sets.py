"""Clean sets: every scene with every detector, as files of all formats; none has a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.doctor.scenes import SCENES
from tests.doctor.simulated_detectors import DETECTORS, detected
from tests.doctor.written_pairs import pair_of, write_pair

FORMAT_PAIRS = (
    ("coco", "coco"),
    ("voc", "voc"),
    ("yolo", "yolo"),
    ("parquet", "parquet"),
    ("voc", "coco"),
    ("yolo", "coco"),
    ("coco", "yolo"),
    ("class text", "class text"),
    ("csv", "csv"),
    ("kitti", "kitti"),
    ("cvat", "coco"),
    ("labelme", "coco"),
    ("bdd100k", "bdd100k"),
)
"""Formats of ground truth and detections that people have together."""

CleanSet = tuple[str, Path, Path]
"""Name, ground truth and detections."""


def every_clean_set(folder: Path, seed: int = 0) -> Iterator[CleanSet]:
    """Yield every scene with every detector, each pair in the next of the formats."""
    for number, scene in enumerate(SCENES):
        for other, detector in enumerate(DETECTORS):
            # Scenes begin with different formats, so that each detector is written in all of them.
            formats = FORMAT_PAIRS[(number + other) % len(FORMAT_PAIRS)]
            yield clean_set(scene, detector, formats, folder / f"{number}-{other}", seed)


def clean_set(
    scene: str, detector: str, formats: tuple[str, str], folder: Path, seed: int = 0
) -> CleanSet:
    """Write a scene and what a detector finds in it, and return name and paths."""
    numbers = list(SCENES).index(scene), list(DETECTORS).index(detector)
    rng = np.random.default_rng([seed, *numbers])
    ground_truth = SCENES[scene](rng)
    detections = detected(rng, ground_truth, **DETECTORS[detector])
    paths = write_pair(pair_of(ground_truth, detections, *formats), folder)
    return f"{scene}, {detector}, {' and '.join(dict.fromkeys(formats))}", *paths
