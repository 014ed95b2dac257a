"""The numbering of VOC files: pixels from 1, unless the annotations contradict it."""

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.formats.parquet.tables import (
    read_parquet_ground_truth,
    write_parquet_ground_truth,
)
from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.lenient_results import read_voc_results_leniently
from detbench.data.formats.voc.results import read_voc_results
from detbench.data.formats.voc.writer import write_voc, write_voc_results
from detbench.errors import DetbenchWarning
from tests.data.formats.voc.devkits import DOG, annotation, devkit
from tests.data.ground_truths import make_ground_truth

SIZE = "<size><width>100</width><height>80</height></size>"


def dog(*corners):
    """Return a dog whose corners have these texts."""
    text = DOG
    for tag, number, corner in zip(
        ("xmin", "ymin", "xmax", "ymax"), (48, 240, 195, 371), corners, strict=True
    ):
        text = text.replace(f"<{tag}>{number}<", f"<{tag}>{corner}<")
    return text


def read(root, *boxes):
    return read_voc(devkit(root, {"a": annotation(*(dog(*box) for box in boxes), size=SIZE)}))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(11, 21, 60, 75)], [10, 20, 60, 75]),
        ([(1, 1, 100, 80)], [0, 0, 100, 80]),
        # One box at 0 among others at 1 is a mistake, and no other numbering.
        ([(1, 21, 60, 75), (0, 21, 60, 75)], [0, 20, 60, 75]),
        # One number in four has a decimal point.
        ([(11, 21, 60.5, 75)], [10, 20, 60.5, 75]),
    ],
)
def test_pixels_count_from_1(tmp_path, recwarn, boxes, expected):
    ground_truth = read(tmp_path, *boxes)
    assert ground_truth.voc_offsets == (1, 0)
    assert ground_truth.boxes[0].tolist() == expected
    assert not recwarn.list


@pytest.mark.parametrize(
    ("boxes", "expected", "reason"),
    [
        ([("11.0", "21.0", "60.0", "75.0")], [11, 21, 60, 75], "with a decimal point"),
        ([("11.5", "21.25", "60", "75.75")], [11.5, 21.25, 60, 75.75], "with a decimal point"),
        ([(0, 0, 60, 75)], [0, 0, 60, 75], r"at 0 \(1\) than at 1 \(0\).* exclusive"),
        ([(0, 5, 100, 75)], [0, 5, 100, 75], "exclusive"),
        ([(0, 5, 99, 79)], [0, 5, 100, 80], "inclusive"),
    ],
)
def test_numbers_that_contradict_it_are_read_from_0(tmp_path, boxes, expected, reason):
    with pytest.warns(DetbenchWarning, match=f"{reason}.*VOC counts from 1"):
        ground_truth = read(tmp_path, *boxes)
    assert ground_truth.boxes[0].tolist() == expected


def test_vocs_own_annotations_are_believed(tmp_path, recwarn):
    source = "<source><database>The VOC2007 Database</database><annotation>PASCAL VOC2007"
    text = annotation(dog(0, 5, 60, 75), size=f"{source}</annotation></source>{SIZE}")
    assert read_voc(devkit(tmp_path, {"000001": text})).boxes.tolist() == [[-1, 4, 60, 75]]
    assert not recwarn.list


def test_written_annotations_are_believed(tmp_path, recwarn):
    """A box that begins outside its image is written as 0, and is no sign of another numbering."""
    original = make_ground_truth([(-1, -1, 20.5, 30.25), (0.5, 3.25, 9.75, 8.5)])
    write_voc(original, tmp_path / "voc")
    assert read_voc(tmp_path / "voc").digest == original.digest
    assert not recwarn.list


@pytest.mark.parametrize(("box", "offsets"), [((0, 5, 60, 75), (0, 0)), ((0, 5, 99, 79), (0, -1))])
def test_results_are_numbered_as_the_annotations(tmp_path, box, offsets):
    """A detector whose results have the numbers of the annotations has their boxes."""
    with pytest.warns(DetbenchWarning):
        ground_truth = read(tmp_path / "set", box)
    assert ground_truth.voc_offsets == offsets
    results = tmp_path / "res"
    results.mkdir()
    numbers = " ".join(map(str, box))
    (results / "comp4_det_test_dog.txt").write_text(f"a 0.5 {numbers}\n")
    detections = read_voc_results(results, ground_truth)
    assert detections.boxes.tolist() == ground_truth.boxes.tolist()
    rows, file = read_voc_results_leniently(results, ground_truth)
    assert rows.boxes.tolist() == ground_truth.boxes.tolist()
    assert file.corner_offsets == ground_truth.voc_offsets != (1, 0)

    # Written results, and a ground truth stored between, keep that.
    write_voc_results(detections, tmp_path / "written", offsets=ground_truth.voc_offsets)
    write_parquet_ground_truth(ground_truth, tmp_path / "truth.parquet")
    stored = read_parquet_ground_truth(tmp_path / "truth.parquet")
    assert stored.voc_offsets == offsets
    assert read_voc_results(tmp_path / "written", stored).digest == detections.digest


def test_offsets_of_written_results_are_exact(tmp_path):
    """Positions from 0 are written as they are, to the last bit."""
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 80, (50, 2, 2)), axis=1).reshape(-1, 4)
    ground_truth = make_ground_truth(corners, voc_offsets=(0, 0))
    detections = Detections.from_rows(
        ground_truth,
        image_index=[0] * 50,
        class_index=[0] * 50,
        scores=rng.uniform(size=50),
        boxes=corners,
    )
    write_voc_results(detections, tmp_path / "out", offsets=(0, 0))
    assert read_voc_results(tmp_path / "out", ground_truth).digest == detections.digest
