"""YOLO files with polygons, oriented boxes and keypoints: read as for scoring, and not "fixed"."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.doctor.doctor import plan_fix
from detbench.errors import DetbenchError
from tests.data.formats.yolo.yolo_files import write_dataset, write_files
from tests.doctor.planting import average_precision, faults

N_IMAGES = 30


def written(values):
    return "0 " + " ".join(f"{value:.6f}" for value in values)


def rectangle(cx, cy, w, h):
    left, top, right, bottom = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    return [left, top, right, top, right, bottom, left, bottom]


def octagon(cx, cy, w, h):
    angles = np.arange(8) * np.pi / 4
    return [*np.column_stack([cx + w / 2 * np.cos(angles), cy + h / 2 * np.sin(angles)]).ravel()]


def box_with_keypoints(cx, cy, w, h):
    return [cx, cy, w, h, cx - w / 4, cy, 0.9, cx + w / 4, cy + h / 3, 0.4, cx, cy - h / 2, 0.8]


SHAPES = {"rectangles": rectangle, "segments": octagon, "poses": box_with_keypoints}


@pytest.fixture
def boxes():
    random = np.random.default_rng(5)
    sizes = random.uniform(0.05, 0.4, (N_IMAGES, 2))
    return np.hstack([random.uniform(sizes / 2, 1 - sizes / 2), sizes])


@pytest.fixture
def ground_truth(tmp_path, boxes):
    labels = {f"{i:02}": written(box) + "\n" for i, box in enumerate(boxes)}
    return write_dataset(tmp_path / "truth", labels, "names: [ship]\n")


def results(folder, boxes, shape):
    scores = np.linspace(0.3, 0.95, N_IMAGES)
    return write_files(
        folder,
        {
            f"{i:02}.txt": f"{written(shape(*box))} {score:.4f}\n"
            for i, (box, score) in enumerate(zip(boxes, scores, strict=True))
        },
    )


@pytest.mark.filterwarnings("ignore:.*(read as boxes with keypoints|four corners)")
@pytest.mark.parametrize("shape", SHAPES)
def test_results_of_other_tasks_are_correct(tmp_path, boxes, ground_truth, shape):
    detections = results(tmp_path / "results", boxes, SHAPES[shape])
    assert average_precision(ground_truth, detections) == pytest.approx(1)
    assert faults(ground_truth, detections) == []
    for finding in ("not-a-number", "box-format-yxyx", "box-scale"):
        with pytest.raises(DetbenchError, match="can be fixed here"):
            plan_fix(ground_truth, detections, [finding])


def test_labels_with_keypoints_are_correct(tmp_path, boxes):
    labels = {
        f"{i:02}": written([*box_with_keypoints(*box)[:-3], 0, 0, 2]) + "\n"
        for i, box in enumerate(boxes)
    }
    yaml = "names: [ship]\nkpt_shape: [3, 3]\n"
    ground_truth = write_dataset(tmp_path / "pose", labels, yaml)
    detections = results(tmp_path / "results", boxes, lambda *box: box)
    assert average_precision(ground_truth, detections) == pytest.approx(1)
    assert faults(ground_truth, detections) == []


def test_a_polygon_of_wrong_length_is_named_and_never_cut(tmp_path, boxes, ground_truth):
    detections = results(tmp_path / "results", boxes, octagon)
    file = detections / "07.txt"
    file.write_text(" ".join(file.read_text().split()[:-1]) + "\n")
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.is_command) == ("not-a-number", False)
    assert "07.txt, line 1" in finding.evidence
    assert "17 values, expected `class x1 y1 x2 y2 … confidence`" in finding.evidence


def test_labels_beside_images_are_correct(tmp_path, boxes):
    """Darknet's layout in a folder `images`, where Ultralytics would find no labels."""
    files = {"data.yaml": "val: images\nnames: [ship]\n"}
    for i, box in enumerate(boxes):
        files |= {f"images/{i:02}.png": "", f"images/{i:02}.txt": written(box) + "\n"}
    ground_truth = write_files(tmp_path / "truth", files) / "data.yaml"
    detections = results(tmp_path / "results", boxes, lambda *box: box)
    assert average_precision(ground_truth, detections) == pytest.approx(1)
    assert faults(ground_truth, detections) == []
