"""Two public models on 80 COCO images: AP and boxes compared with results of other decoders."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import detbench
from detbench.adapters.detector import detect
from detbench.adapters.onnx.adapter import load
from detbench.data.detections import Detections
from detbench.errors import DetbenchWarning

COCO = "coco_tiny_val/instances_val2017.json"


@pytest.fixture(scope="module")
def ground_truth(shared_data):
    return detbench.load_ground_truth(shared_data / COCO)


def predict(path, ground_truth, folder):
    """Return a model's detections on the images of the ground truth that are in the folder."""
    from PIL import Image

    with pytest.warns(DetbenchWarning, match="taken as COCO's"):
        detector = load(path, {})
    names = np.array([ground_truth.class_names.index(name) for name in detector.class_names])
    per_image, images = [], []
    for index, file in enumerate(ground_truth.image_files):
        if (folder / file).exists():
            pixels = np.asarray(Image.open(folder / file).convert("RGB"))
            per_image += detect(detector, [pixels])
            images.append(np.full(len(per_image[-1].scores), index))
    return Detections.from_rows(
        ground_truth,
        image_index=np.concatenate(images),
        class_index=names[np.concatenate([image.classes for image in per_image])],
        scores=np.concatenate([image.scores for image in per_image]),
        boxes=np.concatenate([image.boxes for image in per_image]),
        name=path.stem,
        source="test",
    )


def recall_of_boxes(detections, reference, min_score):
    """Return the share of the reference's boxes from a minimum score that were detected.

    A box is detected by one of its class with an IoU above 0.9 and a score within 0.1.
    """
    hits = total = 0
    for (start, end), (first, last) in zip(
        pairwise(reference.offsets), pairwise(detections.offsets), strict=True
    ):
        boxes, scores = detections.boxes[first:last], detections.scores[first:last]
        classes = detections.class_index[first:last]
        for row in range(start, end):
            if reference.scores[row] < min_score:
                continue
            total += 1
            overlaps = iou(boxes, reference.boxes[row]) > 0.9
            close = np.abs(scores - reference.scores[row]) < 0.1
            hits += bool((overlaps & close & (classes == reference.class_index[row])).any())
    return hits / total


def iou(boxes, box):
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    intersection = np.clip(sides, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return intersection / (areas + (box[2:] - box[:2]).prod() - intersection)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "results", "ap", "ap50", "within", "share"),
    [
        (
            "yolox_nano_kazuhito/yolox_nano.onnx",
            "yolox_nano_results.json",
            0.3024,
            0.4664,
            0.01,
            0.97,
        ),
        ("fastestdet/FastestDet.onnx", "fastestdet_results.json", 0.1961, 0.3412, 0.02, 0.6),
    ],
)
def test_published_results_are_reached(
    shared_data, ground_truth, model, results, ap, ap50, within, share
):
    tiny = shared_data / "coco_tiny_val"
    detections = predict(shared_data / "models" / model, ground_truth, tiny / "val2017")
    summary = detbench.evaluate(ground_truth, detections).summary
    assert summary["AP"] == pytest.approx(ap, abs=within)
    assert summary["AP50"] == pytest.approx(ap50, abs=within)
    reference = detbench.load_detections(tiny / results, ground_truth)
    assert recall_of_boxes(detections, reference, 0.3) >= share
