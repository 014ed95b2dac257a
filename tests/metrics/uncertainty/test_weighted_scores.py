"""Weighted scores against the evaluation itself: of the same dataset, and of one that really holds an image several times."""

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.table import PROTOCOLS, changed_switches
from detbench.metrics.protocols.voc import VOC2012
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.weighted_scores import weighted_scores

CLASSES = ("a", "b", "c", "never")
PROTOCOL_VALUES = [
    *PROTOCOLS.values(),
    VOC2012.with_thresholds((0.3, 0.5, 0.75)),
    COCO.with_max_detections((1, 3)),
]


def random_case(rng, images=12):
    """Return columns of objects and detections: crowds, difficult ones, all sizes, scores that tie across images but not in one."""
    count, found = rng.integers(0, 40), rng.integers(0, 120)
    corner, extent = (
        rng.uniform(0, 100, (count, 2)),
        rng.choice([10, 31, 32, 60, 97, 150], (count, 2)),
    )
    objects = {
        "image_index": rng.integers(0, images, count),
        "class_index": rng.integers(0, 3, count),
        "boxes": np.hstack([corner, corner + extent]),
        "iscrowd": rng.random(count) < 0.1,
        "difficult": rng.random(count) < 0.2,
    }
    near = rng.integers(0, max(count, 1), found)
    boxes = (objects["boxes"][near] if count else rng.uniform(0, 50, (found, 4))) + rng.normal(
        0, 6, (found, 4)
    )
    image = objects["image_index"][near] if count else rng.integers(0, images, found)
    detections = {
        "image_index": image,
        "class_index": np.where(
            rng.random(found) < 0.8,
            objects["class_index"][near] if count else 0,
            rng.integers(0, 4, found),
        ),
        "scores": np.zeros(found),
        "boxes": boxes,
    }
    for i in range(images):
        inside = np.flatnonzero(image == i)
        detections["scores"][inside] = (
            rng.permutation(40)[: len(inside)] / 40
            if len(inside) <= 40
            else rng.random(len(inside))
        )
    return objects, detections


def repeated(columns, weights):
    """Return the columns of the dataset that holds image i `weights[i]` times, rows in their order, copies side by side."""
    first = np.concatenate([[0], np.cumsum(weights)])
    rows, images = [], []
    for i in range(len(columns["image_index"])):
        image = columns["image_index"][i]
        for copy in range(weights[image]):
            rows.append(i)
            images.append(first[image] + copy)
    rows = np.array(rows, np.int64)
    return {name: values[rows] for name, values in columns.items()} | {
        "image_index": np.array(images, np.int64)
    }


def scored(objects, detections, images, protocol):
    truth = GroundTruth.from_rows(
        image_ids=[f"{n:04d}" for n in range(images)], class_names=CLASSES, **objects
    )
    return evaluate(truth, Detections.from_rows(truth, name="made", **detections), protocol)


@pytest.mark.parametrize(
    "protocol", PROTOCOL_VALUES, ids=lambda protocol: f"{protocol.name}{len(changed_switches(protocol))}"
)
@pytest.mark.parametrize("seed", range(25))
def test_as_a_dataset_that_holds_images_several_times(protocol, seed):
    rng = np.random.default_rng(seed)
    objects, detections = random_case(rng)
    evaluation = scored(objects, detections, 12, protocol)
    sets = [np.ones(12, np.int64), *rng.poisson(1, (3, 12)), np.eye(12, dtype=np.int64)[0] * 7]
    values = weighted_scores(
        [evaluation], protocol.measures, len(sets), lambda b: sets[b].astype(np.uint16), threads=1
    )[0]
    for b, weights in enumerate(sets):
        reference = scored(
            repeated(objects, weights), repeated(detections, weights), int(weights.sum()), protocol
        )
        for measure, replicates in zip(protocol.measures, values, strict=True):
            np.testing.assert_allclose(
                replicates.classes[b], reference.class_values(measure), rtol=0, atol=1e-12
            )
            expected = reference.value(measure)
            assert replicates.values[b] == pytest.approx(
                np.nan if expected is None else expected, abs=1e-12, nan_ok=True
            )
