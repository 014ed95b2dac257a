"""No detector is called mistaken for being weak, and none another split's without positive evidence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from detbench.data.shapes import shapes_detections
from detbench.doctor.doctor import examine
from tests.doctor.simulated import KINDS, annotated, detected


def said(truth, found, folder):
    save_ground_truth(truth, folder / "truth.json")
    save_detections(found, truth, folder / "found.json")
    return [
        (finding.id, finding.severity, finding.evidence)
        for finding in examine(folder / "truth.json", folder / "found.json")
    ]


FINDING_LITTLE = (
    "barely trained",
    "random boxes",
    "weak",
    "no false positives",
    "three images",
    "one image",
)


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(kind, 0) for kind in KINDS] + [(kind, seed) for kind in FINDING_LITTLE for seed in (1, 2)],
)
def test_simulated_detectors_have_notes_at_most(tmp_path, kind, seed):
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    scene, detector = KINDS[kind]
    truth = annotated(rng, **scene)
    findings = said(truth, detected(rng, truth, **detector), tmp_path)
    assert [finding for finding in findings if finding[1] != "note"] == []


def scenes(rng, size, images=100):
    return annotated(rng, images=images, size=size)


def two_sizes(rng, first, last):
    """Return a set of landscape and portrait images, by their sizes in order."""
    parts = [scenes(rng, size, 50) for size in (first, last)]
    image = [
        np.repeat(np.arange(50), np.diff(part.offsets)) + 50 * n for n, part in enumerate(parts)
    ]
    return GroundTruth.from_rows(
        image_ids=[str(n + 1) for n in range(100)],
        class_names=parts[0].class_names,
        image_index=np.concatenate(image),
        class_index=np.concatenate([part.class_index for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        image_sizes=np.concatenate([part.image_sizes for part in parts]),
    )


class TestOtherImagesOfTheSameIds:
    def test_images_of_other_sizes_are_an_error(self, tmp_path):
        rng = np.random.default_rng(1)
        truth, other = (
            two_sizes(rng, (640, 480), (480, 640)),
            two_sizes(rng, (480, 640), (640, 480)),
        )
        [(finding, severity, evidence)] = [
            each
            for each in said(truth, shapes_detections(other, 0.8), tmp_path)
            if each[1] != "note"
        ]
        assert (finding, severity) == ("wrong-split", "error")
        assert "sizes are those of others" in evidence

    def test_a_detector_sure_of_what_is_not_there_is_a_warning(self, tmp_path):
        rng = np.random.default_rng(2)
        truth, other = scenes(rng, (640, 480)), scenes(rng, (640, 480))
        found = detected(rng, other, scores=lambda scores: scores**0.5)
        [(finding, severity, evidence)] = [
            each for each in said(truth, found, tmp_path) if each[1] != "note"
        ]
        assert (finding, severity) == ("wrong-split", "warning")
        assert "surer than 0.5" in evidence

    def test_a_detector_that_finds_next_to_nothing_is_a_note(self, tmp_path):
        rng = np.random.default_rng(3)
        truth = scenes(rng, (640, 480))
        found = said(truth, detected(rng, truth, recall=0, false=10), tmp_path)
        assert [(finding, severity) for finding, severity, _ in found] == [("wrong-split", "note")]

    def test_ids_in_another_order_are_an_error(self, tmp_path):
        rng = np.random.default_rng(4)
        truth = scenes(rng, (640, 480))
        said(truth, detected(rng, truth, false=0.2), tmp_path)
        found = json.loads((tmp_path / "found.json").read_text())
        order = rng.permutation(100)
        for row in found:
            row["image_id"] = int(order[row["image_id"] - 1]) + 1
        (tmp_path / "found.json").write_text(json.dumps(found))
        findings = [
            each
            for each in examine(tmp_path / "truth.json", tmp_path / "found.json")
            if each.severity != "note"
        ]
        assert [(each.id, each.severity) for each in findings] == [("image-ids-shifted", "error")]


def test_one_score_of_detections_that_are_all_right_is_a_note(tmp_path):
    rng = np.random.default_rng(5)
    truth = scenes(rng, (640, 480))
    right = {"recall": 1, "noise": 0, "confused": 0, "scores": np.ones_like}
    [(finding, severity, evidence)] = said(truth, detected(rng, truth, false=0, **right), tmp_path)
    assert (finding, severity) == ("score-ties", "note")
    assert "AP is 1.000 in whatever order" in evidence
    assert ("score-ties", "error") in [
        each[:2] for each in said(truth, detected(rng, truth, false=3, **right), tmp_path)
    ]


def test_one_empty_image_is_normal_where_each_box_is_written_for_every_class(tmp_path):
    """No image has just one detection then, whatever the detector finds."""
    rng = np.random.default_rng(6)
    truth = annotated(rng, images=40)
    said(truth, detected(rng, truth), tmp_path)
    found = [
        row for row in json.loads((tmp_path / "found.json").read_text()) if row["image_id"] != 7
    ]
    kinds = range(1, len(truth.class_names) + 1)
    every = [
        {
            **row,
            "category_id": kind,
            "score": row["score"] * (1 if kind == row["category_id"] else 0.1),
        }
        for row in found
        for kind in kinds
    ]
    (tmp_path / "found.json").write_text(json.dumps(every))
    assert [
        each.id
        for each in examine(tmp_path / "truth.json", tmp_path / "found.json")
        if each.severity != "note"
    ] == []
