"""Random cases for analyses: as columns, as an evaluation, and as the plain rows that the references take."""

from __future__ import annotations

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import IGNORED, REGION, REGULAR
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.random_cases import CLASSES, random_case

KINDS = {REGULAR: "regular", IGNORED: "ignored", REGION: "region"}


def analysed(seed, protocol="coco", images=12, ties=False):
    """Return an evaluation of a random case; its images have a size of 300 × 250 pixels."""
    rng = np.random.default_rng(seed)
    objects, detections = random_case(rng, images)
    count = len(detections["scores"])
    detections["scores"] = (
        rng.integers(1, 12, count) / 12 if ties else rng.permutation(count) / max(count, 1)
    )
    names = [f"{n:04d}" for n in range(images)]
    truth = GroundTruth.from_rows(
        image_ids=names,
        class_names=CLASSES,
        image_sizes=[(300, 250)] * images,
        name="made",
        **objects,
    )
    return evaluate(truth, Detections.from_rows(truth, name="finder", **detections), protocol)


def plain(evaluation):
    """Return objects (image, class, box, kind) and detections (image, class, score, box) as the references take them, row by row."""
    truth, found = evaluation.ground_truth, evaluation.detections
    images = [
        np.repeat(np.arange(len(each.image_ids)), np.diff(each.offsets)).tolist()
        for each in (truth, found)
    ]
    kinds = [KINDS[kind] for kind in object_kinds(truth, evaluation.protocol).tolist()]
    objects = list(
        zip(images[0], truth.class_index.tolist(), truth.boxes.tolist(), kinds, strict=True)
    )
    return objects, list(
        zip(
            images[1],
            found.class_index.tolist(),
            found.scores.tolist(),
            found.boxes.tolist(),
            strict=True,
        )
    )
