"""The table of formats: one folder and one row each, and what recognizes what."""

from pathlib import Path

import pytest

from detbench.data import formats
from detbench.data.formats.table import FORMATS, recognize_detections, recognize_ground_truth
from tests.data.ground_truths import make_ground_truth

FOLDER = Path(formats.__file__).parent


def recognized_name(recognized):
    return recognized and recognized[0]


def test_every_folder_with_a_format_has_one_row() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/format.py")}
    assert sorted(row.name for row in FORMATS) == sorted(folders)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.json", "coco"), ("a.parquet", "parquet"), ("a.tar.gz", "voc"), ("a.yaml", "yolo")],
)
def test_files_of_ground_truth_are_recognized_by_their_suffix(tmp_path, name, expected) -> None:
    (tmp_path / name).touch()
    assert recognized_name(recognize_ground_truth(tmp_path / name)) == expected


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("ground_truth.parquet", "parquet"),
        ("data.yaml", "yolo"),
        ("ImageSets/Main/test.txt", "voc"),
        ("README.md", None),
    ],
)
def test_folders_of_ground_truth_are_recognized_by_a_member(tmp_path, member, expected) -> None:
    (tmp_path / member).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / member).touch()
    assert recognized_name(recognize_ground_truth(tmp_path)) == expected


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("detections.parquet", "parquet"),
        ("comp4_det_test_anything.txt", "voc"),
        ("my_car.txt", "voc"),
        ("002.txt", "yolo"),
        ("README.txt", None),
    ],
)
def test_folders_of_detections_are_recognized_by_a_member(tmp_path, member, expected) -> None:
    (tmp_path / member).touch()
    assert recognized_name(recognize_detections(tmp_path, make_ground_truth())) == expected
