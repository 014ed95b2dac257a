"""Files of Datumaro, supervision, globox and Ultralytics, as text, with the calls that wrote them.

All hold the same two boxes on image `a` of 64 × 48 pixels: a dog at 8, 6, 24, 18 with confidence
.75 and a cat at 30, 20, 50, 40 with confidence .5. Image `b` has none.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import InputError
from tests.data.formats.yolo.yolo_files import write_files

BOXES = [[8, 6, 24, 18], [30, 20, 50, 40]]
IMAGES = ("a", "b")
LABELS = "1 0.250000 0.250000 0.250000 0.250000\n0 0.625000 0.625000 0.312500 0.416667\n"

DATASETS = {
    # Dataset.from_iterable(items, categories=["cat", "dog"]).export(folder, "yolo"), Datumaro 1.13
    "datumaro yolo": {
        "obj.data": "classes = 2\nval = data/val.txt\nnames = data/obj.names\nbackup = backup/\n",
        "obj.names": "cat\ndog\n",
        "val.txt": "data/obj_val_data/a.jpg\ndata/obj_val_data/b.jpg\n",
        "obj_val_data/a.jpg": "",
        "obj_val_data/b.jpg": "",
        "obj_val_data/a.txt": LABELS,
        "obj_val_data/b.txt": "",
    },
    # ….export(folder, "yolo_ultralytics"), Datumaro 1.13
    "datumaro ultralytics": {
        "data.yaml": "val: val.txt\ntrain: train.txt\nnames:\n  0: cat\n  1: dog\n",
        "val.txt": "./images/val/a.jpg\n./images/val/b.jpg\n",
        "images/val/a.jpg": "",
        "images/val/b.jpg": "",
        "labels/val/a.txt": LABELS,
        "labels/val/b.txt": "",
    },
    # DetectionDataset(…).as_yolo("images", "labels", "data.yaml"), supervision 0.31
    "supervision": {
        "data.yaml": "nc: 2\nnames: [cat, dog]\n",
        "images/a.jpg": "",
        "images/b.jpg": "",
        "labels/a.txt": "1 0.25000 0.25000 0.25000 0.25000\n0 0.62500 0.62500 0.31250 0.41667\n",
        "labels/b.txt": "",
    },
    # CVAT, "Ultralytics YOLO Detection 1.0",
    # https://docs.cvat.ai/docs/dataset_management/formats/format-yolo-ultralytics/
    "cvat ultralytics": {
        "data.yaml": "path: .\nval: val.txt\nnames:\n  0: cat\n  1: dog\n",
        "val.txt": "data/images/val/a.jpg\ndata/images/val/b.jpg\n",
        "images/val/a.jpg": "",
        "images/val/b.jpg": "",
        "labels/val/a.txt": LABELS,
        "labels/val/b.txt": "",
    },
}

RESULTS = {
    # AnnotationSet([…]).save_yolo_v5(folder, label_to_id={"cat": 0, "dog": 1}), globox 2.9
    "globox v5": {
        "a.txt": "1 0.25 0.25 0.25 0.25 0.75\n0 0.625 0.625 0.3125 0.4166666666666667 0.5",
        "b.txt": "",
    },
    # Results.save_txt(…, save_conf=True), which writes "%g" and no file without detections,
    # ultralytics/engine/results.py of Ultralytics 8.4: a detection, segmentation and OBB model
    "ultralytics detect": {
        "labels/a.txt": "1 0.25 0.25 0.25 0.25 0.75\n0 0.625 0.625 0.3125 0.416667 0.5\n",
    },
    "ultralytics track": {
        "labels/a.txt": "1 0.25 0.25 0.25 0.25 0.75 1\n0 0.625 0.625 0.3125 0.416667 0.5 2\n",
    },
    "ultralytics segment": {
        "labels/a.txt": "1 0.125 0.125 0.125 0.375 0.375 0.375 0.375 0.125 0.75\n"
        "0 0.625 0.416667 0.46875 0.833333 0.6 0.8 0.78125 0.625 0.7 0.5 0.5\n",
    },
    "ultralytics obb": {
        "labels/a.txt": "1 0.375 0.375 0.375 0.125 0.125 0.125 0.125 0.375 0.75\n"
        "0 0.78125 0.833333 0.78125 0.416667 0.46875 0.416667 0.46875 0.833333 0.5\n",
    },
}


def write(folder, files):
    write_files(folder, files)
    for image in folder.rglob("*.jpg"):
        Image.new("L", (64, 48)).save(image)
    return folder


@pytest.mark.parametrize("writer", DATASETS)
def test_datasets(tmp_path, writer):
    ground_truth = load_ground_truth(write(tmp_path, DATASETS[writer]))
    np.testing.assert_allclose(ground_truth.boxes, BOXES, atol=1e-3)
    assert ground_truth.class_index.tolist() == [1, 0]
    assert (ground_truth.class_names, ground_truth.image_ids) == (("cat", "dog"), IMAGES)
    assert ground_truth.offsets.tolist() == [0, 2, 2]


@pytest.mark.parametrize("writer", RESULTS)
def test_results(tmp_path, writer):
    ground_truth = load_ground_truth(write(tmp_path / "truth", DATASETS["supervision"]))
    folder = write_files(tmp_path / "results", RESULTS[writer])
    detections = load_detections(folder, ground_truth)
    np.testing.assert_allclose(detections.boxes, BOXES, atol=1e-3)
    assert detections.class_index.tolist() == [1, 0]
    assert detections.scores.tolist() == [0.75, 0.5]


def test_the_confidence_before_the_box(tmp_path):
    """AnnotationSet(…).save_yolo_darknet(folder, label_to_id={"cat": 0, "dog": 1}), globox 2.9."""
    ground_truth = load_ground_truth(write(tmp_path / "truth", DATASETS["supervision"]))
    lines = """\
1 0.97 0.25 0.25 0.25 0.25
1 0.91 0.25 0.25 0.25 0.25
1 0.75 0.25 0.25 0.25 0.25
0 0.88 0.625 0.625 0.3125 0.4166666666666667
0 0.5 0.625 0.625 0.3125 0.4166666666666667"""
    folder = write_files(tmp_path / "results", {"a.txt": lines, "b.txt": ""})
    with pytest.raises(InputError, match="the confidence seems to be second, before the box"):
        load_detections(folder, ground_truth)
