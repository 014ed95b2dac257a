"""YOLO datasets: what is read and written, and malformed labels and YAML."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detbench.data.formats.yolo.dataset import read_yolo
from detbench.data.formats.yolo.writer import write_yolo
from detbench.errors import DetbenchWarning, InputError
from tests.data.ground_truths import make_ground_truth


def dataset(
    root: Path,
    yaml: str = "val: images/val\nnames: [car, dog]\n",
    folder: str = "val",
    **labels: str,
) -> Path:
    """Write a YOLO dataset of 100 × 50 images with these label texts.

    `none` is an image without a label file.
    """
    (root / "images" / folder).mkdir(parents=True, exist_ok=True)
    (root / "labels" / folder).mkdir(parents=True, exist_ok=True)
    for name, text in labels.items():
        Image.new("RGB", (100, 50)).save(root / "images" / folder / f"{name}.png")
        if text != "none":
            (root / "labels" / folder / f"{name}.txt").write_text(text)
    (root / "data.yaml").write_text(yaml)
    return root / "data.yaml"


def test_boxes_become_pixels_of_their_image(tmp_path):
    data = dataset(tmp_path / "zoo", a="1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.2 0.4\n", b="", c="\n")
    ground_truth = read_yolo(data)
    assert ground_truth.boxes.tolist() == [[40, 15, 60, 35], [0, 0, 20, 20]]
    assert ground_truth.box_areas.tolist() == [400, 400]
    assert ground_truth.class_index.tolist() == [1, 0]
    assert ground_truth.offsets.tolist() == [0, 2, 2, 2]
    assert (ground_truth.image_ids, ground_truth.image_files) == (
        ("a", "b", "c"),
        ("a.png", "b.png", "c.png"),
    )
    assert ground_truth.image_folder == tmp_path / "zoo/images/val"
    assert ground_truth.image_sizes.tolist() == [[100, 50]] * 3
    assert (ground_truth.class_names, ground_truth.name, ground_truth.protocol) == (
        ("car", "dog"),
        "zoo val",
        "coco",
    )


def test_a_polygon_becomes_its_bounding_box(tmp_path):
    ground_truth = read_yolo(dataset(tmp_path, a="0 0.1 0.2 0.5 0.2 0.3 0.8\n"))
    np.testing.assert_allclose(ground_truth.boxes, [[10, 10, 50, 40]])


def test_a_split_may_have_several_folders_and_names_may_be_numbered(tmp_path):
    yaml = "path: .\nval: [images/val, images/more]\ntrain: ''\nnames: {1: dog, 0: car}\nnc: 2\n"
    dataset(tmp_path, a="0 .5 .5 1 1")
    ground_truth = read_yolo(dataset(tmp_path, yaml, "more", b="1 .5 .5 1 1"), split="val")
    assert ground_truth.image_files == ("val/a.png", "more/b.png")
    assert ground_truth.class_names == ("car", "dog")


def test_images_may_be_listed_in_a_file(tmp_path):
    data = dataset(tmp_path, "val: lists/val.txt\nnames: [car]\n", b="0 .5 .5 1 1", a="")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "val.txt").write_text("images/val/b.png\n\n./../images/val/a.png\n")
    assert read_yolo(data).image_ids == ("b", "a")


def test_a_path_that_starts_with_two_dots_by_mistake_is_found(tmp_path):
    assert read_yolo(dataset(tmp_path, "val: ../images/val\nnames: [car]\n", a="")).image_ids == (
        "a",
    )


def test_images_replaces_the_folder_of_the_split(tmp_path):
    data = dataset(tmp_path, a="")
    dataset(tmp_path, folder="other", b="")
    assert read_yolo(data, images=tmp_path / "images/other").image_ids == ("b",)


def test_only_the_last_images_folder_becomes_labels(tmp_path):
    ground_truth = read_yolo(dataset(tmp_path / "images" / "set", a="0 .5 .5 1 1"))
    assert len(ground_truth) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", r"4 values, expected `class cx cy w h` or"),
        ("0 0.5 0.5 0.2 0.2 0.9", r"6 values, expected `class cx cy w h` or"),
        ("0 0.5 0.5 0.2 1.00001", r"1.00001 is outside 0..1; write fractions of the image"),
        ("0 50 20 10 10", r"50 is outside 0..1"),
        ("2 0.5 0.5 0.2 0.2", r"class 2, but the dataset has 2 classes, numbered from 0"),
        ("0.5 0.5 0.5 0.2 0.2", r"class 0.5 is not the number of a class"),
        ("-1 0.5 0.5 0.2 0.2", r"class -1 is not the number of a class"),
        ("0 0.5 half 0.2 0.2", r"'half' is not a number"),
        ("0 0.5 nan 0.2 0.2", r"a value is not finite: 0 0.5 nan 0.2 0.2"),
        ("inf 0.5 0.5 0.2 0.2", r"a value is not finite"),
    ],
)
def test_a_malformed_label_is_located(tmp_path, line, message):
    with pytest.raises(InputError, match=rf"labels/val/a\.txt, line 3: {message}"):
        read_yolo(dataset(tmp_path, a=f"0 0.5 0.5 1.0000005 1\n\n{line}\n"))


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("val: [images/val\nnames: [a]\n", r"data\.yaml, line \d: is not YAML"),
        ("just words", r"data\.yaml: has no class names; a YOLO dataset has the keys names"),
        (
            "val: images/val\nnames: {0: car, 2: dog}\n",
            r"data\.yaml, names: names must be a list, or numbered from 0",
        ),
        ("val: images/val\nnames: car\n", r"data\.yaml, names: names must be a list"),
        (
            "val: images/val\nnc: 3\nnames: [car]\n",
            r"data\.yaml, nc: nc is 3, but there are 1 names",
        ),
        (
            "test: images/val\ntrain: images/val\nnames: [car]\n",
            r"there are several splits: test, train; choose one with --split",
        ),
        (
            "val: images/none\nnames: [car]\n",
            r"images/none, split val: no such folder or list, but .*data\.yaml names it",
        ),
        (f"val: {'a' * 400}\nnames: [car]\n", r"aaa: cannot be read: File name too long"),
        ("val: labels\nnames: [car]\n", r"there are no images for split 'val'"),
    ],
)
def test_a_malformed_yaml_is_located(tmp_path, yaml, message):
    with pytest.raises(InputError, match=message):
        read_yolo(dataset(tmp_path, yaml, a=""))


def test_a_yaml_that_lists_no_images(tmp_path):
    """Supervision writes none of the keys; images lie in the folder `images` beside the file."""
    data = dataset(tmp_path, "nc: 2\nnames: [car, dog]\n", a="0 .5 .5 1 1")
    assert (read_yolo(data).image_files, read_yolo(data).name) == (
        ("a.png",),
        f"{tmp_path.name} val",
    )
    with pytest.raises(InputError, match="there is no split 'test'; choose one of: val"):
        read_yolo(data, split="test")
    (tmp_path / "images").rename(tmp_path / "photos")
    with pytest.raises(
        InputError,
        match=r"data\.yaml: lists no images; expected one of the keys val, test, train with",
    ):
        read_yolo(data)


def test_missing_files_are_refused(tmp_path):
    data = dataset(tmp_path, a="")
    with pytest.raises(InputError, match=r"no such file; give the dataset's data.yaml"):
        read_yolo(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="there is no split 'test'; choose one of: val"):
        read_yolo(data, split="test")
    with pytest.raises(InputError, match="no such folder of images"):
        read_yolo(data, images=tmp_path / "none")
    data.write_text("val: list.txt\nnames: [car]\n")
    (tmp_path / "list.txt").write_text("gone.jpg")
    with pytest.raises(InputError, match=r"gone\.jpg: no such image"):
        read_yolo(data)
    (tmp_path / "gone.jpg").write_text("text")
    with pytest.raises(InputError, match=r"gone\.jpg: is not an image"):
        read_yolo(data)


def test_images_of_one_name_in_two_folders_are_named_by_their_paths(tmp_path):
    dataset(tmp_path, folder="val/one", a="0 .5 .5 1 1", b="")
    ground_truth = read_yolo(dataset(tmp_path, folder="val/two", a="1 .5 .5 .5 .5\n" * 2))
    assert ground_truth.image_ids == ("one/a", "one/b", "two/a")
    assert ground_truth.image_files == ("one/a.png", "one/b.png", "two/a.png")
    assert ground_truth.class_index.tolist() == [0, 1, 1]
    assert ground_truth.offsets.tolist() == [0, 1, 1, 3]


def test_two_images_of_one_name_in_a_folder_are_refused(tmp_path):
    data = dataset(tmp_path, a="0 .5 .5 1 1")
    Image.new("RGB", (100, 50)).save(tmp_path / "images/val/a.jpg")
    with pytest.raises(InputError, match=r"two images are called 'a': .*val/a\.jpg and .*a\.png"):
        read_yolo(data)


def test_text_in_another_encoding_is_refused(tmp_path):
    data = dataset(tmp_path, a="0 .5 .5 1 1")
    (tmp_path / "labels/val/a.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(InputError, match=r"a\.txt, line 1: is not UTF-8 text"):
        read_yolo(data)


def with_images(root: Path, **columns):
    """Return a ground truth with three images of 100 × 80 pixels in `root`."""
    root.mkdir()
    for i in range(3):
        Image.new("RGB", (100, 80)).save(root / f"image{i}.png")
    boxes = [(10.25, 20.5, 30.0, 40.0), (0.0, 0.0, 100.0, 80.0), (1 / 3, 2 / 3, 7.1, 9.9)]
    return make_ground_truth(
        boxes,
        image_index=[0, 0, 2],
        class_index=[0, 2, 1],
        **{"image_files": [f"image{i}.png" for i in range(3)], "image_folder": root} | columns,
    )


@pytest.mark.parametrize("split", ["val", "test", "mine"])
def test_a_written_dataset_is_read_again(tmp_path, split):
    original = with_images(tmp_path / "images", image_sizes=np.full((3, 2), np.nan))
    write_yolo(original, tmp_path / "yolo", split=split)
    again = read_yolo(tmp_path / "yolo" / "data.yaml")
    np.testing.assert_allclose(again.boxes, original.boxes, atol=1e-12)
    assert again.class_index.tolist() == original.class_index.tolist()
    assert again.offsets.tolist() == original.offsets.tolist()
    assert (again.class_names, again.image_ids) == (
        original.class_names,
        ("image0", "image1", "image2"),
    )


def test_what_yolo_cannot_hold_is_counted(tmp_path):
    original = make_ground_truth(
        [(-5.0, 0.0, 50.0, 90.0), (0.0, 0.0, 9.0, 9.0)], difficult=[False, True]
    )
    with pytest.warns(DetbenchWarning) as caught:
        write_yolo(original, tmp_path / "yolo")
    assert [str(warning.message) for warning in caught] == [
        "ground truth: 1 box clipped to the image: YOLO's fractions end at 1",
        "ground truth: 1 difficult or crowd object written as ordinary: YOLO has no such flags",
        (
            "3 of 3 images were not found or are no images; "
            "copy them into images/val before the dataset is read"
        ),
    ]
    labels = (tmp_path / "yolo/labels/val/000.txt").read_text()
    assert labels == "0 0.25 0.5 0.5 1.0\n0 0.045 0.05625 0.09 0.1125\n"


def test_an_unknown_size_is_refused_before_writing(tmp_path):
    with pytest.raises(InputError, match="unknown"):
        write_yolo(make_ground_truth(image_sizes=np.full((3, 2), np.nan)), tmp_path / "yolo")
    assert not any(tmp_path.iterdir())


def test_a_byte_order_mark_is_skipped(tmp_path):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="")
    (tmp_path / "labels/val/a.txt").write_text("\ufeff0 .5 .5 1 1\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("\ufeffimages/val/a.png\n", encoding="utf-8")
    data.write_text("\ufeffval: list.txt\nnames: [car]\n", encoding="utf-8")
    assert len(read_yolo(data)) == 1


def test_lines_may_have_any_line_ends(tmp_path):
    data = dataset(tmp_path, a="")
    (tmp_path / "labels/val/a.txt").write_bytes(b"0 .5 .5 1 1\r\n0 .5 .5 1 1\r0 .5 .5 2 1\n")
    with pytest.raises(InputError, match=r"a\.txt, line 3: 2 is outside"):
        read_yolo(data)


@pytest.mark.parametrize("spelling", ["0_5", "０", "1e-0_1"])
def test_numbers_that_only_python_reads_are_refused(tmp_path, spelling):
    data = dataset(tmp_path, a="")
    (tmp_path / "labels/val/a.txt").write_text(
        f"0 .5 .5 1 1\n0 {spelling} .5 1 1\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=rf"a\.txt, line 2: '{spelling}' is not a number"):
        read_yolo(data)


def test_folders_in_place_of_files_are_refused(tmp_path):
    data = dataset(tmp_path, a="none")
    (tmp_path / "labels/val/a.txt").mkdir()
    with pytest.raises(InputError, match=r"a\.txt: cannot be read: Is a directory"):
        read_yolo(data)
    with pytest.raises(InputError, match=r"labels: cannot be read: Is a directory"):
        read_yolo(tmp_path / "labels")


def test_a_list_in_another_encoding_is_located(tmp_path):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="")
    (tmp_path / "list.txt").write_bytes(b"images/val/a.png\n\xff\n")
    with pytest.raises(InputError, match=r"list\.txt, line 2: is not UTF-8 text"):
        read_yolo(data)


@pytest.mark.parametrize(
    ("name", "message"),
    [("a" * 400 + ".png", "File name too long"), ("a\0b.png", "is not an image")],
)
def test_an_impossible_listed_name_is_refused(tmp_path, name, message):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="")
    (tmp_path / "list.txt").write_text(name)
    with pytest.raises(InputError, match=message):
        read_yolo(data)
