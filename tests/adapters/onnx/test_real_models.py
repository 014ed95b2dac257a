"""Two public models on eighty photographs of COCO: average precision and boxes against results made with other decoders."""

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
def truth(shared_data):
    return detbench.load_ground_truth(shared_data / COCO)


def predict(path, truth, folder):
    """Return a model's detections on every picture of the ground truth that is there."""
    from PIL import Image

    with pytest.warns(DetbenchWarning, match="taken as COCO's"):
        detector = load(path, {})
    names = np.array([truth.class_names.index(name) for name in detector.class_names])
    found, images = [], []
    for index, file in enumerate(truth.image_files):
        if (folder / file).exists():
            found += detect(detector, [np.asarray(Image.open(folder / file).convert("RGB"))])
            images.append(np.full(len(found[-1].scores), index))
    return Detections.from_rows(
        truth,
        image_index=np.concatenate(images),
        class_index=names[np.concatenate([one.classes for one in found])],
        scores=np.concatenate([one.scores for one in found]),
        boxes=np.concatenate([one.boxes for one in found]),
        name=path.stem,
        source="test",
    )


def recovered(found, reference, floor):
    """Return the share of the reference's boxes with at least this score that were found: same class, IoU over .9, score within .1."""
    hits = total = 0
    for (start, end), (a, b) in zip(
        pairwise(reference.offsets), pairwise(found.offsets), strict=True
    ):
        for row in range(start, end):
            if reference.scores[row] < floor:
                continue
            box, total = reference.boxes[row], total + 1
            others = found.boxes[a:b]
            sides = np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])
            shared = np.clip(sides, 0, None).prod(axis=1)
            union = (
                (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - shared
            )
            close = np.abs(found.scores[a:b] - reference.scores[row]) < 0.1
            hits += bool(
                (
                    (shared > 0.9 * union)
                    & close
                    & (found.class_index[a:b] == reference.class_index[row])
                ).any()
            )
    return hits / total


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
def test_published_results_are_reached(shared_data, truth, model, results, ap, ap50, within, share):
    found = predict(
        shared_data / "models" / model, truth, shared_data / "coco_tiny_val" / "val2017"
    )
    summary = detbench.evaluate(truth, found).summary
    assert summary["AP"] == pytest.approx(ap, abs=within)
    assert summary["AP50"] == pytest.approx(ap50, abs=within)
    assert (
        recovered(
            found, detbench.load_detections(shared_data / "coco_tiny_val" / results, truth), 0.3
        )
        >= share
    )
