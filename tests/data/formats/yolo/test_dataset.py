import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detbench.data.formats.yolo.dataset import read_yolo, write_yolo
from detbench.data.image_headers import read_image_size, require_image_sizes
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.data.truths import truth


def dataset(
    root: Path,
    yaml: str = "val: images/val\nnames: [car, dog]\n",
    folder: str = "val",
    **labels: str,
) -> Path:
    """Write a YOLO dataset of 100 × 50 pictures with these label texts (`none`: a picture without a label file)."""
    (root / "images" / folder).mkdir(parents=True, exist_ok=True)
    (root / "labels" / folder).mkdir(parents=True, exist_ok=True)
    for name, text in labels.items():
        Image.new("RGB", (100, 50)).save(root / "images" / folder / f"{name}.png")
        if text != "none":
            (root / "labels" / folder / f"{name}.txt").write_text(text)
    (root / "data.yaml").write_text(yaml)
    return root / "data.yaml"


def test_boxes_become_pixels_of_their_picture(tmp_path):
    data = dataset(tmp_path / "zoo", a="1 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.2 0.4\n", b="none", c="\n")
    found = read_yolo(data)
    assert found.boxes.tolist() == [[40, 15, 60, 35], [0, 0, 20, 20]]
    assert found.box_areas.tolist() == [400, 400]
    assert found.class_index.tolist() == [1, 0]
    assert found.offsets.tolist() == [0, 2, 2, 2]
    assert (found.image_ids, found.image_files) == (("a", "b", "c"), ("a.png", "b.png", "c.png"))
    assert found.image_folder == tmp_path / "zoo/images/val"
    assert found.image_sizes.tolist() == [[100, 50]] * 3
    assert (found.class_names, found.name, found.protocol) == (("car", "dog"), "zoo val", "coco")


def test_a_polygon_becomes_its_bounding_box(tmp_path):
    found = read_yolo(dataset(tmp_path, a="0 0.1 0.2 0.5 0.2 0.3 0.8\n"))
    np.testing.assert_allclose(found.boxes, [[10, 10, 50, 40]])


def test_a_square_in_a_path_and_names_by_number(tmp_path):
    yaml = "path: .\nval: [images/val, images/more]\ntrain: ''\nnames: {1: dog, 0: car}\nnc: 2\n"
    dataset(tmp_path, a="0 .5 .5 1 1")
    found = read_yolo(dataset(tmp_path, yaml, "more", b="1 .5 .5 1 1"), split="val")
    assert found.image_files == ("val/a.png", "more/b.png")
    assert found.class_names == ("car", "dog")


def test_pictures_may_be_listed(tmp_path):
    data = dataset(tmp_path, "val: lists/val.txt\nnames: [car]\n", b="0 .5 .5 1 1", a="none")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "val.txt").write_text("images/val/b.png\n\n./../images/val/a.png\n")
    assert read_yolo(data).image_ids == ("b", "a")


def test_a_path_that_leaves_the_folder_by_mistake_is_forgiven(tmp_path):
    assert read_yolo(
        dataset(tmp_path, "val: ../images/val\nnames: [car]\n", a="none")
    ).image_ids == ("a",)


def test_images_replaces_the_folder_of_the_split(tmp_path):
    data = dataset(tmp_path, a="none")
    dataset(tmp_path, folder="other", b="none")
    assert read_yolo(data, images=tmp_path / "images/other").image_ids == ("b",)


def test_only_the_last_images_folder_becomes_labels(tmp_path):
    found = read_yolo(dataset(tmp_path / "images" / "set", a="0 .5 .5 1 1"))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", r"4 values, expected `class cx cy w h` or"),
        ("0 0.5 0.5 0.2 0.2 0.9", r"6 values, expected `class cx cy w h` or"),
        ("0 0.5 0.5 0.2 1.00001", r"1.00001 lies outside 0..1; labels are fractions"),
        ("0 50 20 10 10", r"50 lies outside 0..1"),
        ("2 0.5 0.5 0.2 0.2", r"class 2, but the dataset names 2, counted from 0"),
        ("0.5 0.5 0.5 0.2 0.2", r"class 0.5 is not the number of a class"),
        ("-1 0.5 0.5 0.2 0.2", r"class -1 is not the number of a class"),
        ("0 0.5 half 0.2 0.2", r"could not convert string to float: 'half'; expected numbers only"),
        ("0 0.5 nan 0.2 0.2", r"a value is not finite: 0 0.5 nan 0.2 0.2"),
        ("inf 0.5 0.5 0.2 0.2", r"a value is not finite"),
    ],
)
def test_a_faulty_label_is_named_with_its_line(tmp_path, line, message):
    with pytest.raises(InputError, match=rf"labels/val/a\.txt, line 3: {message}"):
        read_yolo(dataset(tmp_path, a=f"0 0.5 0.5 1.0000005 1\n\n{line}\n"))


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("val: [images/val\nnames: [a]\n", r"data\.yaml, line \d: is not YAML"),
        ("just words", r"data\.yaml: names no classes; a YOLO dataset has the keys names"),
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
            r"which split is meant\?; choose one of: test, train",
        ),
        (
            "names: [car]\n",
            r"data\.yaml: names no pictures; expected one of the keys val, test, train with",
        ),
        (
            "val: images/none\nnames: [car]\n",
            r"images/none, split val: no such folder or list, but .*data\.yaml names it",
        ),
        (f"val: {'a' * 400}\nnames: [car]\n", r"aaa: cannot be read: File name too long"),
        ("val: images/val\nnames: [car]\nmade: 2007-13-13\n", r"data\.yaml: is not YAML"),
        ("val: labels\nnames: [car]\n", r"there are no pictures for split 'val'"),
    ],
)
def test_a_faulty_yaml_is_explained(tmp_path, yaml, message):
    with pytest.raises(InputError, match=message):
        read_yolo(dataset(tmp_path, yaml, a="none"))


def test_missing_things_are_named(tmp_path):
    data = dataset(tmp_path, a="none")
    with pytest.raises(InputError, match=r"no such file; name the dataset's data.yaml"):
        read_yolo(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="there is no split 'test'; choose one of: val"):
        read_yolo(data, split="test")
    with pytest.raises(InputError, match="no such folder of pictures"):
        read_yolo(data, images=tmp_path / "none")
    data.write_text("val: list.txt\nnames: [car]\n")
    (tmp_path / "list.txt").write_text("gone.jpg")
    with pytest.raises(InputError, match=r"gone\.jpg: no such picture"):
        read_yolo(data)
    (tmp_path / "gone.jpg").write_text("text")
    with pytest.raises(InputError, match=r"gone\.jpg: is not a picture"):
        read_yolo(data)


def test_two_pictures_of_one_name_are_refused(tmp_path):
    dataset(tmp_path, folder="val/one", a="none")
    with pytest.raises(
        InputError, match=r"two pictures are called 'a': .*one/a\.png and .*two/a\.png"
    ):
        read_yolo(dataset(tmp_path, folder="val/two", a="none"))


def test_text_in_another_encoding_is_refused(tmp_path):
    data = dataset(tmp_path, a="0 .5 .5 1 1")
    (tmp_path / "labels/val/a.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(InputError, match=r"a\.txt, line 1: is not UTF-8 text"):
        read_yolo(data)


def test_a_turned_photograph_has_the_size_it_is_shown_in(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image_size(tmp_path / "turned.jpg") == (20, 40)


def pictured(root: Path, **columns):
    """Return a ground truth with three pictures of 100 × 80 in `root`."""
    root.mkdir()
    for i in range(3):
        Image.new("RGB", (100, 80)).save(root / f"pic{i}.png")
    boxes = [(10.25, 20.5, 30.0, 40.0), (0.0, 0.0, 100.0, 80.0), (1 / 3, 2 / 3, 7.1, 9.9)]
    return truth(
        boxes,
        image_index=[0, 0, 2],
        class_index=[0, 2, 1],
        **{"image_files": [f"pic{i}.png" for i in range(3)], "image_folder": root} | columns,
    )


@pytest.mark.parametrize("split", ["val", "test", "mine"])
def test_a_written_dataset_is_read_again(tmp_path, split):
    original = pictured(tmp_path / "pictures", image_sizes=np.full((3, 2), np.nan))
    write_yolo(original, tmp_path / "yolo", split=split)
    again = read_yolo(tmp_path / "yolo" / "data.yaml")
    np.testing.assert_allclose(again.boxes, original.boxes, atol=1e-12)
    assert again.class_index.tolist() == original.class_index.tolist()
    assert again.offsets.tolist() == original.offsets.tolist()
    assert (again.class_names, again.image_ids) == (original.class_names, ("pic0", "pic1", "pic2"))


def test_what_yolo_cannot_say_is_counted(tmp_path):
    original = truth([(-5.0, 0.0, 50.0, 90.0), (0.0, 0.0, 9.0, 9.0)], difficult=[False, True])
    with pytest.warns(DetbenchWarning) as warned:
        write_yolo(original, tmp_path / "yolo")
    assert [str(w.message) for w in warned] == [
        "ground truth: 1 boxes reach out of their image and are cut: YOLO has no way to say it",
        "ground truth: 1 difficult or crowd objects become ordinary ones: YOLO has no way to say it",
        "3 of 3 pictures were not found; copy them into images/val before the dataset is read",
    ]
    assert (
        tmp_path / "yolo/labels/val/000.txt"
    ).read_text() == "0 0.25 0.5 0.5 1.0\n0 0.045 0.05625 0.09 0.1125\n"


def test_an_unknown_size_is_said(tmp_path):
    with pytest.raises(DetbenchError, match=r"the size of image '000' is unknown.*--images"):
        require_image_sizes(truth(image_sizes=np.full((3, 2), np.nan)))
    with pytest.raises(InputError, match="unknown"):
        write_yolo(truth(image_sizes=np.full((3, 2), np.nan)), tmp_path / "yolo")
    assert not any(tmp_path.iterdir())


def test_a_byte_order_mark_is_no_part_of_a_label_a_list_or_a_yaml(tmp_path):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="none")
    (tmp_path / "labels/val/a.txt").write_text("\ufeff0 .5 .5 1 1\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("\ufeffimages/val/a.png\n", encoding="utf-8")
    data.write_text("\ufeffval: list.txt\nnames: [car]\n", encoding="utf-8")
    assert len(read_yolo(data)) == 1


def test_line_ends_of_any_kind_count(tmp_path):
    data = dataset(tmp_path, a="none")
    (tmp_path / "labels/val/a.txt").write_bytes(b"0 .5 .5 1 1\r\n0 .5 .5 1 1\r0 .5 .5 2 1\n")
    with pytest.raises(InputError, match=r"a\.txt, line 3: 2 lies outside"):
        read_yolo(data)


@pytest.mark.parametrize("spelling", ["0_5", "０", "1e-0_1"])
def test_numbers_are_spelt_as_everywhere(tmp_path, spelling):
    data = dataset(tmp_path, a="none")
    (tmp_path / "labels/val/a.txt").write_text(
        f"0 .5 .5 1 1\n0 {spelling} .5 1 1\n", encoding="utf-8"
    )
    with pytest.raises(
        InputError, match=rf"a\.txt, line 2: could not convert string to float: '{spelling}'"
    ):
        read_yolo(data)


def test_folders_in_place_of_files_are_said(tmp_path):
    data = dataset(tmp_path, a="none")
    (tmp_path / "labels/val/a.txt").mkdir()
    with pytest.raises(InputError, match=r"a\.txt: cannot be read: Is a directory"):
        read_yolo(data)
    with pytest.raises(InputError, match=r"labels: cannot be read: Is a directory"):
        read_yolo(tmp_path / "labels")


def test_a_list_in_another_encoding_is_named_with_its_line(tmp_path):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="none")
    (tmp_path / "list.txt").write_bytes(b"images/val/a.png\n\xff\n")
    with pytest.raises(InputError, match=r"list\.txt, line 2: is not UTF-8 text"):
        read_yolo(data)


@pytest.mark.parametrize(
    ("name", "message"),
    [("a" * 400 + ".png", "File name too long"), ("a\0b.png", "is not a picture")],
)
def test_a_listed_name_that_no_file_can_have_is_refused(tmp_path, name, message):
    data = dataset(tmp_path, "val: list.txt\nnames: [car]\n", a="none")
    (tmp_path / "list.txt").write_text(name)
    with pytest.raises(InputError, match=message):
        read_yolo(data)


def test_a_picture_that_may_not_be_read_is_not_called_broken(tmp_path, monkeypatch):
    import errno

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(
        InputError, match=r"a\.png: cannot be read: Permission denied; grant permission to read it$"
    ):
        read_image_size(tmp_path / "a.png")


def test_a_large_picture_is_measured_and_an_impossible_one_refused(tmp_path):
    for side in (10_000, 60_000):
        header = b"\x89PNG\r\n\x1a\n" + png_chunk(
            b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        )
        (tmp_path / f"{side}.png").write_bytes(header + png_chunk(b"IDAT", b""))
    assert read_image_size(tmp_path / "10000.png") == (10_000, 10_000)
    with pytest.raises(
        InputError, match=r"60000\.png: its header claims a size that no picture has"
    ):
        read_image_size(tmp_path / "60000.png")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
