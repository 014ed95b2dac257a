"""Valid files are read leniently as they are read strictly."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.coco.lenient_annotations import read_coco_leniently
from detbench.data.formats.coco.lenient_results import read_coco_results_leniently
from detbench.data.formats.parquet.lenient_results import read_parquet_detections_leniently
from detbench.data.formats.voc.lenient_annotations import read_voc_leniently
from detbench.data.formats.voc.lenient_results import read_voc_results_leniently
from detbench.data.formats.yolo.lenient_annotations import read_yolo_leniently
from detbench.data.formats.yolo.lenient_results import read_yolo_results_leniently
from detbench.data.load import load_detections, load_ground_truth

VOC_2007 = "VOCtest_06-Nov-2007.annotations.tar.gz"


def assert_same(strict, lenient):
    for name in ("digest", "name", "protocol", "image_files", "image_folder"):
        assert getattr(lenient, name) == getattr(strict, name)
    assert (lenient.truncated == strict.truncated).all()


def test_ground_truth(files):
    for format_name, read, path in (
        ("voc", read_voc_leniently, files.ground_truth("voc")),
        ("yolo", read_yolo_leniently, files.ground_truth("yolo") / "data.yaml"),
    ):
        strict = load_ground_truth(files.ground_truth(format_name))
        lenient, _ = read(path, None, None)
        assert_same(strict, lenient)
        assert lenient.source == strict.source
    strict = load_ground_truth(files.ground_truth("coco"))
    assert_same(strict, read_coco_leniently(files.ground_truth("coco"), None)[0])


def test_real_ground_truth(shared_data):
    strict = load_ground_truth(shared_data / VOC_2007, split="test")
    lenient, _ = read_voc_leniently(shared_data / VOC_2007, "test", None)
    assert_same(strict, lenient)
    assert lenient.source == strict.source


def test_polygons(files, tmp_path):
    folder = tmp_path / "yolo"
    shutil.copytree(files.ground_truth("yolo"), folder)
    for file in sorted(folder.glob("labels/val/*.txt"))[::2]:
        lines = file.read_text().splitlines()
        file.write_text("".join(f"{line} .5 .4\n" for line in lines))
    lenient, _ = read_yolo_leniently(folder / "data.yaml", None, None)
    assert lenient.digest == load_ground_truth(folder).digest


@pytest.mark.parametrize(
    ("format_name", "read"),
    [
        ("coco", read_coco_results_leniently),
        ("voc", read_voc_results_leniently),
        ("yolo", read_yolo_results_leniently),
        ("parquet", read_parquet_detections_leniently),
    ],
)
def test_detections(files, format_name, read):
    ground_truth = load_ground_truth(files.ground_truth("coco"))
    path = files.detections(format_name)
    strict = DetectionRows.from_detections(load_detections(path, ground_truth))
    lenient, file = read(path, ground_truth)
    assert not file.malformed.any()
    assert lenient.scorable.all()
    # The two readers take YOLO's files, and VOC's classes, in orders of their own.
    strict, lenient = (rows.select(sorted_rows(rows)) for rows in (strict, lenient))
    assert (lenient.image_index == strict.image_index).all()
    assert (lenient.class_index == strict.class_index).all()
    assert np.abs(lenient.boxes - strict.boxes).max() < 1e-9
    assert (lenient.scores == strict.scores).all()


def sorted_rows(rows):
    return np.lexsort((*np.round(rows.boxes, 6).T, rows.scores, rows.class_index, rows.image_index))
