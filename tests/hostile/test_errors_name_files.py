"""Every error of a reader names the file, also those of constructors that do not know it."""

import json

import pytest
from PIL import Image

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import InputError
from tests.data.formats.samples import truth


def yolo(folder, names):
    for part in ("images", "labels"):
        (folder / part).mkdir()
    Image.new("RGB", (8, 8)).save(folder / "images" / "a.jpg")
    (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    path = folder / "data.yaml"
    path.write_text(f"val: images\nnames: {json.dumps(names)}\n")
    return path


def test_classes_of_one_name(tmp_path):
    path = yolo(tmp_path, ["cat", "cat"])
    with pytest.raises(InputError, match=r"data\.yaml.*class names must be unique"):
        load_ground_truth(path)


@pytest.mark.parametrize("read", [load_ground_truth, lambda path: load_detections(path, truth())])
@pytest.mark.parametrize("name", ["a\0b", "none.json", "x" * 300])
def test_paths_that_are_no_files(read, name, tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert str(tmp_path) in str(caught.value)
