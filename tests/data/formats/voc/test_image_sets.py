"""The image sets of VOC devkits: which split is read, and malformed lists."""

import pytest

from detbench.data.formats.voc.annotations import read_voc
from detbench.errors import InputError
from tests.data.formats.voc.devkits import DOG, annotation, devkit


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
