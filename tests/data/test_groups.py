"""Groups of images from CSV, and what is wrong with a file."""

import numpy as np
import pytest

from detbench.data.groups import read_groups
from detbench.data.load import load_ground_truth, save_ground_truth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.metrics.uncertainty.copies import with_copies
from tests.metrics.scored import truth

TRUTH = truth([], images=4)


def written(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "groups.csv"
    file.write_text(text, encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_groups_are_numbered_in_the_order_of_the_images(tmp_path, encoding):
    file = written(tmp_path, 'image,group\n003,a\n000, "left, front"\n\n001,a\n002,b\n', encoding)
    with pytest.raises(InputError, match="line 3: expected 2 values, got 3"):
        read_groups(file, TRUTH)
    file = written(tmp_path, 'image,group\n003,a\n000,"left, front"\n\n001,a\n002,b\n', encoding)
    assert read_groups(file, TRUTH).tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: needs the header image,group, got nothing"),
        ("image_id,video\n000,a\n", "line 1: needs the header image,group, got image_id,video"),
        (
            "image,group\n000,a\n007,b\n",
            "line 3: image '007' is not in made; write image ids such as '000'",
        ),
        (
            "image,group\n000,a\n000,b\n",
            "line 3: image '000' is there a second time; name each image once",
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
            "names 1 group, and how results vary takes two at least to tell",
        ),
        ("image,group\n000\n", "line 2: expected 2 values, got 1"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, text, problem):
    file = written(tmp_path, text)
    with pytest.raises(InputError) as found:
        read_groups(file, TRUTH)
    assert problem in str(found.value)
    assert str(found.value).startswith(str(file))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_groups(tmp_path / "nowhere.csv", TRUTH)
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"image,group\n\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_groups(broken, TRUTH)


def test_ground_truth_keeps_them(tmp_path):
    grouped = truth([(0, 0, [10, 10, 60, 60])], images=4, groups=[7, 3, 7, 9])
    assert grouped.units.tolist() == [0, 1, 0, 2]
    assert not grouped.units.flags.writeable
    assert TRUTH.units.tolist() == [0, 1, 2, 3]
    assert grouped.digest == truth([(0, 0, [10, 10, 60, 60])], images=4).digest
    assert grouped.select_images(np.array([2, 3])).groups.tolist() == [7, 9]
    assert with_copies(grouped, [], np.array([3, 3, 0]))[0].groups.tolist() == [9, 9, 7]
    for each in (grouped, TRUTH):
        save_ground_truth(each, tmp_path / "truth.parquet")
        read = load_ground_truth(tmp_path / "truth.parquet").groups
        assert (read is None) if each is TRUTH else (read.tolist() == [7, 3, 7, 9])


def test_one_for_each_image():
    with pytest.raises(
        DetbenchError, match="groups must name one group for each of the 4 images, got 3"
    ):
        truth([], images=4, groups=[0, 1, 2])
    for wrong in ([0.5, 1, 2, 3], ["a", "b", "c", "d"], [[0], [1], [2], [3]]):
        with pytest.raises(DetbenchError, match="groups must be whole numbers, one for each image"):
            truth([], images=4, groups=wrong)


def test_only_parquet_keeps_them(tmp_path):
    grouped = truth([(0, 0, [10, 10, 60, 60])], images=4, groups=[0, 0, 1, 1])
    with pytest.warns(
        DetbenchWarning,
        match="in which groups images are is not written, which only Parquet can say",
    ):
        save_ground_truth(grouped, tmp_path / "truth.json")
