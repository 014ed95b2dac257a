"""YOLO results: order and names of files, and malformed lines."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.data.formats.yolo.result_files import is_yolo_results
from detbench.data.formats.yolo.results import read_yolo_results
from detbench.data.formats.yolo.writer import write_yolo_results
from detbench.errors import DetbenchWarning, InputError
from tests.data.ground_truths import make_ground_truth, random_detections

LINE = "0 0.5 0.5 0.2 0.5 0.75\n"


def results(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.removeprefix('i')}.txt").write_text(text)
    return folder


def test_boxes_become_pixels_in_image_order(tmp_path):
    detections = read_yolo_results(
        results(tmp_path, i002=LINE + "2 0.5 0.5 1 1 0.25", i000="1 0.1 0.1 0.2 0.2 0.5\n"),
        make_ground_truth(),
    )
    assert detections.boxes.tolist() == [[0, 0, 20, 16], [40, 20, 60, 60], [0, 0, 100, 80]]
    assert detections.box_areas.tolist() == [320, 800, 8000]
    assert detections.class_index.tolist() == [1, 0, 2]
    assert detections.scores.tolist() == [0.5, 0.75, 0.25]
    assert detections.offsets.tolist() == [0, 1, 1, 3]
    assert detections.source_rows is None


def test_files_are_named_after_image_files_before_ids(tmp_path):
    named = make_ground_truth(image_files=["x/001.jpg", "000.jpg", "b.jpg"])
    detections = read_yolo_results(results(tmp_path, i001=LINE, i002=LINE, b=LINE), named)
    assert detections.offsets.tolist() == [0, 1, 1, 3]
    assert is_yolo_results(tmp_path, named)
    assert not is_yolo_results(tmp_path / "none", named)


@pytest.mark.filterwarnings("ignore:.*extend beyond their image")
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_random_detections_come_back(data):
    detections = data.draw(random_detections(make_ground_truth()))
    with tempfile.TemporaryDirectory() as folder:
        write_yolo_results(detections, Path(folder), make_ground_truth())
        values = [
            line.split()[1:5]
            for file in Path(folder).iterdir()
            for line in file.read_text().splitlines()
        ]
        outside = sum(any(not 0 <= float(value) <= 1 for value in row) for row in values)
        if 2 * outside > len(values):
            with pytest.raises(InputError, match=r"outside 0\.\.1"):
                read_yolo_results(Path(folder), make_ground_truth())
            return
        again = read_yolo_results(Path(folder), make_ground_truth())
    np.testing.assert_allclose(again.boxes, detections.boxes, rtol=1e-12, atol=1e-9)
    assert again.scores.tolist() == detections.scores.tolist()
    assert again.class_index.tolist() == detections.class_index.tolist()
    assert again.offsets.tolist() == detections.offsets.tolist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "0 0.5 0.5 0.2 0.5",
            r"5 values, expected 6: .*; predict again with save_txt=True and save_conf=True",
        ),
        ("0 0.5 0.5 0.2 0.5 0.5 0.5", r"7 values, expected 6"),
        ("0 0.5 0.5 0.2 0.5 sure", r"'sure' is not a number"),
        ("0 0.5 0.5 0.2 nan 0.5", r"a value is not finite"),
        ("1e300 0.5 0.5 0.2 0.2 0.5", r"class 1e\+300 is not the number of a class"),
        ("0 1e308 0.5 0.2 0.2 0.5", r"is not a box in pixels: \[1e\+308, 0.5, 0.2, 0.2\]"),
        ("0 0.5 0.5 1e308 1e308 0.5", r"is not a box in pixels"),
        ("0 0.5 0.5 0_2 0.2 0.5", r"'0_2' is not a number"),
        ("dog 0.5 0.5 0.2 0.2 0.5", r"'dog' is not a number"),
    ],
)
def test_a_malformed_line_is_located(tmp_path, line, message):
    with pytest.raises(InputError, match=rf"001\.txt, line 2: {message}"):
        read_yolo_results(results(tmp_path, i001=LINE + line), make_ground_truth())


def test_an_unknown_image_is_refused_or_dropped(tmp_path):
    results(tmp_path, i000=LINE, i009=LINE * 2)
    with pytest.raises(
        InputError, match=r"009\.txt: image '009' is not in the ground truth; .*split"
    ):
        read_yolo_results(tmp_path, make_ground_truth())
    with pytest.warns(DetbenchWarning, match="dropped 2 of 3 detections whose image"):
        assert len(read_yolo_results(tmp_path, make_ground_truth(), allow_unknown=True)) == 1


def test_an_unknown_class_is_refused_or_dropped(tmp_path):
    results(tmp_path, i000=LINE + "3" + LINE[1:])
    with pytest.raises(InputError, match=r"000\.txt, line 2: class '3' is not in the ground truth"):
        read_yolo_results(tmp_path, make_ground_truth())
    with pytest.warns(DetbenchWarning, match="dropped 1 of 2 detections whose class"):
        assert len(read_yolo_results(tmp_path, make_ground_truth(), allow_unknown=True)) == 1


def test_pixels_are_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"2 of 3 boxes have values outside 0..1; are these pixels\?"
    ):
        read_yolo_results(
            results(tmp_path, i000=LINE + "0 50 40 20 20 0.5\n" * 2), make_ground_truth()
        )


def test_inverted_boxes_are_warned_about(tmp_path):
    with pytest.warns(DetbenchWarning, match="boxes are inverted"):
        detections = read_yolo_results(
            results(tmp_path, i000=LINE + "0 0.5 0.5 -0.2 0.5 0.5\n"), make_ground_truth()
        )
    assert int((detections.boxes[:, 2:] < detections.boxes[:, :2]).any(axis=1).sum()) == 1


def test_no_detections_are_warned_about(tmp_path):
    with pytest.warns(DetbenchWarning, match="no detections at all"):
        assert len(read_yolo_results(tmp_path, make_ground_truth())) == 0
    with pytest.raises(InputError, match="no such folder"):
        read_yolo_results(tmp_path / "none", make_ground_truth())


def test_an_unknown_size_is_refused(tmp_path):
    with pytest.raises(InputError, match="the size of image '000' is unknown"):
        read_yolo_results(
            results(tmp_path, i000=LINE), make_ground_truth(image_sizes=np.full((3, 2), np.nan))
        )


def test_written_boxes_beyond_their_image_are_counted(tmp_path):
    boxes = [(0, 0, 10, 10), (300, 0, 310, 10), (-1, 0, 10, 10)]
    detections = Detections.from_rows(
        make_ground_truth(),
        image_index=[0, 0, 1],
        class_index=[0] * 3,
        scores=[0.5] * 3,
        boxes=boxes,
    )
    with pytest.warns(
        DetbenchWarning,
        match=r"out: 1 of 3 boxes extend beyond their image; YOLO's fractions end at 1",
    ):
        write_yolo_results(detections, tmp_path / "out", make_ground_truth())
    np.testing.assert_allclose(
        read_yolo_results(tmp_path / "out", make_ground_truth()).boxes, boxes, atol=1e-9
    )
