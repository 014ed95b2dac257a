"""Detections on no object, and difficult objects that count, are suspicious; weakness is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.suspicions import detection_suspicions, find_suspicions
from tests.doctor.scenes import SCENES
from tests.doctor.simulated_detectors import DETECTORS, detected
from tests.metrics.scored import detections, perfect, scored, truth

BOX = (10, 10, 50, 60)


def raised_by(ground_truth, detector, protocol="voc2007") -> dict[str, str]:
    """Return ID → text of each suspicion."""
    evaluation = scored(ground_truth, detector, protocol)
    return {suspicion.id: str(suspicion) for suspicion in find_suspicions(evaluation)}


@pytest.mark.parametrize(("n_placed", "is_suspicious"), [(0, True), (1, True), (2, False)])
def test_almost_no_object_has_a_detection_on_it(n_placed, is_suspicious):
    """Of 40 objects, fewer than 5% have one; classes play no role."""
    places = [
        (image, k % 2, (15 * k, 10, 15 * k + 12, 40)) for image in range(4) for k in range(10)
    ]
    ground_truth = truth(places)
    boxes = np.add(ground_truth.boxes, (0, 45, 0, 45))
    boxes[:n_placed] = ground_truth.boxes[:n_placed]
    moved = perfect(ground_truth, boxes=boxes, class_index=1 - ground_truth.class_index)
    texts = raised_by(ground_truth, moved)
    assert ("objects-not-found" in texts) is is_suspicious
    if is_suspicious:
        assert f"{n_placed} of 40 that could are found" in texts["objects-not-found"]


def test_objects_of_images_without_detections_and_of_crowded_images_are_not_missed():
    """Only ten boxes of an image are looked at, so that they cannot lie on more objects."""
    crowded = [(0, 0, (k, 0, k + 1, 50)) for k in range(200)]
    others = [(image, 1, BOX) for image in (1, 2, 3)]
    ground_truth = truth([*crowded, *others])
    ten = [(0, 0, 0.9 - k / 100, (k, 0, k + 1, 50)) for k in range(3)]
    ten += [(0, 0, 0.5 - k / 100, (k, 60, k + 1, 90)) for k in range(30)]
    detector = detections(ground_truth, ten)
    assert "objects-not-found" not in raised_by(ground_truth, detector)


@pytest.mark.parametrize("scene", SCENES)
def test_weak_detectors_find_enough_objects(scene):
    rng = np.random.default_rng(5)
    ground_truth = SCENES[scene](rng)
    weak = detected(rng, ground_truth, **DETECTORS["weak"])
    raised = detection_suspicions(ground_truth, weak, COCO)
    assert "objects-not-found" not in [suspicion.id for suspicion in raised]


def test_difficult_objects_that_count_are_named():
    places = [(image, k, (10 + 60 * k, 10, 50 + 60 * k, 60)) for image in range(4) for k in (0, 1)]
    ground_truth = truth(places, difficult=np.arange(8) < 5)
    detector = perfect(ground_truth)
    texts = raised_by(ground_truth, detector, "coco")
    expected = "5 difficult objects are counted, as in the COCO protocol; --difficult ignore"
    assert list(texts) == ["difficult-counted"]
    assert expected in texts["difficult-counted"]
    assert raised_by(ground_truth, detector, replace(COCO, difficult="ignore")) == {}
    assert raised_by(ground_truth, detector, "voc2007") == {}
