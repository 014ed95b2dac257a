"""Conversion copies images only, and only those below the image folder."""

import shutil
from dataclasses import replace

import pytest
from PIL import Image

from detbench.data.load import save_ground_truth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.samples import truth

MISSING = "1 of 2 images were not found or are no images"


@pytest.fixture
def dataset(tmp_path):
    """Return a function that gives a dataset whose image `a` has a file of this name."""
    folder = tmp_path / "set" / "images"
    folder.mkdir(parents=True)
    Image.new("RGB", (100, 80)).save(folder / "b.jpg")
    Image.new("RGB", (100, 80)).save(tmp_path / "private.jpg")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "secret.jpg").symlink_to(tmp_path / "secret.txt")
    return lambda name: replace(truth(), image_files=(name, "b.jpg"), image_folder=folder)


@pytest.mark.parametrize(
    "name", ["../../private.jpg", "../../secret.txt", "/etc/passwd", "x/../../../private.jpg"]
)
def test_a_name_that_leaves_the_folder_is_an_error(name, dataset, tmp_path):
    target = tmp_path / "yolo"
    with pytest.raises(InputError, match=r"lies outside the image folder .*--images"):
        save_ground_truth(dataset(name), target, "yolo")
    assert not target.exists()


def test_a_link_to_a_file_that_is_no_image_is_not_copied(dataset, tmp_path):
    target = tmp_path / "yolo"
    with pytest.warns(DetbenchWarning, match=MISSING):
        save_ground_truth(dataset("secret.jpg"), target, "yolo")
    assert sorted(path.name for path in target.rglob("*.jpg")) == ["b.jpg"]


def test_other_spellings_of_names_in_the_folder_are_copied(dataset, tmp_path):
    shutil.copy(tmp_path / "private.jpg", tmp_path / "set" / "images" / "a.jpg")
    save_ground_truth(dataset("../images/./a.jpg"), tmp_path / "yolo", "yolo")
    assert sorted(path.name for path in (tmp_path / "yolo").rglob("*.jpg")) == ["a.jpg", "b.jpg"]


def test_a_size_of_0_is_read_from_the_image(dataset, tmp_path):
    shutil.copy(tmp_path / "private.jpg", tmp_path / "set" / "images" / "a.jpg")
    sizes = [[0, 80], [100, 80]]
    save_ground_truth(replace(dataset("a.jpg"), image_sizes=sizes), tmp_path / "yolo", "yolo")
    (label,) = (tmp_path / "yolo").rglob("a.txt")
    assert label.read_text().splitlines()[0] == "0 0.25 0.5 0.3 0.5"


@pytest.mark.filterwarnings("ignore:.*were not found")
def test_a_size_of_0_without_an_image_is_an_error(dataset, tmp_path):
    sizes = [[100, 0], [100, 80]]
    with pytest.raises(InputError, match=r"a\.jpg: no such image"):
        save_ground_truth(replace(dataset("a.jpg"), image_sizes=sizes), tmp_path / "yolo", "yolo")


@pytest.mark.parametrize("name", ["voc", "coco", "yolo", "parquet"])
def test_a_path_with_nul_is_an_error(name, tmp_path):
    with pytest.raises(InputError, match="is no path: it has a NUL character"):
        save_ground_truth(truth(), tmp_path / "a\0b", name)
