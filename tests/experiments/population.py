"""The population of the experiments: many images, two detectors on them, and samples of both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.permutation import repeat_images
from tests.data.simulated_detections import simulated_detections

QUESTIONS: tuple[tuple[str, Protocol, Measure], ...] = (
    ("AP", COCO, Measure("AP")),
    ("AP50", COCO, Measure("AP50", iou=0.5)),
    ("mAP 2007", VOC2007, Measure("mAP")),
    ("mAP 2012", VOC2012, Measure("mAP")),
)
DETECTORS = ("htt1084_d56c7e49", "robinyen_darknet")
_SIMULATED_IMAGES, _SIMULATED_CLASSES = 5000, 20


@dataclass(frozen=True, eq=False)
class Population:
    """Images to sample from, and the detections of two detectors on all of them."""

    ground_truth: GroundTruth
    detections: tuple[Detections, Detections]

    def sample(self, size: int, rng: np.random.Generator) -> tuple[GroundTruth, list[Detections]]:
        """Return `size` images sampled with replacement, and the detections in them."""
        positions = np.sort(rng.integers(0, len(self.ground_truth.image_ids), size))
        return repeat_images(self.ground_truth, self.detections, positions)

    def class_of_size(self, objects: float, size: int) -> int:
        """Return the class with about this many objects that count in a sample of `size` images."""
        counted = self.ground_truth.class_index[~self.ground_truth.difficult]
        expected = (
            np.bincount(counted, minlength=len(self.ground_truth.class_names))
            * size
            / len(self.ground_truth.image_ids)
        )
        return int(np.abs(expected - objects).argmin())


def population() -> Population:
    """Return VOC 2007 test with two real YOLOs, or simulated data if the real data are missing."""
    archive = data_folder() / "VOCtest_06-Nov-2007.annotations.tar.gz"
    if not archive.is_file():
        ground_truth = _simulated_ground_truth()
        return Population(
            ground_truth,
            (
                simulated_detections(ground_truth, 0.70, seed=1),
                simulated_detections(ground_truth, 0.74, seed=2),
            ),
        )
    ground_truth = load_ground_truth(archive)
    first, second = (
        load_detections(data_folder() / "dets_voc" / name, ground_truth) for name in DETECTORS
    )
    return Population(ground_truth, (first, second))


def data_folder() -> Path:
    """Return the folder of the real data: $DETBENCH_DATA, else ../shared/data."""
    return Path(os.environ.get("DETBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")


def scored(
    ground_truth: GroundTruth, detections: Sequence[Detections], protocol: Protocol
) -> list[Evaluation]:
    """Score detectors on one thread."""
    return [evaluate(ground_truth, each, protocol, threads=1) for each in detections]


def exchanged(
    ground_truth: GroundTruth, detections: Sequence[Detections], coins: Ints
) -> list[Detections]:
    """Return two detectors that swap their detections where `coins` (images, classes) is 1."""
    pair = [(each, groups_from_offsets(each.offsets)) for each in detections]
    sides = [coins[image, each.class_index] for each, image in pair]
    out = []
    for wanted in (0, 1):
        taken = [
            side == (wanted if number == 0 else 1 - wanted) for number, side in enumerate(sides)
        ]
        image = np.concatenate([image[rows] for (_, image), rows in zip(pair, taken, strict=True)])
        order = np.argsort(image, kind="stable")
        columns = {
            column: np.concatenate(
                [getattr(each, column)[rows] for (each, _), rows in zip(pair, taken, strict=True)]
            )[order]
            for column in ("class_index", "scores", "boxes", "box_areas")
        }
        out.append(
            Detections.from_rows(
                ground_truth, image_index=image[order], name=f"mixed {wanted}", **columns
            )
        )
    return out


def _simulated_ground_truth() -> GroundTruth:
    """Return images of 500 × 400 pixels with one to six objects of rare and frequent classes."""
    rng = np.random.default_rng(2007)
    counts = rng.integers(1, 7, _SIMULATED_IMAGES)
    rows = int(counts.sum())
    corner, extent = rng.uniform(0, (300, 200), (rows, 2)), rng.uniform(20, 200, (rows, 2))
    shares = 1 / np.arange(2, _SIMULATED_CLASSES + 2)
    return GroundTruth.from_rows(
        image_ids=[f"{n:06d}" for n in range(_SIMULATED_IMAGES)],
        class_names=[f"class {n}" for n in range(_SIMULATED_CLASSES)],
        image_index=np.repeat(np.arange(_SIMULATED_IMAGES), counts),
        class_index=rng.choice(_SIMULATED_CLASSES, rows, p=shares / shares.sum()),
        boxes=np.hstack([corner, corner + extent]),
        image_sizes=np.full((_SIMULATED_IMAGES, 2), (500.0, 400.0)),
        name="simulated",
        protocol="voc2007",
    )
