"""VOC annotations: boxes, classes, names and sizes, and malformed XML."""

from pathlib import Path

import numpy as np
import pytest

from detbench.data.formats.voc.annotations import VOC_CLASSES, read_voc
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.voc.devkits import BOX, DOG, annotation, devkit


def one_image(root: Path, *objects: str) -> GroundTruth:
    return read_voc(devkit(root, {"000001": annotation(*objects)}))


def test_the_official_tar_is_read_completely(voc2007):
    assert (len(voc2007.image_ids), len(voc2007)) == (4952, 14976)
    assert int((~voc2007.difficult).sum()) == 12032
    assert voc2007.class_names == VOC_CLASSES
    assert (voc2007.name, voc2007.protocol) == ("VOC2007 test", "voc2007")
    assert voc2007.image_folder is None
    assert voc2007.image_sizes[0].tolist() == [353, 500]
    assert voc2007.image_files[0] == "000001.jpg"


def test_the_upper_left_corner_moves_by_one(tmp_path):
    ground_truth = one_image(tmp_path, DOG)
    assert ground_truth.boxes.tolist() == [[47, 239, 195, 371]]
    assert ground_truth.box_areas.tolist() == [148 * 132]
    assert not ground_truth.difficult.any()
    assert not ground_truth.truncated.any()


def test_parts_of_an_object_are_not_objects(tmp_path):
    part = f"<part><name>head</name>{BOX}</part>"
    flags = "<difficult>1</difficult><truncated> 1 </truncated>"
    person = f"<object><name>person</name>{flags}{part}{BOX}</object>"
    ground_truth = one_image(tmp_path, person)
    assert [ground_truth.class_names[i] for i in ground_truth.class_index] == ["person"]
    assert ground_truth.difficult.all()
    assert ground_truth.truncated.all()


def test_an_unspecified_flag_is_false_as_in_the_devkit(tmp_path):
    assert not one_image(
        tmp_path, DOG.replace("</name>", "</name><truncated>Unspecified</truncated>")
    ).truncated.any()


def test_missing_and_zero_sizes_are_nan_and_images_may_be_empty(tmp_path):
    none = "<size><width>0</width><height>0</height></size>"
    ground_truth = read_voc(
        devkit(tmp_path, {"a": annotation(size=""), "b": annotation(DOG, size=none)})
    )
    assert np.isnan(ground_truth.image_sizes).all()
    assert ground_truth.offsets.tolist() == [0, 0, 1]


def test_names_other_than_voc_are_sorted(tmp_path):
    assert one_image(tmp_path, DOG, DOG.replace("dog", "ape")).class_names == ("ape", "dog")


@pytest.mark.parametrize(
    ("folder", "protocol", "name"),
    [("VOC2012", "voc2012", "VOC2012 test"), ("mine", "voc2007", "VOC2007 test")],
)
def test_the_year_is_in_the_name_of_the_folder_or_in_a_tag(tmp_path, folder, protocol, name):
    ground_truth = one_image(tmp_path / folder, DOG)
    assert (ground_truth.protocol, ground_truth.name) == (protocol, name)


def test_a_dataset_of_other_classes_is_named_after_its_folder(tmp_path):
    ape = DOG.replace("dog", "ape")
    assert one_image(tmp_path / "zoo" / "VOCdevkit" / "VOC2007", ape).name == "zoo test"
    assert one_image(tmp_path / "apes", ape).name == "apes test"


def test_the_folder_of_the_images_may_be_given(tmp_path):
    root = devkit(tmp_path, {"a": annotation()})
    assert read_voc(root, images=tmp_path / "images").image_folder == tmp_path / "images"


def test_a_missing_annotation_is_refused(tmp_path):
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
            r"000001\.xml, object 1 \(dog\): is not a box: .*xmax nan.* must be finite",
        ),
        (
            annotation(DOG.replace("195", "inf")),
            r"000001\.xml, object 1 \(dog\): is not a box: .*xmax inf.* must be finite",
        ),
        (
            annotation(DOG, DOG.replace("195", "47")),
            r"000001\.xml, object 2 \(dog\): is not a box: .*must not be smaller",
        ),
        (
            annotation(DOG.replace("195", "1e308").replace("371", "1e308")),
            r"object 1 \(dog\): is not a box: .*xmax 1e\+308.* must be finite",
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
        (
            "<html/>",
            r"000001\.xml: is not a VOC annotation: its root is <html>, expected <annotation>",
        ),
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
def test_a_malformed_annotation_is_located(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_voc(devkit(tmp_path, {"000001": text}))


def test_the_encoding_named_in_a_file_cannot_hide_a_declaration(tmp_path):
    text = '<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE a+AD4-<annotation/>'
    with pytest.raises(InputError, match="is not well-formed XML"):
        read_voc(devkit(tmp_path, {"a": text}))


def test_text_that_is_not_utf_8_is_located(tmp_path):
    root = devkit(tmp_path, {"a": annotation()})
    (root / "Annotations" / "a.xml").write_bytes(b"<annotation>\n\xff</annotation>")
    with pytest.raises(InputError, match=r"a\.xml, line 2: is not UTF-8 text"):
        read_voc(root)


def test_a_byte_order_mark_is_skipped(tmp_path):
    assert read_voc(
        devkit(tmp_path, {"a": "\ufeff" + annotation()}, test="\ufeffa\n")
    ).image_ids == ("a",)


def test_a_box_narrower_than_a_pixel_is_a_box(tmp_path):
    assert one_image(tmp_path, DOG.replace("195", "47.5")).boxes.tolist() == [[47, 239, 47.5, 371]]


POLYGON = (
    "<polygon><x1>48</x1><y1>300</y1><x2>195</x2><y2>240</y2><x3>60</x3><y3>371</y3></polygon>"
)


def test_a_polygon_without_a_box_becomes_its_bounding_box(tmp_path):
    """Its points are pixels as those of a box are."""
    with pytest.warns(DetbenchWarning, match="1 object without <bndbox>: polygons became boxes"):
        ground_truth = one_image(tmp_path, DOG.replace(BOX, POLYGON), DOG)
    assert ground_truth.boxes.tolist() == [[47, 239, 195, 371]] * 2


def test_a_box_counts_more_than_its_polygon(tmp_path, recwarn):
    polygon = POLYGON.replace("195", "100")
    assert one_image(tmp_path, DOG.replace(BOX, polygon + BOX)).boxes.tolist() == [
        [47, 239, 195, 371]
    ]
    assert not recwarn.list


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            "<robndbox><cx>5</cx><cy>5</cy><w>2</w><h>2</h><angle>0.3</angle></robndbox>",
            r"object 1 \(dog\): has a <robndbox>, a rotated box of roLabelImg, and no <bndbox>",
        ),
        (
            "<polygon><pt><x>1</x><y>2</y></pt><pt><x>3</x><y>4</y></pt></polygon>",
            r"object 1 \(dog\): has a <polygon> of <pt>, as LabelMe writes it, and no <bndbox>",
        ),
        (POLYGON.replace("<y3>371</y3>", ""), r"object 1 \(dog\): has no <xmin> in <bndbox>"),
        (POLYGON.replace("371", "low"), r"object 1 \(dog\): has no <xmin> in <bndbox>"),
    ],
)
def test_other_shapes_without_a_box_are_named(tmp_path, shape, message):
    with pytest.raises(InputError, match=message):
        one_image(tmp_path, DOG.replace(BOX, shape))


def test_the_order_of_tags_is_free(tmp_path):
    box = "<bndbox><ymax>371</ymax><xmax>195</xmax><ymin>240</ymin><xmin>48</xmin></bndbox>"
    element = f"<object>{box}<truncated>1</truncated><name>dog</name></object>"
    ground_truth = one_image(tmp_path, element)
    assert ground_truth.boxes.tolist() == [[47, 239, 195, 371]]
    assert ground_truth.truncated.tolist() == [True]


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("true", True), ("False", False), ("None", False), ("", False)],
)
def test_flags_of_other_programs(tmp_path, text, value):
    flags = f"<difficult>{text}</difficult>"
    ground_truth = one_image(tmp_path, DOG.replace("</name>", f"</name>{flags}"))
    assert ground_truth.difficult.tolist() == [value]


def test_an_annotation_may_have_nothing_but_objects(tmp_path):
    """Without size, file name, folder, pose, truncated and difficult."""
    ground_truth = read_voc(devkit(tmp_path, {"a": f"<annotation>{DOG}</annotation>"}))
    assert np.isnan(ground_truth.image_sizes).all()
    assert ground_truth.image_files == ("a.jpg",)
    assert not (ground_truth.difficult | ground_truth.truncated).any()
