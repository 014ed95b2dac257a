"""Random cases for error analyses: as an evaluation, and as the plain rows of the references."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import IGNORED, REGION, REGULAR
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.random_cases import CLASSES, random_case

KINDS = {REGULAR: "regular", IGNORED: "ignored", REGION: "region"}


def random_evaluation(seed, protocol="coco", images=12, ties=False):
    """Return the evaluation of a random case; its images have 300 × 250 pixels.

    All scores are different, or many are equal with `ties`.
    """
    rng = np.random.default_rng(seed)
    objects, rows = random_case(rng, images)
    count = len(rows["scores"])
    if ties:
        rows["scores"] = rng.integers(1, 12, count) / 12
    else:
        rows["scores"] = rng.permutation(count) / max(count, 1)
    ground_truth = GroundTruth.from_rows(
        image_ids=[f"{n:04d}" for n in range(images)],
        class_names=CLASSES,
        image_sizes=[(300, 250)] * images,
        name="made",
        **objects,
    )
    detections = Detections.from_rows(ground_truth, name="finder", **rows)
    return evaluate(ground_truth, detections, protocol)


def plain_rows(evaluation):
    """Return the objects and detections of an evaluation as rows, in their order.

    Objects are (image, class, box, kind), detections (image, class, score, box).
    """
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    kinds = object_kinds(ground_truth, evaluation.protocol).tolist()
    objects = zip(
        groups_from_offsets(ground_truth.offsets).tolist(),
        ground_truth.class_index.tolist(),
        ground_truth.boxes.tolist(),
        [KINDS[kind] for kind in kinds],
        strict=True,
    )
    rows = zip(
        groups_from_offsets(detections.offsets).tolist(),
        detections.class_index.tolist(),
        detections.scores.tolist(),
        detections.boxes.tolist(),
        strict=True,
    )
    return list(objects), list(rows)
