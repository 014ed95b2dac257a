"""Checks speak up only if the data as written fits worse than another explanation."""

import numpy as np

from detbench.data.detections import Detections
from tests.data.simulated_detections import simulated_detections
from tests.doctor.planting import Planted, ids, read_json, write_pair
from tests.doctor.scenes import SCENES, annotated_images, scattered
from tests.doctor.simulated_detectors import DETECTORS, annotated, detected
from tests.experiments.doctor_sets import save_pair

EXACT = DETECTORS["perfect"]


def save(ground_truth, detections, folder) -> Planted:
    return Planted(*save_pair(ground_truth, detections, folder))


def test_images_of_a_jig_fit_in_any_order(tmp_path):
    rng = np.random.default_rng(0)
    ground_truth = SCENES["jig"](rng)
    pair = save(ground_truth, detected(rng, ground_truth, **EXACT), tmp_path)
    rows, order = read_json(pair.detections), rng.permutation(len(ground_truth.image_ids))
    for row in rows:
        row["image_id"] = int(order[row["image_id"] - 1]) + 1
    assert write_pair(tmp_path, read_json(pair.ground_truth), rows).findings == []


def test_a_mistake_on_a_dense_shelf_is_named_by_all_of_its_boxes(tmp_path):
    """With 20 boxes for 300 objects, no reading could gain more than .07."""
    rng = np.random.default_rng(1)
    ground_truth = SCENES["shelf"](rng)
    pair = save(ground_truth, detected(rng, ground_truth, **EXACT), tmp_path)
    rows = read_json(pair.detections)
    for row in rows:
        x, y, width, height = row["bbox"]
        row["bbox"] = [x + width / 2, y + height / 2, width, height]
    [finding] = write_pair(tmp_path, read_json(pair.ground_truth), rows).faults
    assert finding.id == "box-format-cxcywh"
    assert "→ 1.00)" in finding.evidence


class TestCopies:
    def ground_truth(self, rng):
        return annotated(rng, images=40)

    def test_copies_below_all_others_cost_nothing_and_are_a_note(self, tmp_path):
        rng = np.random.default_rng(2)
        ground_truth = self.ground_truth(rng)
        pair = save(ground_truth, detected(rng, ground_truth), tmp_path)
        rows = read_json(pair.detections)
        rows += [row | {"score": row["score"] / 1e4} for row in rows]
        [finding] = write_pair(tmp_path, read_json(pair.ground_truth), rows).findings
        assert (finding.id, finding.severity) == ("detections-doubled", "note")

    def test_copies_of_the_same_scores_are_an_error(self, tmp_path):
        rng = np.random.default_rng(3)
        ground_truth = self.ground_truth(rng)
        pair = save(ground_truth, detected(rng, ground_truth), tmp_path)
        rows = read_json(pair.detections)
        [finding] = write_pair(tmp_path, read_json(pair.ground_truth), rows + rows).faults
        assert (finding.id, finding.severity) == ("detections-doubled", "error")


class TestImagesWithoutAnnotations:
    def test_images_that_lost_theirs_are_named(self, tmp_path):
        rng = np.random.default_rng(4)
        ground_truth = annotated(rng, images=90)
        pair = save(ground_truth, simulated_detections(ground_truth, 0.8), tmp_path)
        document = read_json(pair.ground_truth)
        document["annotations"] = [
            entry for entry in document["annotations"] if entry["image_id"] % 3
        ]
        [finding] = write_pair(tmp_path, document, read_json(pair.detections)).faults
        assert (finding.id, finding.severity) == ("labels-missing", "warning")
        assert finding.evidence.startswith("30 of 90 images have no objects, yet the detector")

    def test_images_that_are_empty_are_not(self, tmp_path):
        rng = np.random.default_rng(5)
        ground_truth = annotated(rng, images=90, empty=0.4)
        detections = detected(rng, ground_truth, false=2)
        assert save(ground_truth, detections, tmp_path).faults == []

    def test_a_detector_as_wrong_on_all_images_shows_nothing(self, tmp_path):
        rng = np.random.default_rng(6)
        ground_truth = annotated(rng, images=90, empty=0.4)
        detections = detected(
            rng, ground_truth, recall=0.6, false=6, scores=lambda scores: rng.random(len(scores))
        )
        assert "labels-missing" not in ids(save(ground_truth, detections, tmp_path).findings)


class TestClassWithoutAnnotations:
    def examined(self, folder, *, on_objects):
        """Return the faults if a third of the detections are of a class without annotations."""
        rng = np.random.default_rng(7)
        objects = [scattered(rng, 4, (640, 480), (40, 150)) for _ in range(60)]
        ground_truth = annotated_images([(640, 480)] * 60, objects, 2)
        detections = detected(rng, ground_truth, recall=1, noise=0.02, confused=0, false=0)
        classes = (np.arange(len(detections)) % 3 == 0).astype(np.int64)
        boxes = detections.boxes.copy()
        if not on_objects:
            boxes[classes == 1, ::2] += 700
        changed = Detections.from_rows(
            ground_truth,
            image_index=np.repeat(np.arange(60), np.diff(detections.offsets)),
            class_index=classes,
            scores=detections.scores,
            boxes=boxes,
        )
        return ids(save(ground_truth, changed, folder).faults)

    def test_confusions_with_it_are_no_lost_annotations(self, tmp_path):
        assert "class-without-ground-truth" not in self.examined(tmp_path, on_objects=True)

    def test_detections_of_it_beside_all_objects_are(self, tmp_path):
        assert "class-without-ground-truth" in self.examined(tmp_path, on_objects=False)
