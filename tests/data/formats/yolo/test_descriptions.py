"""Datasets without a data.yaml of today: Darknet, class lists, and paths of another machine."""

from __future__ import annotations

import re

import pytest

from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from tests.data.formats.yolo.yolo_files import write_files

LABEL = "1 .5 .5 .2 .4\n"
OBJ_DATA = "classes = 2\ntrain = data/train.txt\nvalid = data/test.txt\nnames = data/obj.names\n"
DARKNET = {
    "data/obj.data": OBJ_DATA + "backup = backup/\n# a comment\n",
    "data/obj.names": "cat\ndog\n\n",
    "data/train.txt": "data/obj/a.png\n",
    "data/test.txt": "data/obj/b.png\ndata/obj/c.png\n",
    "data/obj/a.png": "",
    "data/obj/b.png": "",
    "data/obj/c.png": "",
    "data/obj/a.txt": LABEL,
    "data/obj/b.txt": LABEL * 2,
    "data/obj/c.txt": "",
}
"""As https://github.com/AlexeyAB/darknet#how-to-train-to-detect-your-custom-objects tells."""


def test_darknet_paths_start_above_the_file(tmp_path):
    data = write_files(tmp_path, DARKNET) / "data/obj.data"
    ground_truth = load_ground_truth(data)
    assert ground_truth.image_ids == ("b", "c")
    assert ground_truth.class_names == ("cat", "dog")
    assert ground_truth.boxes.tolist() == [[40, 15, 60, 35]] * 2
    assert (ground_truth.name, ground_truth.source) == ("data val", f"yolo {data} split val")
    assert load_ground_truth(tmp_path / "data", split="valid").image_ids == ("b", "c")
    assert load_ground_truth(data, split="train").image_ids == ("a",)


def test_darknet_paths_may_start_in_the_current_folder(tmp_path, monkeypatch):
    files = {name.replace("data/obj.", "cfg/a/b/obj."): text for name, text in DARKNET.items()}
    files["data/obj.names"] = files.pop("cfg/a/b/obj.names")
    data = write_files(tmp_path, files) / "cfg/a/b/obj.data"
    with pytest.raises(InputError, match=r"names: there is no file data/obj\.names; searched in"):
        load_ground_truth(data)
    monkeypatch.chdir(tmp_path)
    assert load_ground_truth(data).image_ids == ("b", "c")


def test_the_prefix_of_cvat_and_datumaro_is_left_out(tmp_path):
    files = {name.removeprefix("data/"): text for name, text in DARKNET.items()}
    assert load_ground_truth(write_files(tmp_path / "export", files)).image_ids == ("b", "c")


def test_images_that_were_not_exported_can_be_elsewhere(tmp_path):
    """CVAT exports labels without images, by default."""
    images = {f"data/obj/{name}.png" for name in "abc"}
    dataset = write_files(
        tmp_path / "set", {name: text for name, text in DARKNET.items() if name not in images}
    )
    with pytest.raises(InputError, match=r"b\.png: no such image; .*with --images"):
        load_ground_truth(dataset / "data")
    write_files(tmp_path / "images", dict.fromkeys(("a.png", "b.png", "c.png"), ""))
    elsewhere = load_ground_truth(dataset / "data", images=tmp_path / "images")
    complete = load_ground_truth(write_files(tmp_path / "complete", DARKNET) / "data")
    assert elsewhere.digest == complete.digest


def test_a_list_that_can_be_two_files_is_refused(tmp_path):
    files = {name.removeprefix("data/"): text for name, text in DARKNET.items()}
    write_files(tmp_path / "export", files)
    write_files(tmp_path, {"data/obj.names": "other\nclasses\n"})
    message = (
        r"names: data/obj\.names can be .*data/obj\.names or .*export/obj\.names; write the abs"
    )
    with pytest.raises(InputError, match=message):
        load_ground_truth(tmp_path / "export")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train = data/train.txt\n", "obj.data: has no class names; a Darknet .data file has the"),
        ("names = data/obj.names\n", "lists no images; expected a key train, valid or test with"),
        (OBJ_DATA.replace("= 2", "= 3"), "classes: classes is 3, but there are 2 names; make them"),
        (OBJ_DATA.replace("test.txt", "t.txt"), "valid: there is no file data/t.txt; searched in"),
    ],
)
def test_a_malformed_data_file(tmp_path, text, message):
    data = write_files(tmp_path, DARKNET | {"data/obj.data": text}) / "data/obj.data"
    with pytest.raises(InputError, match=re.escape(message)):
        load_ground_truth(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [("\n", "has no class names"), ("cat\ndog\ncat\n", "class 'cat' is listed twice")],
)
def test_a_malformed_list_of_names(tmp_path, text, message):
    data = write_files(tmp_path, DARKNET | {"data/obj.names": text}) / "data/obj.data"
    with pytest.raises(InputError, match=rf"obj\.names: {message}"):
        load_ground_truth(data)


@pytest.mark.parametrize(
    ("names", "images", "labels"),
    [
        ("classes.txt", ".", "."),  # LabelImg
        ("classes.txt", "images", "labels"),  # Label Studio
        ("labels/classes.txt", "images", "labels"),  # LabelImg with a folder of its own
        ("_darknet.labels", ".", "."),  # Roboflow
        ("obj.names", "photos", "photos"),
    ],
)
def test_a_folder_with_a_list_of_classes(tmp_path, names, images, labels):
    files = {names: "cat\ndog\n", f"{images}/a.png": "", f"{labels}/a.txt": LABEL}
    write_files(tmp_path / "set", files)
    ground_truth = load_ground_truth(tmp_path / "set")
    assert (ground_truth.class_names, ground_truth.name) == (("cat", "dog"), "set")
    assert ground_truth.boxes.tolist() == [[40, 15, 60, 35]]
    assert ground_truth.class_index.tolist() == [1]
    if names == "classes.txt":
        again = load_ground_truth(tmp_path / "set" / names)
        assert again.digest == ground_truth.digest
    with pytest.raises(InputError, match="has no splits to choose 'val' from"):
        load_ground_truth(tmp_path / "set", split="val")


def test_splits_of_a_folder_with_a_list_of_classes(tmp_path):
    files = {"classes.txt": "cat\ndog\n"}
    for split in ("train", "valid"):
        files |= {f"images/{split}/{split}1.png": "", f"labels/{split}/{split}1.txt": LABEL}
    write_files(tmp_path, files)
    assert load_ground_truth(tmp_path).image_ids == ("valid1",)
    assert load_ground_truth(tmp_path, split="train").image_ids == ("train1",)


def test_a_folder_without_labels_is_no_dataset(tmp_path):
    write_files(tmp_path, {"classes.txt": "cat\n", "a.png": "", "a.txt": "a cat on a mat\n"})
    with pytest.raises(InputError, match="is not recognized as ground truth"):
        load_ground_truth(tmp_path)


@pytest.mark.parametrize(
    ("yaml", "name"),
    [
        ("val: images/val\nnames: obj.names\n", "data.yaml"),
        ("path: /somewhere/else\nval: images/val\nnames: [cat, dog]\n", "data.yaml"),
        ("val: /content/set/images/val\nnames: [cat, dog]\n", "data.yaml"),
        ("val: C:\\set\\images\\val\nnames: [cat, dog]\n", "data.yaml"),
        ("val: val.txt\nnames: [cat, dog]\n", "data.yaml"),
        ("validation: images/val\nnames: {0: cat, 1: dog}\n", "data.yml"),
        ("valid: images/val\nnames: [cat, dog]\n", "animals.yaml"),
    ],
)
def test_what_a_yaml_may_say(tmp_path, yaml, name):
    files = {
        name: yaml,
        "obj.names": "cat\ndog\n",
        "val.txt": "/home/me/set/images/val/a.png\n/home/me/set/images/val/b.png\n",
        "images/val/a.png": "",
        "images/val/b.png": "",
        "labels/val/a.txt": LABEL,
        "labels/val/b.txt": LABEL,
    }
    ground_truth = load_ground_truth(write_files(tmp_path, files))
    assert ground_truth.image_ids == ("a", "b")
    assert ground_truth.class_names == ("cat", "dog")
