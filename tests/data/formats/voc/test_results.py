"""VOC results: real folders, order of rows, and malformed files."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.data.formats.voc.results import (
    find_class_files,
    is_voc_results,
    read_voc_results,
)
from detbench.data.formats.voc.writer import write_voc_results
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.data.ground_truths import make_ground_truth, random_detections

LINE = "000 0.5 1 1 10 10\n"


def results(folder: Path, prefix: str = "comp4_det_test_", **files: str) -> Path:
    """Write a results folder; by default, the three classes have empty files."""
    folder.mkdir(exist_ok=True)
    for name, text in ({"car": "", "sports_car": "", "zebra": ""} | files).items():
        (folder / f"{prefix}{name}.txt").write_text(text, encoding="utf-8", newline="")
    return folder


@pytest.mark.parametrize(
    ("name", "count", "inverted"),
    [
        ("htt1084_d56c7e49", 98_023, None),
        ("robinyen_darknet", 111_247, "1,970"),
        ("hli2020_darknet", 85_633, "291"),
    ],
)
def test_real_results_come_back_bit_for_bit(
    shared_data, voc2007, tmp_path, recwarn, name, count, inverted
):
    folder = shared_data / "dets_voc" / name
    detections = read_voc_results(folder, voc2007)
    assert (len(detections), detections.name) == (count, name)
    problem = f"{inverted} of {count:,} boxes are inverted (xmax < xmin or ymax < ymin)"
    messages = [str(warning.message).partition("; ")[0] for warning in recwarn]
    assert messages == ([f"{folder}: {problem}"] if inverted else [])
    write_voc_results(detections, tmp_path / "written")
    again = read_voc_results(tmp_path / "written", voc2007)
    assert again.digest == detections.digest
    for file in folder.glob("*_car.txt"):
        first, *_ = file.read_text().splitlines()
        written, *_ = (tmp_path / "written" / file.name).read_text().splitlines()
        assert [float(word) for word in written.split()] == [float(word) for word in first.split()]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_random_detections_come_back_bit_for_bit_in_their_order(data):
    detections = data.draw(random_detections(make_ground_truth()))
    with tempfile.TemporaryDirectory() as folder:
        write_voc_results(detections, Path(folder))
        assert read_voc_results(Path(folder), make_ground_truth()).digest == detections.digest


def test_rows_are_class_after_class_in_file_order(tmp_path):
    zebra = "001 0.1 1 1 2 2\n000 0.2 1 1 2 2\n001 0.3 1 1 2 2\n"
    detections = read_voc_results(results(tmp_path, zebra=zebra, car=LINE), make_ground_truth())
    assert detections.class_index.tolist() == [0, 2, 2, 2]
    assert detections.scores.tolist() == [0.5, 0.2, 0.1, 0.3]
    assert detections.source_rows.tolist() == [0, 2, 1, 3]
    assert detections.boxes.tolist()[0] == [0, 0, 10, 10]


@pytest.mark.parametrize(
    "text",
    [
        "000\t0.5  1 1 10 10 \r\n",
        "\n000 0.5 1 1 10 10\n\n",
        "000 0.5 1 1 10 10",
        "000 5e-1 1.0 1 1e1 +10\n",
    ],
    ids=["white space", "blank lines", "no end of line", "spellings"],
)
def test_lines_may_have_any_spacing(tmp_path, text):
    detections = read_voc_results(results(tmp_path, car=text, zebra=LINE), make_ground_truth())
    assert detections.scores.tolist() == [0.5, 0.5]
    assert detections.boxes.tolist() == [[0, 0, 10, 10]] * 2


@pytest.mark.parametrize("prefix", ["comp3_det_val_", "mine_", ""])
def test_files_may_have_any_prefix(tmp_path, prefix):
    detections = read_voc_results(results(tmp_path, prefix, sports_car=LINE), make_ground_truth())
    assert detections.class_index.tolist() == [1]
    assert is_voc_results(tmp_path, make_ground_truth())


def test_two_sets_of_results_are_ambiguous(tmp_path):
    results(tmp_path)
    with pytest.raises(
        InputError, match=r"two sets of results: comp3_det_test_\* and comp4_det_test_\*; keep only"
    ):
        read_voc_results(results(tmp_path, "comp3_det_test_"), make_ground_truth())


def test_other_text_files_are_ignored(tmp_path):
    (tmp_path / "README.txt").write_text("hello")
    assert len(read_voc_results(results(tmp_path, car=LINE), make_ground_truth())) == 1


def test_a_missing_class_is_refused(tmp_path):
    results(tmp_path)
    (tmp_path / "comp4_det_test_car.txt").unlink()
    with pytest.raises(
        InputError, match=r"comp4_det_test_car\.txt is missing; create an empty file"
    ):
        read_voc_results(tmp_path, make_ground_truth())


def test_a_folder_without_results_is_refused(tmp_path):
    assert not is_voc_results(tmp_path, make_ground_truth())
    with pytest.raises(InputError, match=r"no results for any class .*comp4_det_test_car\.txt"):
        read_voc_results(tmp_path, make_ground_truth())
    with pytest.raises(InputError, match="no such folder"):
        read_voc_results(tmp_path / "none", make_ground_truth())


def test_an_unknown_class_is_refused_or_dropped(tmp_path):
    results(tmp_path, car=LINE, gnu=LINE * 2)
    with pytest.raises(
        InputError, match=r"comp4_det_test_gnu\.txt: class 'gnu' is not in the ground truth"
    ):
        read_voc_results(tmp_path, make_ground_truth())
    with pytest.warns(DetbenchWarning, match="dropped 2 of 3 detections whose class"):
        assert len(read_voc_results(tmp_path, make_ground_truth(), allow_unknown=True)) == 1


def test_an_unknown_image_is_refused_or_dropped(tmp_path):
    results(tmp_path, car=LINE, zebra="\n" + LINE + LINE.replace("000", "999") * 2)
    with pytest.raises(
        InputError,
        match=r"comp4_det_test_zebra\.txt, line 3: image '999' is not in the ground truth; .*split",
    ):
        read_voc_results(tmp_path, make_ground_truth())
    with pytest.warns(
        DetbenchWarning,
        match=r"dropped 2 of 4 detections whose image .*comp4_det_test_zebra\.txt, line 3",
    ):
        detections = read_voc_results(tmp_path, make_ground_truth(), allow_unknown=True)
    assert detections.class_index.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("000 0.5 1 1 10\n", "5 values, expected 6: `image_id score xmin ymin xmax ymax`"),
        ("000 0.5 1 1 10 10 10\n", "7 values, expected 6"),
        ("000 high 1 1 10 10\n", "'high' is not a number, expected `image_id"),
        (
            "000 0.5 1 1 nan 10\n",
            r"a score or coordinate is not finite: \[0.5, 1.0, 1.0, nan, 10.0\]",
        ),
        ("000 inf 1 1 10 10\n", "a score or coordinate is not finite"),
        ("000  -inf 1 1 10 10\n", "a score or coordinate is not finite"),
        ("000 0.5 1 1 10 \n", "5 values, expected 6"),
        ("000 0.5 1 1 1_0 10\n", "'1_0' is not a number"),
        ("000 0.5 1 1 １０ 10\n", "'１０' is not a number"),
        (
            "000 0.5 1 1 1e308 1e308\n",
            r"width · height of the box is not finite: \[1.0, 1.0, 1e\+308, 1e\+308\]",
        ),
    ],
)
def test_a_malformed_line_is_located(tmp_path, line, message):
    with pytest.raises(InputError, match=rf"comp4_det_test_sports_car\.txt, line 3: {message}"):
        read_voc_results(
            results(tmp_path, car=LINE, sports_car="\n" + LINE + line), make_ground_truth()
        )


def test_no_detections_are_warned_about(tmp_path):
    with pytest.warns(DetbenchWarning, match="no detections at all"):
        assert len(read_voc_results(results(tmp_path), make_ground_truth())) == 0


def test_mostly_inverted_boxes_are_refused(tmp_path):
    with pytest.raises(InputError, match="2 of 3 boxes are inverted"):
        read_voc_results(
            results(tmp_path, car=LINE + "000 0.5 50 50 10 10\n" * 2), make_ground_truth()
        )


def test_an_id_with_a_space_cannot_be_written(tmp_path):
    ground_truth = make_ground_truth(images=1)
    object.__setattr__(ground_truth, "image_ids", ("a b",))
    empty = Detections.from_rows(
        ground_truth, image_index=[], class_index=[], scores=[], boxes=np.empty((0, 4))
    )
    with pytest.raises(DetbenchError, match="'a b' has a space"):
        write_voc_results(empty, tmp_path / "out")


@pytest.mark.parametrize(
    ("car", "zebra"),
    [
        (LINE + "\n", LINE.replace("\n", "\r") + LINE),
        ("\n" + LINE, LINE.replace("\n", "\r") + LINE),
        (LINE.replace("\n", "\r\n") + "\r\n", LINE.replace("\n", "\r") + LINE),
        (LINE, LINE.replace("\n", "\r") * 2),
        (LINE.replace("\n", "\r\n"), LINE.replace("\n", "\r\n") * 2),
    ],
    ids=["blank end", "blank start", "blank in DOS", "old Mac", "DOS"],
)
def test_rows_stay_in_their_class_with_any_line_ends(tmp_path, car, zebra):
    detections = read_voc_results(results(tmp_path, car=car, zebra=zebra), make_ground_truth())
    assert detections.class_index.tolist() == [0, 2, 2]


def test_a_byte_order_mark_is_skipped(tmp_path):
    detections = read_voc_results(
        results(tmp_path, car="\ufeff" + LINE, zebra="\ufeff" + LINE), make_ground_truth()
    )
    assert detections.class_index.tolist() == [0, 2]


@pytest.mark.parametrize("name", ["car", "gnu"])
def test_a_folder_in_place_of_a_file_is_refused(tmp_path, name):
    file = results(tmp_path, car=LINE) / f"comp4_det_test_{name}.txt"
    file.unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(InputError, match=rf"{name}\.txt: cannot be read: Is a directory"):
        read_voc_results(tmp_path, make_ground_truth(), allow_unknown=True)


def test_boxes_narrower_than_a_pixel_come_back_with_a_warning(tmp_path):
    boxes = [(10, 10, 10 + 1e-5, 10 + 1e-5)] * 3
    detections = Detections.from_rows(
        make_ground_truth(),
        image_index=[0, 1, 2],
        class_index=[0] * 3,
        scores=[0.5] * 3,
        boxes=boxes,
    )
    write_voc_results(detections, tmp_path / "out")
    with pytest.warns(
        DetbenchWarning,
        match=r"3 of 3 boxes are inverted .*; 0 by more than a pixel, which match nothing",
    ):
        again = read_voc_results(tmp_path / "out", make_ground_truth())
    np.testing.assert_allclose(again.boxes, boxes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("prefix", ["comp4_det_test_", ""])
def test_other_text_files_are_no_classes(tmp_path, prefix):
    """Without a prefix any text file could be of a class, so its first line decides."""
    notes = {"notes.txt": "run of Monday, IoU 0.5\nkite: 3 found\n", "empty.txt": "", "a.log": LINE}
    for name, text in notes.items():
        (tmp_path / name).write_text(text)
    (tmp_path / f"{prefix}background.txt").touch()
    files = find_class_files(results(tmp_path, prefix, car=LINE), make_ground_truth().class_names)
    assert [file.name for file in files.of_classes] == [
        f"{prefix}{name}.txt" for name in ("car", "sports_car", "zebra")
    ]
    assert files.of_unknown_classes == []
    (tmp_path / f"{prefix}gnu.txt").write_text(LINE)
    with pytest.raises(InputError, match=rf"{prefix}gnu\.txt: class 'gnu' is not in the ground"):
        read_voc_results(tmp_path, make_ground_truth())


def spaced(*image_ids):
    """Return a ground truth with these image ids."""
    return GroundTruth.from_rows(
        image_ids=image_ids,
        class_names=("car", "sports_car", "zebra"),
        image_index=[],
        class_index=[],
        boxes=np.empty((0, 4)),
    )


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ("shot (1) 0.9 1 2 30 40", "shot (1)"),
        ("  shot  2\t0.9  1 2 30 40 ", "shot  2"),
        ("shot (1).jpg 0.9 1 2 30 40", "shot (1)"),
        ("plain 0.9 1 2 30 40", "plain"),
    ],
)
def test_the_last_five_words_are_the_numbers(tmp_path, line, image):
    ground_truth = spaced("plain", "shot (1)", "shot  2")
    detections = read_voc_results(results(tmp_path, car=line), ground_truth)
    assert np.diff(detections.offsets).tolist() == [
        int(image_id == image) for image_id in ground_truth.image_ids
    ]
    assert (detections.scores.tolist(), detections.boxes.tolist()) == ([0.9], [[0, 1, 30, 40]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plain 0.9 1 2 30 40 50", "7 values, expected 6"),
        ("shot (1) 0.9 1 2 30", r"'\(1\)' is not a number"),
        ("shot (1) 0.9 1,5 2 30 40", "'1,5' is not a number"),
        ("shot (9) 0.9 1 2 30 40", r"image 'shot \(9\)' is not in the ground truth"),
    ],
)
def test_spaces_excuse_no_mistake(tmp_path, line, message):
    with pytest.raises(InputError, match=rf"car\.txt, line 1: {message}"):
        read_voc_results(results(tmp_path, car=line), spaced("plain", "shot (1)"))


def test_ids_without_spaces_leave_no_room_for_words(tmp_path):
    with pytest.raises(InputError, match="7 values, expected 6"):
        read_voc_results(results(tmp_path, car="shot (1) 0.9 1 2 30 40"), spaced("plain"))
