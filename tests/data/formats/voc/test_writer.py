"""Written VOC devkits: what is read back bit for bit, and what VOC cannot hold."""

import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.writer import _voc_numbers, write_voc
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.data.ground_truths import make_ground_truth, random_ground_truths


@pytest.mark.slow
def test_the_real_dataset_comes_back_bit_for_bit_with_its_class_lists(shared_data, tmp_path):
    archive = shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz"
    original = read_voc(archive)
    write_voc(original, tmp_path / "written")
    again = read_voc(tmp_path / "written")
    assert again.digest == original.digest
    assert (again.protocol, again.image_files) == (original.protocol, original.image_files)
    assert np.array_equal(again.truncated, original.truncated)
    with tarfile.open(archive) as tar:
        lists = {
            Path(member.name).name: tar.extractfile(member).read()
            for member in tar
            if "/ImageSets/" in member.name and member.isfile()
        }
    written = (tmp_path / "written/ImageSets/Main").iterdir()
    assert {file.name: file.read_bytes() for file in written} == lists


@settings(deadline=None, max_examples=40)
@given(random_ground_truths())
def test_random_ground_truth_comes_back_bit_for_bit(original):
    with tempfile.TemporaryDirectory() as folder:
        write_voc(original, Path(folder), split="val")
        again = read_voc(Path(folder))
    assert again.digest == original.digest
    assert np.array_equal(again.truncated, original.truncated)


def test_numbers_are_the_shortest_decimals():
    boxes = np.array([[47.0, 0.7 - 1, 195.0, 20.25], [-0.55, 0.1 - 1, 1e6, 0.3]])
    assert _voc_numbers(boxes) == [
        ["48", "0.45"],
        ["0.7", "0.1"],
        ["195", "1000000"],
        ["20.25", "0.3"],
    ]


def test_class_lists_have_1_0_and_minus_1(tmp_path):
    boxes = [(0, 0, 9, 9)] * 4
    write_voc(
        make_ground_truth(
            boxes, image_index=[0, 0, 1, 2], class_index=[0, 0, 0, 1], difficult=[1, 0, 1, 0]
        ),
        tmp_path / "voc",
    )
    assert (tmp_path / "voc/ImageSets/Main/car_test.txt").read_text() == "000  1\n001  0\n002 -1\n"


def test_unknown_sizes_stay_unknown_and_names_are_escaped(tmp_path):
    original = make_ground_truth(
        image_sizes=[(np.nan, np.nan)] * 3, image_files=["a&b.png", "", ""]
    )
    write_voc(original, tmp_path / "voc")
    again = read_voc(tmp_path / "voc")
    assert np.isnan(again.image_sizes).all()
    assert again.image_files == ("a&b.png", "001.jpg", "002.jpg")


def test_crowds_become_difficult_and_are_counted(tmp_path):
    with pytest.warns(DetbenchWarning, match="1 crowd region written as difficult"):
        write_voc(make_ground_truth([(0, 0, 9, 9)], iscrowd=[True]), tmp_path / "voc")
    assert read_voc(tmp_path / "voc").difficult.tolist() == [True]


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "", ".", "..", " a", "a\nb", "\0"])
def test_an_id_that_cannot_name_a_file_is_refused_before_writing(tmp_path, name):
    with pytest.raises(DetbenchError, match="cannot be the name of a file"):
        write_voc(replace(make_ground_truth(), image_ids=("000", name, "002")), tmp_path / "voc")
    assert not any(tmp_path.iterdir())


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        write_voc(make_ground_truth(), tmp_path)


def test_boxes_narrower_than_a_pixel_are_counted_and_come_back(tmp_path):
    original = make_ground_truth([(10, 10, 10 + 2**-10, 20), (0, 0, 9, 9)])
    with pytest.warns(
        DetbenchWarning, match="1 of 2 boxes are narrower than a pixel, so xmax < xmin"
    ):
        write_voc(original, tmp_path / "voc")
    assert read_voc(tmp_path / "voc").digest == original.digest


def test_boxes_without_width_are_counted(tmp_path):
    with pytest.warns(DetbenchWarning, match="1 of 2 boxes have no width or no height"):
        write_voc(make_ground_truth([(10, 10, 10, 20), (0, 0, 9, 9)]), tmp_path / "voc")
