"""Recognition: each format claims its own files and no others, and reads the same dataset."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from detbench.data.formats.row_formats import ROW_FORMATS
from detbench.data.formats.table import recognize_detections, recognize_ground_truth
from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.scoring.evaluate import evaluate
from tests.data.formats.labeled import load, load_scored, objects
from tests.data.formats.sample import BOXES, SCORES
from tests.data.formats.samples import SAMPLES, truth

ASKS = "csv"
"""Claims every CSV file, to ask for the columns where they are not clear."""
GROUND_TRUTHS = [sample for sample in SAMPLES if sample.ground_truth]
DETECTIONS = [sample for sample in SAMPLES if sample.detections]


def by_name(samples):
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample.format_name)


def claimed_by(path):
    return {row.name for row in ROW_FORMATS if row.name != ASKS and row.recognizes(path)}


@by_name(GROUND_TRUTHS)
def test_ground_truth_is_recognized_as_its_own_format_only(tmp_path, sample):
    path = sample.ground_truth(tmp_path)
    assert recognize_ground_truth(path)[0] == sample.format_name
    assert claimed_by(path) <= {sample.format_name}


@by_name(DETECTIONS)
def test_detections_are_recognized_as_their_own_format_only(tmp_path, sample):
    path = sample.detections(tmp_path)
    assert recognize_detections(path, truth(sample.classes))[0] == sample.format_name
    # Without the ground truth, results of YOLO and VOC look like text per image, and are not
    # asked: the table takes the formats in turn.
    if sample.format_name not in ("voc", "yolo"):
        assert claimed_by(path) <= {sample.format_name}


@by_name(GROUND_TRUTHS)
def test_every_format_reads_the_same_objects(tmp_path, sample):
    ground_truth, _ = load(sample.ground_truth(tmp_path))
    rows = [(PurePosixPath(image).stem, name, box) for image, name, box, _ in objects(ground_truth)]
    assert sorted(rows) == sorted(
        ("a", name, list(map(float, box))) for name, box in zip(sample.classes, BOXES, strict=True)
    )
    assert len(ground_truth.image_ids) == 1 + sample.lists_empty_images


@by_name(DETECTIONS)
def test_every_format_reads_the_same_detections(tmp_path, sample):
    rows, _ = load_scored(sample.detections(tmp_path), truth(sample.classes))
    expected = zip(sample.classes, BOXES, SCORES, strict=True)
    assert [row[:2] for row in rows] == [("a", name) for name in sample.classes]
    for (_, _, box, score), (_, expected_box, expected_score) in zip(rows, expected, strict=True):
        assert np.allclose(box, expected_box, rtol=0, atol=1e-5)
        assert score == pytest.approx(expected_score)


@pytest.mark.filterwarnings("ignore::detbench.errors.DetbenchWarning")
@by_name([sample for sample in DETECTIONS if sample.ground_truth])
def test_the_doctor_reads_what_scoring_reads(tmp_path, sample):
    path = sample.ground_truth(tmp_path / "truth")
    ground_truth = load_ground_truth(path)
    _, reader = recognize_ground_truth(path)
    assert reader.read_leniently(path, None, None)[0].digest == ground_truth.digest
    path = sample.detections(tmp_path / "detections")
    _, reader = recognize_detections(path, ground_truth)
    rows, file = reader.read_leniently(path, ground_truth)
    assert not file.malformed.any()
    strict = load_detections(path, ground_truth)
    lenient = rows.to_detections(ground_truth)
    for column in ("offsets", "class_index", "scores"):
        assert (getattr(lenient, column) == getattr(strict, column)).all()
    assert np.allclose(lenient.boxes, strict.boxes, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::detbench.errors.DetbenchWarning")
@by_name([sample for sample in DETECTIONS if sample.ground_truth])
def test_detections_of_a_format_fit_its_own_ground_truth(tmp_path, sample):
    ground_truth = load_ground_truth(sample.ground_truth(tmp_path / "truth"))
    detections = load_detections(sample.detections(tmp_path / "detections"), ground_truth)
    assert evaluate(ground_truth, detections).average_precision == pytest.approx(1)
