"""Groups of images from CSV: what is read, refused and kept by files."""

import numpy as np
import pytest

from detbench.data.groups import read_groups
from detbench.data.load import load_ground_truth, save_ground_truth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.metrics.uncertainty.permutation import repeat_images
from tests.metrics.scored import truth

GROUND_TRUTH = truth([], images=4)


def write(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "groups.csv"
    file.write_text(text, encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_groups_are_numbered_in_the_order_of_the_images(tmp_path, encoding):
    file = write(tmp_path, 'image,group\n003,a\n000, "left, front"\n\n001,a\n002,b\n', encoding)
    with pytest.raises(InputError, match="line 3: expected 2 values, got 3"):
        read_groups(file, GROUND_TRUTH)
    file = write(tmp_path, 'image,group\n003,a\n000,"left, front"\n\n001,a\n002,b\n', encoding)
    assert read_groups(file, GROUND_TRUTH).tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: expected the header image,group, got nothing"),
        ("image_id,video\n000,a\n", "line 1: expected the header image,group, got image_id,video"),
        (
            "image,group\n000,a\n007,b\n",
            "line 3: image '007' is not in made; write image ids such as '000'",
        ),
        (
            "image,group\n000,a\n000,b\n",
            "line 3: image '000' occurs a second time; list each image once",
        ),
        (
            "image,group\n000,\n",
            "line 2: image '000' has no group; give an image that stands alone a group of its own",
        ),
        (
            "image,group\n000,a\n002,b\n",
            "lacks 2 of 4 images, the first is '001'; give each image a group",
        ),
        (
            "image,group\n000,a\n001,a\n002,a\n003,a\n",
            "has only one group; intervals need at least two",
        ),
        ("image,group\n000\n", "line 2: expected 2 values, got 1"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, problem):
    file = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_groups(file, GROUND_TRUTH)
    assert problem in str(error.value)
    assert str(error.value).startswith(str(file))


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_groups(tmp_path / "nowhere.csv", GROUND_TRUTH)
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"image,group\n\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_groups(broken, GROUND_TRUTH)


def test_ground_truth_keeps_groups(tmp_path):
    grouped = truth([(0, 0, [10, 10, 60, 60])], images=4, groups=[7, 3, 7, 9])
    assert grouped.clusters.tolist() == [0, 1, 0, 2]
    assert not grouped.clusters.flags.writeable
    assert GROUND_TRUTH.clusters.tolist() == [0, 1, 2, 3]
    assert grouped.digest == truth([(0, 0, [10, 10, 60, 60])], images=4).digest
    assert grouped.select_images(np.array([2, 3])).groups.tolist() == [7, 9]
    assert repeat_images(grouped, [], np.array([3, 3, 0]))[0].groups.tolist() == [9, 9, 7]
    for ground_truth in (grouped, GROUND_TRUTH):
        save_ground_truth(ground_truth, tmp_path / "truth.parquet")
        groups = load_ground_truth(tmp_path / "truth.parquet").groups
        if ground_truth is GROUND_TRUTH:
            assert groups is None
        else:
            assert groups.tolist() == [7, 3, 7, 9]


def test_groups_are_integers_one_per_image():
    message = "groups must have one entry for each of the 4 images, got 3"
    with pytest.raises(DetbenchError, match=message):
        truth([], images=4, groups=[0, 1, 2])
    for wrong in ([0.5, 1, 2, 3], ["a", "b", "c", "d"], [[0], [1], [2], [3]]):
        with pytest.raises(DetbenchError, match="groups must be integers, one per image"):
            truth([], images=4, groups=wrong)


def test_only_parquet_files_keep_groups(tmp_path):
    grouped = truth([(0, 0, [10, 10, 60, 60])], images=4, groups=[0, 0, 1, 1])
    with pytest.warns(
        DetbenchWarning,
        match="the groups of its images are not written: only Parquet can store them",
    ):
        save_ground_truth(grouped, tmp_path / "truth.json")
