"""VOC itself against datasets in its layout: classes, names and protocols follow the evidence."""

import pytest

from detbench.data.formats.voc.annotations import VOC_CLASSES, read_voc
from detbench.data.formats.voc.writer import write_voc
from tests.data.formats.voc.devkits import DOG, annotation, devkit
from tests.data.formats.voc.makers import put
from tests.data.ground_truths import make_ground_truth

PERSON = DOG.replace("dog", "person")
OFFICIAL = "<source><database>The VOC2007 Database</database></source>"
PRIVATE = "<source><database>Unknown</database></source>"


def text(*objects, folder="VOC2007", source=""):
    """Return an annotation with this `<folder>` and `<source>`."""
    written = annotation(*objects).replace("<folder>VOC2007</folder>", f"<folder>{folder}</folder>")
    return written.replace("<size>", f"{source}<size>")


def summary(ground_truth):
    n_classes = len(ground_truth.class_names)
    return ground_truth.name, n_classes, ground_truth.protocol


@pytest.mark.parametrize(
    ("folder", "image_id", "annotated", "expected"),
    [
        # VOC itself: a year, images numbered as VOC's, classes of VOC, and no other database.
        ("VOC2007", "000001", text(DOG), ("VOC2007 test", 20, "voc2007")),
        ("VOC2007", "000001", text(DOG, source=OFFICIAL), ("VOC2007 test", 20, "voc2007")),
        ("any", "000001", text(DOG, source=OFFICIAL), ("VOC2007 test", 20, "voc2007")),
        ("VOC2012", "2008_000001", text(DOG), ("VOC2012 test", 20, "voc2012")),
        # A person and a dog are no evidence.
        ("mine", "000001", text(DOG, PERSON, folder="images"), ("mine test", 2, "voc2012")),
        ("mine", "IMG_1", text(DOG, PERSON), ("mine test", 2, "voc2012")),
        ("mine", "000001", text(DOG, PERSON, source=PRIVATE), ("mine test", 2, "voc2012")),
        ("mine/VOC2012", "IMG_1", text(DOG, PERSON), ("mine test", 2, "voc2012")),
        ("mine/VOCdevkit/VOC2012", "1", text(DOG, PERSON), ("mine test", 2, "voc2012")),
        # Programs that follow the layout score a folder called VOC2007 with the metric of 2007.
        ("mine/VOCdevkit/VOC2007", "1", text(DOG, PERSON), ("mine test", 2, "voc2007")),
    ],
)
def test_what_is_voc(tmp_path, folder, image_id, annotated, expected):
    ground_truth = read_voc(devkit(tmp_path / folder, {image_id: annotated}))
    assert summary(ground_truth) == expected
    if expected[1] == len(VOC_CLASSES):
        assert ground_truth.class_names == VOC_CLASSES
    else:
        assert ground_truth.class_names == ("dog", "person")


def test_a_folder_without_image_sets_is_voc_on_the_same_evidence(tmp_path):
    files = {"VOC2007/Annotations/000001.xml": text(DOG)}
    assert summary(read_voc(put(tmp_path, **files) / "VOC2007")) == ("VOC2007", 20, "voc2007")
    files = {"mine/Annotations/1.xml": text(DOG, PERSON)}
    assert summary(read_voc(put(tmp_path, **files) / "mine")) == ("mine", 2, "voc2012")


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012"])
def test_written_datasets_keep_their_classes_and_protocol(tmp_path, protocol):
    original = make_ground_truth([(0, 0, 9, 9)], protocol=protocol, name="shapes test")
    write_voc(original, tmp_path / "out")
    again = read_voc(tmp_path / "out")
    assert again.class_names == original.class_names
    assert (again.name, again.protocol) == ("out test", protocol)
    written = (tmp_path / "out/Annotations/000.xml").read_text()
    assert "<folder>JPEGImages</folder>" in written
