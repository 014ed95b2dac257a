"""Folders of VOC annotations without image sets: what is a split, an image and its file."""

import warnings

import pytest

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.devkit import is_devkit
from detbench.data.formats.voc.xml_folders import is_xml_folder
from detbench.data.load import load_ground_truth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.voc.devkits import BOX, DOG, annotation
from tests.data.formats.voc.makers import put

XML = annotation(DOG)


def quietly(path, **options):
    """Read without the warnings that other tests are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        return read_voc(path, **options)


@pytest.mark.parametrize(
    ("xml", "image"),
    [
        ("Annotations/a.xml", "JPEGImages/a.jpg"),
        ("annotations/a.xml", "images/a.png"),
        ("labels/a.xml", "data/a.jpg"),
        ("a.xml", "a.jpeg"),
        ("a.xml", "images/a.jpg"),
        ("xmls/a.XML", "a.jpg"),
    ],
)
def test_all_xml_of_a_folder_is_one_split(tmp_path, xml, image):
    root = put(tmp_path / "mine", **{xml: XML, image: ""})
    ground_truth = read_voc(root)
    assert ground_truth.image_ids == ("a",)
    assert ground_truth.boxes.tolist() == [[47, 239, 195, 371]]
    assert ground_truth.name == "mine"
    [name] = ground_truth.image_files
    assert (ground_truth.image_folder / name).samefile(root / image)
    assert read_voc(root, split="mine").digest == ground_truth.digest


def test_the_folder_of_annotations_itself_can_be_given(tmp_path):
    root = put(tmp_path / "mine", **{"Annotations/a.xml": XML, "JPEGImages/a.jpg": ""})
    ground_truth = read_voc(root / "Annotations")
    assert (ground_truth.name, ground_truth.image_files) == ("mine", ("a.jpg",))
    assert ground_truth.image_folder.samefile(root / "JPEGImages")


def test_image_sets_decide_where_there_are_some(tmp_path):
    """Also for the folder of annotations in a devkit: it holds those of every split."""
    root = put(
        tmp_path / "mine",
        **{
            "Annotations/a.xml": XML,
            "Annotations/b.xml": XML,
            "ImageSets/Main/test.txt": "b",
        },
    )
    assert read_voc(root / "Annotations").image_ids == ("b",)
    (root / "ImageSets/Main/test.txt").unlink()
    assert not is_devkit(root)
    assert read_voc(root).image_ids == ("a", "b")


@pytest.mark.parametrize(
    "name",
    ["{}/a.xml", "{}/labels/a.xml", "Annotations/{}/a.xml", "labels/{}/cam1/a.xml"],
)
def test_folders_called_as_splits_are_splits(tmp_path, name):
    files = {name.format(split): XML for split in ("train", "val")}
    files[name.format("train").replace("a.xml", "b.xml")] = XML
    root = put(tmp_path / "mine", **files)
    with pytest.raises(
        InputError, match=r"mine: there are several splits: train, val; choose one with --split"
    ):
        read_voc(root)
    with pytest.raises(InputError, match=r"no split 'test'; choose one of: train, val"):
        read_voc(root, split="test")
    assert read_voc(root, split="train").image_ids == ("a", "b")
    assert read_voc(root, split="val").name == "mine val"
    put(root, **{name.format("test"): XML})
    assert read_voc(root).name == "mine test"


def test_a_folder_beside_splits_is_a_split_of_its_own_name(tmp_path):
    root = put(tmp_path / "mine", **{"train/a.xml": XML, "night/a.xml": XML, "b.xml": XML})
    assert read_voc(root, split="night").image_ids == ("a",)
    with pytest.raises(InputError, match="several splits: mine, night, train"):
        read_voc(root)


def test_other_folders_belong_to_one_split(tmp_path):
    files = {
        "cam1/a.xml": XML,
        "cam2/b.xml": XML,
        "cam1/a.jpg": "",
        "cam2/b.jpg": "",
    }
    root = put(tmp_path / "mine", **files)
    ground_truth = read_voc(root)
    assert ground_truth.image_ids == ("a", "b")
    assert ground_truth.image_files == ("cam1/a.jpg", "cam2/b.jpg")
    assert ground_truth.image_folder == root


def test_two_annotations_of_one_name_are_ambiguous(tmp_path):
    root = put(tmp_path, **{"old/a.xml": XML, "new/a.xml": XML, "new/b.xml": XML})
    with pytest.raises(
        InputError, match=r"image 'a' has several annotations: new/a\.xml, old/a\.xml; give one"
    ):
        read_voc(root)
    assert read_voc(root / "old").image_ids == ("a",)


@pytest.mark.parametrize(
    ("stated", "files", "chosen"),
    [
        ("old.jpg", ["new.jpg"], "new.jpg"),
        ("old.jpg", ["new.png", "old.jpg"], "new.png"),
        ("new.png", ["new.jpg", "new.png"], "new.png"),
        ("old.jpg", ["old.jpg"], "old.jpg"),
        ("old", [], "new.jpg"),
        ("C:\\photos\\old.jpg", ["old.jpg"], "old.jpg"),
        ("", ["new.bmp"], "new.bmp"),
        ("old.jpg", ["new.txt"], "old.jpg"),
    ],
)
def test_the_image_is_the_file_that_exists(tmp_path, stated, files, chosen):
    """The id is always the name of the XML file, and its image comes before the stated one."""
    text = XML.replace("000001.jpg", stated)
    root = put(tmp_path, **{"Annotations/new.xml": text, "ImageSets/Main/test.txt": "new"})
    put(root, **{f"JPEGImages/{name}": "" for name in files})
    ground_truth = read_voc(root)
    assert ground_truth.image_ids == ("new",)
    assert ground_truth.image_files == (chosen,)


def test_images_without_xml_are_left_out_and_counted(tmp_path):
    """Without a list of images it is uncertain whether they were looked at."""
    files = {f"JPEGImages/{stem}.jpg": "" for stem in "abcd"}
    renamed = XML.replace("000001.jpg", "d.jpg")
    files |= {"Annotations/a.xml": XML, "Annotations/x.xml": renamed}
    root = put(tmp_path / "mine", **files)
    with pytest.warns(
        DetbenchWarning, match=r"mine: 2 of 4 images have no XML file and are left out; if they"
    ):
        ground_truth = read_voc(root)
    assert ground_truth.image_files == ("a.jpg", "d.jpg")


@pytest.mark.parametrize("shared", [False, True])
def test_images_of_other_splits_are_not_counted(tmp_path, shared):
    folder = "JPEGImages" if shared else "JPEGImages/{}"
    files = {}
    for split, stem in (("train", "a"), ("test", "b")):
        files[f"Annotations/{split}/{stem}.xml"] = XML
        files[f"{folder.format(split)}/{stem}.jpg"] = ""
    root = put(tmp_path, **files)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ground_truth = read_voc(root)
    [name] = ground_truth.image_files
    assert (ground_truth.image_folder / name).is_file()


def test_the_folder_of_the_images_can_be_given(tmp_path):
    root = put(tmp_path / "mine", **{"cam1/a.xml": XML, "cam2/b.xml": XML})
    images = put(tmp_path / "images", **{"a.png": "", "b.png": ""})
    ground_truth = read_voc(root, images=images)
    assert (ground_truth.image_folder, ground_truth.image_files) == (images, ("a.png", "b.png"))


def test_hidden_files_are_not_annotations(tmp_path):
    """Archives made on a Mac hold a `._a.xml` for every `a.xml`."""
    root = put(
        tmp_path,
        **{"a.xml": XML, "._a.xml": "\0", "__MACOSX/a.xml": XML, ".idea/modules.xml": "<project/>"},
    )
    assert read_voc(root).image_ids == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "<annotations><image/></annotations>",
        "<?xml version='1.0'?><!-- <annotation> --><dataset/>",
        "<annotationset/>",
        "",
    ],
    ids=["CVAT", "dlib", "another root", "empty"],
)
def test_other_xml_is_not_vocs(tmp_path, text):
    root = put(tmp_path, **{"annotations.xml": text, "images/a.jpg": ""})
    assert not is_xml_folder(root)
    with pytest.raises(InputError, match=r"no ImageSets/Main in it, nor XML files with the root"):
        read_voc(root)


def test_an_unknown_root_is_named(tmp_path):
    root = put(tmp_path, **{"labels.xml": "<?xml version='1.0'?><dataset/>", "a.jpg": ""})
    with pytest.raises(InputError, match=r"labels\.xml: it is XML with the root <dataset>"):
        load_ground_truth(root)


def test_other_xml_among_annotations_is_named(tmp_path):
    root = put(tmp_path, **{"a.xml": XML, "cvat.xml": "<annotations/>"})
    with pytest.raises(
        InputError,
        match=r"cvat\.xml: is not a VOC annotation: its root is <annotations>, expected <annot",
    ):
        read_voc(root)


def test_a_data_yaml_makes_it_yolo(tmp_path):
    root = put(tmp_path, **{"labels/a.xml": XML, "data.yaml": "names: [dog]\nval: images\n"})
    assert not is_xml_folder(root)


def test_levels_further_down_are_not_searched(tmp_path):
    root = put(tmp_path, **{"1/2/3/4/a.xml": XML})
    assert not is_xml_folder(root)
    assert is_xml_folder(root / "1")


def test_a_damaged_file_is_located(tmp_path):
    root = put(tmp_path / "mine", **{"xml/a.xml": XML, "xml/b.xml": XML[:-3]})
    with pytest.raises(InputError, match=r"mine/xml/b\.xml, line 1.*: is not well-formed XML"):
        load_ground_truth(root)
    put(root, **{"xml/b.xml": XML.replace(BOX, "")})
    with pytest.raises(InputError, match=r"mine/xml/b\.xml, object 1 \(dog\): has no <xmin>"):
        load_ground_truth(root)


def test_load_recognizes_them(tmp_path):
    root = put(tmp_path / "mine", **{"Annotations/a.xml": XML})
    assert load_ground_truth(root).digest == quietly(root).digest
