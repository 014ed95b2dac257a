"""The image sets of VOC devkits: which split is read, and malformed lists."""

import pytest

from detbench.data.formats.voc.annotations import read_voc
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.voc.devkits import DOG, annotation, devkit, pack


def test_classes_without_objects_are_known_from_the_lists(tmp_path):
    gnu = DOG.replace("dog", "gnu")
    ground_truth = read_voc(
        devkit(
            tmp_path,
            {"a": annotation(gnu)},
            test="a",
            gnu_test="a  1",
            train_test="a -1",
            emu_test="a -1",
        )
    )
    assert ground_truth.class_names == ("emu", "gnu", "train")


@pytest.mark.parametrize(
    ("lists", "chosen"),
    [({"test": "a", "val": "b"}, "a"), ({"val": "b"}, "b"), ({"trainval": "b"}, "b")],
)
def test_the_split_is_test_or_the_only_one(tmp_path, lists, chosen):
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()}, **lists)
    assert read_voc(root).image_ids == (chosen,)


def test_several_splits_without_test_must_be_chosen_from(tmp_path):
    root = devkit(tmp_path, {"a": annotation()}, train="a", val="a", trainval="a", dog_train="a 1")
    with pytest.raises(
        InputError,
        match=r"ImageSets/Main: there are several splits: train, trainval, val; .*--split",
    ):
        read_voc(root)


def test_an_unknown_split_lists_the_known_ones(tmp_path):
    root = devkit(tmp_path, {"a": annotation()}, train="a", val="a", dog_train="a 1")
    with pytest.raises(
        InputError, match=r"ImageSets/Main: there is no split 'tset'; choose one of: train, val$"
    ):
        read_voc(root, split="tset")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb\n\na\n", r"test\.txt, line 4: image 'a' is already in line 1"),
        ("a 1\n", r"test\.txt, line 1: expected one image id, found 'a 1'"),
    ],
)
def test_a_malformed_image_set_is_located(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"a": annotation(), "b": annotation()}, test=text))


def test_an_image_set_that_is_a_broken_link_is_refused(tmp_path):
    path = devkit(tmp_path, {"a": annotation()}) / "ImageSets/Main/test.txt"
    path.unlink()
    path.symlink_to("gone")
    with pytest.raises(InputError, match=r"test\.txt: is a link to a missing file"):
        read_voc(tmp_path)


@pytest.mark.parametrize(
    ("image_id", "message"),
    [
        ("a\0b", r"test\.txt, line 1: 'a\\x00b' cannot be the name of an image"),
        ("a" * 400, "xml: cannot be read: File name too long"),
    ],
)
def test_an_image_id_that_cannot_name_a_file_is_refused(tmp_path, image_id, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"a": annotation()}, test=image_id))


def test_a_line_that_is_the_name_of_an_annotation_is_one_id(tmp_path):
    """CVAT keeps the names of image files, with spaces and folders."""
    names = ("shot (1)", "a  b", "cam 1/shot (2)", "plain")
    root = devkit(tmp_path, {}, test="\n".join(f" {name}\t" for name in names))
    for name in names:
        file = root / "Annotations" / f"{name}.xml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(annotation(DOG), encoding="utf-8")
    assert read_voc(root).image_ids == names
    archive = pack(tmp_path / "a.tar", root, "w")
    assert read_voc(archive).image_ids == names


def test_a_class_list_given_as_split_is_refused(tmp_path):
    root = devkit(tmp_path, {"a": annotation(DOG)}, dog_test="a  1", night="a")
    with pytest.raises(
        InputError,
        match=r"dog_test\.txt, line 1: expected one image id, found 'a  1'; .*no Annotations/a  1",
    ):
        read_voc(root, split="dog_test")


@pytest.mark.parametrize("missing", [1, 2])
def test_a_label_map_explains_missing_annotations(tmp_path, missing):
    """CVAT and Datumaro write none for images without objects, but not for no image at all."""
    images = {"a": annotation(DOG), "b": annotation(DOG)}
    root = devkit(tmp_path, images, default="a\nb")
    (root / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground::: \nemu:::\n")
    for image_id in ("b", "a")[:missing]:
        (root / "Annotations" / f"{image_id}.xml").unlink()
    if missing == len(images):
        with pytest.raises(InputError, match=r"Annotations/a\.xml: is missing, but image 'a'"):
            read_voc(root)
        return
    with pytest.warns(DetbenchWarning, match="1 of 2 images have no XML file: they count"):
        ground_truth = read_voc(root)
    assert ground_truth.offsets.tolist() == [0, 1, 1]
    assert ground_truth.class_names == ("dog", "emu")
