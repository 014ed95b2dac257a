"""Result files: which text files of a folder are results, and of which image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detbench.data.formats.yolo.result_files import is_yolo_results
from detbench.data.formats.yolo.results import read_yolo_results
from detbench.data.formats.yolo.writer import write_yolo_results
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.yolo.yolo_files import write_files
from tests.data.ground_truths import make_ground_truth

LINE = "0 0.5 0.5 0.2 0.5 0.75\n"


def n_per_image(folder, ground_truth):
    offsets = read_yolo_results(folder, ground_truth).offsets
    return (offsets[1:] - offsets[:-1]).tolist()


@pytest.mark.parametrize("name", ["classes.txt", "obj.names", "labels.txt", "README.txt"])
def test_lists_of_classes_are_no_results(tmp_path, name):
    write_files(tmp_path, {"000.txt": LINE, "001.txt": LINE * 2, name: "car\nzebra\n"})
    assert n_per_image(tmp_path, make_ground_truth()) == [1, 2, 0]


def test_other_texts_are_named_and_ignored(tmp_path):
    write_files(tmp_path, {"000.txt": LINE, "speed of the run.txt": "speed: 2.1 ms\n"})
    with pytest.warns(DetbenchWarning, match=r"ignored speed of the run\.txt: not named after an"):
        assert n_per_image(tmp_path, make_ground_truth()) == [1, 0, 0]


def test_results_of_another_image_are_not_ignored(tmp_path):
    write_files(tmp_path, {"000.txt": LINE, "009.txt": LINE})
    with pytest.raises(InputError, match="image '009' is not in the ground truth"):
        read_yolo_results(tmp_path, make_ground_truth())


def test_the_folder_above_labels_may_be_given(tmp_path):
    """Ultralytics writes `runs/detect/predict/labels`, and images beside it."""
    write_files(tmp_path, {"labels/001.txt": LINE, "001.jpg": ""})
    assert is_yolo_results(tmp_path, make_ground_truth())
    assert n_per_image(tmp_path, make_ground_truth()) == [0, 1, 0]


@pytest.mark.parametrize(
    "line", ["car 0.9 10 20 30 40\n", "car 0.5 0.5 0.2 0.5 0.9\n", "a note about this image\n"]
)
def test_lines_that_start_with_a_word_are_not_yolo(tmp_path, line):
    write_files(tmp_path, {"000.txt": line, "001.txt": ""})
    assert not is_yolo_results(tmp_path, make_ground_truth())


def test_empty_files_are_results(tmp_path):
    write_files(tmp_path, {"000.txt": "", "001.txt": "\n"})
    assert is_yolo_results(tmp_path, make_ground_truth())


class TestImagesOfOneName:
    """Their ids are paths, and so are the names of their results."""

    @pytest.fixture
    def ground_truth(self):
        files = ["one/a.png", "two/a.png", "two/b.png"]
        ids = [file.removesuffix(".png") for file in files]
        return replace(make_ground_truth(image_files=files), image_ids=tuple(ids))

    def test_results_lie_in_subfolders(self, tmp_path, ground_truth):
        write_files(tmp_path, {"one/a.txt": LINE, "two/a.txt": LINE * 2, "b.txt": LINE * 3})
        assert is_yolo_results(tmp_path, ground_truth)
        assert n_per_image(tmp_path, ground_truth) == [1, 2, 3]

    def test_they_come_back_from_what_is_written(self, tmp_path, ground_truth):
        write_files(tmp_path / "old", {"one/a.txt": LINE, "two/a.txt": LINE * 2})
        detections = read_yolo_results(tmp_path / "old", ground_truth)
        write_yolo_results(detections, tmp_path / "new", ground_truth)
        assert n_per_image(tmp_path / "new", ground_truth) == [1, 2, 0]

    def test_a_file_that_fits_two_images_is_refused(self, tmp_path, ground_truth):
        write_files(tmp_path, {"a.txt": LINE})
        with pytest.raises(InputError, match=r"image 'a' can be 'one/a.*' or 'two/a"):
            read_yolo_results(tmp_path, ground_truth)
