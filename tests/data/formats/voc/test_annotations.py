import builtins
import errno
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from detbench.data.formats.voc.annotations import VOC_CLASSES, read_voc
from detbench.data.formats.voc.devkit import is_devkit
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

BOX = "<bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>"
DOG = f"<object><name>dog</name>{BOX}</object>"


def annotation(
    *objects: str, size: str = "<size><width>353</width><height>500</height></size>"
) -> str:
    return f"<annotation><folder>VOC2007</folder><filename>000001.jpg</filename>{size}{''.join(objects)}</annotation>"


def devkit(root: Path, annotations: dict[str, str], **lists: str) -> Path:
    """Write a devkit folder of these annotations; without lists, all are in `test`."""
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for image_id, text in annotations.items():
        (root / "Annotations" / f"{image_id}.xml").write_text(text, encoding="utf-8")
    for name, text in (lists or {"test": "\n".join(annotations)}).items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


def one_image(root: Path, *objects: str) -> GroundTruth:
    return read_voc(devkit(root, {"000001": annotation(*objects)}))


@pytest.fixture(scope="module")
def voc2007(shared_data) -> GroundTruth:
    return read_voc(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")


def test_the_official_tar_is_read_whole(voc2007):
    assert (len(voc2007.image_ids), len(voc2007), int((~voc2007.difficult).sum())) == (
        4952,
        14976,
        12032,
    )
    assert voc2007.class_names == VOC_CLASSES
    assert (voc2007.name, voc2007.protocol, voc2007.image_folder) == (
        "VOC2007 test",
        "voc2007",
        None,
    )
    assert voc2007.image_sizes[0].tolist() == [353, 500]
    assert voc2007.image_files[0] == "000001.jpg"


def test_a_folder_holds_the_same_as_the_tar(shared_data, voc2007, tmp_path):
    with tarfile.open(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    year = tmp_path / "VOCdevkit" / "VOC2007"
    for path in (tmp_path, tmp_path / "VOCdevkit", year):
        read = read_voc(path, split="test")
        assert read.digest == voc2007.digest
        assert read.image_folder == year / "JPEGImages"
        assert is_devkit(path)


def test_boxes_lose_one_at_the_upper_left_only(tmp_path):
    truth = one_image(tmp_path, DOG)
    assert truth.boxes.tolist() == [[47, 239, 195, 371]]
    assert truth.box_areas.tolist() == [148 * 132]
    assert not truth.difficult.any()
    assert not truth.truncated.any()


def test_parts_of_an_object_are_not_objects(tmp_path):
    part = f"<part><name>head</name>{BOX}</part>"
    truth = one_image(
        tmp_path,
        f"<object><name>person</name><difficult>1</difficult><truncated> 1 </truncated>{part}{BOX}</object>",
    )
    assert [truth.class_names[i] for i in truth.class_index] == ["person"]
    assert truth.difficult.all()
    assert truth.truncated.all()


def test_an_unspecified_flag_is_not_set_as_in_the_devkit(tmp_path):
    assert not one_image(
        tmp_path, DOG.replace("</name>", "</name><truncated>Unspecified</truncated>")
    ).truncated.any()


def test_missing_and_zero_sizes_are_nan_and_images_may_be_empty(tmp_path):
    none = "<size><width>0</width><height>0</height></size>"
    truth = read_voc(devkit(tmp_path, {"a": annotation(size=""), "b": annotation(DOG, size=none)}))
    assert np.isnan(truth.image_sizes).all()
    assert truth.offsets.tolist() == [0, 0, 1]


def test_classes_without_objects_are_known_from_the_lists(tmp_path):
    gnu = DOG.replace("dog", "gnu")
    truth = read_voc(
        devkit(
            tmp_path,
            {"a": annotation(gnu)},
            test="a",
            gnu_test="a  1",
            train_test="a -1",
            emu_test="a -1",
        )
    )
    assert truth.class_names == ("emu", "gnu", "train")


def test_other_names_than_voc_are_sorted(tmp_path):
    assert one_image(tmp_path, DOG, DOG.replace("dog", "ape")).class_names == ("ape", "dog")


@pytest.mark.parametrize(
    ("folder", "protocol", "name"),
    [("VOC2012", "voc2012", "VOC2012 test"), ("mine", "voc2007", "VOC2007 test")],
)
def test_the_year_is_the_folders_else_the_tags(tmp_path, folder, protocol, name):
    truth = one_image(tmp_path / folder, DOG)
    assert (truth.protocol, truth.name) == (protocol, name)


def test_a_dataset_of_other_classes_is_called_as_its_folder(tmp_path):
    ape = DOG.replace("dog", "ape")
    assert one_image(tmp_path / "zoo" / "VOCdevkit" / "VOC2007", ape).name == "zoo test"
    assert one_image(tmp_path / "apes", ape).name == "apes test"


def test_images_may_lie_elsewhere(tmp_path):
    root = devkit(tmp_path, {"a": annotation()})
    assert read_voc(root, images=tmp_path / "pictures").image_folder == tmp_path / "pictures"


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
        match=r"ImageSets/Main: which split is meant\? There are: train, trainval, val; .*--split",
    ):
        read_voc(root)


def test_an_unknown_split_lists_those_there(tmp_path):
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
def test_a_split_lists_every_image_once(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"a": annotation(), "b": annotation()}, test=text))


def test_a_missing_annotation_is_named(tmp_path):
    with pytest.raises(
        InputError,
        match=r"Annotations/b\.xml: is missing, but image 'b' is in split 'test'; .*test\.txt",
    ):
        read_voc(devkit(tmp_path, {"a": annotation()}, test="a\nb"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<annotation>\n<object>\n</annotation>",
            r"000001\.xml, line 3, column 3: is not well-formed XML",
        ),
        ("", r"000001\.xml, line 1, column 1: is not well-formed XML"),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]>\n<annotation>&b;</annotation>',
            r"000001\.xml: declares a document type or entities",
        ),
        (
            annotation(DOG.replace("<xmin>48</xmin>", "")),
            r"000001\.xml, object 1 \(dog\): has no <xmin>",
        ),
        (
            annotation(DOG, DOG.replace("195", "wide")),
            r"000001\.xml, object 2 \(dog\): <xmax> is 'wide', expected a number",
        ),
        (
            annotation(DOG.replace("195", "nan")),
            r"000001\.xml, object 1 \(dog\): is no box: .*xmax nan.* must be finite",
        ),
        (
            annotation(DOG.replace("195", "inf")),
            r"000001\.xml, object 1 \(dog\): is no box: .*xmax inf.* must be finite",
        ),
        (
            annotation(DOG, DOG.replace("195", "47")),
            r"000001\.xml, object 2 \(dog\): is no box: .*must not be smaller",
        ),
        (
            annotation(DOG.replace("195", "1e308").replace("371", "1e308")),
            r"object 1 \(dog\): is no box: .*xmax 1e\+308.* must be finite",
        ),
        (
            annotation(DOG.replace("195", "1_95")),
            r"000001\.xml, object 1 \(dog\): <xmax> is '1_95', expected a number",
        ),
        (
            annotation(DOG.replace("195", "１９５")),
            r"000001\.xml, object 1 \(dog\): <xmax> is '１９５', expected a number",
        ),
        (
            annotation(size="<size><width>-5</width><height>5</height></size>"),
            r"000001\.xml: <size> is '-5' × '5', expected two numbers",
        ),
        (
            annotation(size="<size><width>5</width><height>inf</height></size>"),
            r"000001\.xml: <size> is '5' × 'inf', expected two numbers",
        ),
        ("<html/>", r"000001\.xml: is no VOC annotation: it is a <html>, expected <annotation>"),
        (annotation(DOG.replace(BOX, "")), r"000001\.xml, object 1 \(dog\): has no <xmin>"),
        (annotation(DOG.replace("<name>dog</name>", "")), r"000001\.xml, object 1: has no <name>"),
        (
            annotation(DOG.replace("<name>dog</name>", "<name/>")),
            r"000001\.xml, object 1: has no <name>",
        ),
        (
            annotation(DOG.replace("</name>", "</name><difficult>maybe</difficult>")),
            r"object 1 \(dog\): <difficult> is 'maybe', expected 0 or 1",
        ),
        (
            annotation(size="<size><width>wide</width></size>"),
            r"000001\.xml: <size> is 'wide' × None, expected two numbers",
        ),
    ],
)
def test_a_faulty_annotation_is_named_with_its_object(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"000001": text}))


def test_the_encoding_named_in_a_file_cannot_hide_a_declaration(tmp_path):
    text = '<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE a+AD4-<annotation/>'
    with pytest.raises(InputError, match="is not well-formed XML"):
        read_voc(devkit(tmp_path, {"a": text}))


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path):
    root = devkit(tmp_path, {"a": annotation()})
    (root / "Annotations" / "a.xml").write_bytes(b"<annotation>\n\xff</annotation>")
    with pytest.raises(InputError, match=r"a\.xml, line 2: is not UTF-8 text"):
        read_voc(root)


def test_several_years_must_be_chosen_from(tmp_path):
    for year in ("VOC2007", "VOC2012"):
        devkit(tmp_path / "VOCdevkit" / year, {"a": annotation()})
    with pytest.raises(
        InputError, match=r"holds several VOC devkits: .*VOC2007/, .*VOC2012/; name one of them"
    ):
        read_voc(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "."])
def test_no_devkit_is_said(tmp_path, name):
    with pytest.raises(
        InputError, match=r"no such file or folder|there is no ImageSets/Main in it"
    ):
        read_voc(tmp_path / name)


def packed(path: Path, folder: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as tar:
        tar.add(folder, arcname="./VOCdevkit/VOC2007")
    return path


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz")])
def test_a_truncated_tar_is_refused_wherever_it_is_cut(tmp_path, name, mode):
    images = {f"{i:06d}": annotation(DOG) for i in range(5)}
    whole = packed(tmp_path / name, devkit(tmp_path / "devkit", images), mode).read_bytes()
    assert len(read_voc(tmp_path / name)) == 5
    cut = tmp_path / f"cut_{name}"
    for end in range(
        0, len(whole) - 10_240 if mode == "w" else len(whole) - 8, 256 if mode == "w" else 40
    ):
        cut.write_bytes(whole[:end])
        with pytest.raises(
            InputError,
            match=r"cut_a\.\w+: (is not a complete tar archive .*fetch|holds no VOC devkit)",
        ):
            read_voc(cut)


def test_a_tar_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.tar").write_text("hello" * 1000)
    with pytest.raises(InputError, match=r"a\.tar: is not a complete tar archive"):
        read_voc(tmp_path / "a.tar")


def test_a_fault_inside_a_tar_names_archive_and_member(tmp_path):
    root = devkit(tmp_path / "devkit", {"a": annotation(DOG.replace("195", "wide"))})
    with pytest.raises(
        InputError,
        match=r"a\.tar:VOCdevkit/VOC2007/Annotations/a\.xml, object 1 \(dog\): <xmax> is 'wide'",
    ):
        read_voc(packed(tmp_path / "a.tar", root, "w"))


def test_links_in_a_tar_are_not_followed(tmp_path):
    shutil.copy(
        packed(
            tmp_path / "a.tar", devkit(tmp_path / "devkit", {"a": annotation()}, test="a\nb"), "w"
        ),
        tmp_path / "b.tar",
    )
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        link = tarfile.TarInfo("VOCdevkit/VOC2007/Annotations/b.xml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link, io.BytesIO())
    with pytest.raises(InputError, match=r"Annotations/b\.xml: is missing"):
        read_voc(tmp_path / "b.tar")


def test_a_byte_order_mark_is_no_part_of_a_list_or_an_annotation(tmp_path):
    assert read_voc(
        devkit(tmp_path, {"a": "\ufeff" + annotation()}, test="\ufeffa\n")
    ).image_ids == ("a",)


def test_a_box_narrower_than_a_pixel_is_a_box(tmp_path):
    assert one_image(tmp_path, DOG.replace("195", "47.5")).boxes.tolist() == [[47, 239, 47.5, 371]]


@pytest.mark.parametrize("member", ["Annotations/a.xml", "ImageSets/Main/test.txt"])
@pytest.mark.parametrize("kind", ["folder", "loop", "forbidden"])
def test_what_cannot_be_read_is_named(tmp_path, monkeypatch, member, kind):
    path = devkit(tmp_path, {"a": annotation()}) / member
    if kind == "forbidden":
        refuse_to_open(monkeypatch, path)
    else:
        path.unlink()
        path.mkdir() if kind == "folder" else path.symlink_to(path.name)
    reason = {
        "folder": "Is a directory",
        "loop": "Too many levels of symbolic links",
        "forbidden": "Permission denied; grant permission to read it",
    }
    with pytest.raises(InputError, match=rf"{member}: cannot be read: {reason[kind]}"):
        read_voc(tmp_path)


def test_a_list_that_is_a_dangling_link_is_named(tmp_path):
    path = devkit(tmp_path, {"a": annotation()}) / "ImageSets/Main/test.txt"
    path.unlink()
    path.symlink_to("gone")
    with pytest.raises(InputError, match=r"test\.txt: is a link to a file that is not there"):
        read_voc(tmp_path)


@pytest.mark.parametrize(
    ("image_id", "message"),
    [
        ("a\0b", r"test\.txt, line 1: 'a\\x00b' cannot be the name of an image"),
        ("a" * 400, "xml: cannot be read: File name too long"),
    ],
)
def test_an_image_id_that_names_no_file_is_refused(tmp_path, image_id, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"a": annotation()}, test=image_id))


def test_a_tar_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    (tmp_path / "voc.tar").write_bytes(b"")
    refuse_to_open(monkeypatch, tmp_path / "voc.tar")
    with pytest.raises(InputError, match=r"voc\.tar: cannot be read: Permission denied"):
        read_voc(tmp_path / "voc.tar")


def refuse_to_open(monkeypatch, path: Path) -> None:
    """Have `open` refuse a file even to the user who may read all."""
    real = builtins.open

    def guarded(file, *args, **kwargs):
        if str(file) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", guarded)


@pytest.mark.parametrize("name", ["a" * 400, "a\0b", "loop"])
def test_a_path_that_cannot_be_is_no_such_file(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="no such file or folder"):
        read_voc(tmp_path / name)
