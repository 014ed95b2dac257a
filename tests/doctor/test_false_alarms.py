"""No detector is called mistaken for being weak, and none another split's without evidence."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from tests.data.simulated_detections import simulated_detections
from tests.doctor.planting import Planted, read_json, write_pair
from tests.doctor.simulated_detectors import KINDS, annotated, detected
from tests.experiments.doctor_sets import save_pair


def save(ground_truth, detections, folder) -> Planted:
    return Planted(*save_pair(ground_truth, detections, folder))


WEAK = (
    "barely trained",
    "random boxes",
    "weak",
    "no false positives",
    "three images",
    "one image",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seed"),
    [(kind, 0) for kind in KINDS] + [(kind, seed) for kind in WEAK for seed in (1, 2)],
)
def test_simulated_detectors_have_notes_at_most(tmp_path, kind, seed):
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    scene, detector = KINDS[kind]
    ground_truth = annotated(rng, **scene)
    assert save(ground_truth, detected(rng, ground_truth, **detector), tmp_path).faults == []


def landscape_scene(rng):
    return annotated(rng, images=100, size=(640, 480))


def scene_of_two_sizes(rng, first_size, last_size):
    """Return 50 images of one size, then 50 of another."""
    parts = [annotated(rng, images=50, size=size) for size in (first_size, last_size)]
    images = [groups_from_offsets(part.offsets) + 50 * n for n, part in enumerate(parts)]
    return GroundTruth.from_rows(
        image_ids=[str(n + 1) for n in range(100)],
        class_names=parts[0].class_names,
        image_index=np.concatenate(images),
        class_index=np.concatenate([part.class_index for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        image_sizes=np.concatenate([part.image_sizes for part in parts]),
    )


class TestOtherImagesOfTheSameIds:
    def test_images_of_other_sizes_are_an_error(self, tmp_path):
        rng = np.random.default_rng(1)
        ground_truth = scene_of_two_sizes(rng, (640, 480), (480, 640))
        other = scene_of_two_sizes(rng, (480, 640), (640, 480))
        [finding] = save(ground_truth, simulated_detections(other, 0.8), tmp_path).faults
        assert (finding.id, finding.severity) == ("wrong-split", "error")
        assert "they fit the sizes of other images" in finding.evidence

    def test_a_detector_confident_of_what_is_not_there_is_a_warning(self, tmp_path):
        rng = np.random.default_rng(2)
        ground_truth, other = landscape_scene(rng), landscape_scene(rng)
        detections = detected(rng, other, scores=lambda scores: scores**0.5)
        [finding] = save(ground_truth, detections, tmp_path).faults
        assert (finding.id, finding.severity) == ("wrong-split", "warning")
        assert "detections score 0.5 or more" in finding.evidence

    def test_a_detector_that_finds_next_to_nothing_is_a_note(self, tmp_path):
        rng = np.random.default_rng(3)
        ground_truth = landscape_scene(rng)
        detections = detected(rng, ground_truth, recall=0, false=10)
        [finding] = save(ground_truth, detections, tmp_path).findings
        assert (finding.id, finding.severity) == ("wrong-split", "note")

    def test_ids_in_another_order_are_an_error(self, tmp_path):
        rng = np.random.default_rng(4)
        ground_truth = landscape_scene(rng)
        pair = save(ground_truth, detected(rng, ground_truth, false=0.2), tmp_path)
        rows, order = read_json(pair.detections), rng.permutation(100)
        for row in rows:
            row["image_id"] = int(order[row["image_id"] - 1]) + 1
        [finding] = write_pair(tmp_path, read_json(pair.ground_truth), rows).faults
        assert (finding.id, finding.severity) == ("image-ids-shifted", "error")


def test_one_score_of_detections_that_are_all_right_is_a_note(tmp_path):
    rng = np.random.default_rng(5)
    ground_truth = landscape_scene(rng)
    right = {"recall": 1, "noise": 0, "confused": 0, "scores": np.ones_like}
    all_right = detected(rng, ground_truth, false=0, **right)
    [finding] = save(ground_truth, all_right, tmp_path / "right").findings
    assert (finding.id, finding.severity) == ("score-ties", "note")
    assert "AP is 1.000 in any order" in finding.evidence

    some_wrong = detected(rng, ground_truth, false=3, **right)
    findings = save(ground_truth, some_wrong, tmp_path / "wrong").findings
    assert ("score-ties", "error") in [(finding.id, finding.severity) for finding in findings]


def test_one_empty_image_is_normal_if_each_box_is_written_for_every_class(tmp_path):
    """No image has just one detection then, whatever the detector finds."""
    rng = np.random.default_rng(6)
    ground_truth = annotated(rng, images=40)
    pair = save(ground_truth, detected(rng, ground_truth), tmp_path)
    rows = [
        row | {"category_id": category_id, "score": row["score"] * (1 if is_own else 0.1)}
        for row in read_json(pair.detections)
        if row["image_id"] != 7
        for category_id in range(1, len(ground_truth.class_names) + 1)
        for is_own in [category_id == row["category_id"]]
    ]
    assert write_pair(tmp_path, read_json(pair.ground_truth), rows).faults == []
