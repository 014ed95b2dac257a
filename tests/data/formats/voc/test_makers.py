"""VOC annotations of other programs: every one is read, by every command, as its maker means it."""

import json
import warnings

import numpy as np
import pytest

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.lenient_annotations import read_voc_leniently
from detbench.errors import DetbenchWarning
from tests.data.formats.voc import makers
from tests.data.formats.voc.makers import BOXES, put

FROM_0 = "positions from 0"


def objects(ground_truth):
    """Return class → box of each object."""
    names = [ground_truth.class_names[index] for index in ground_truth.class_index]
    return dict(zip(names, map(tuple, ground_truth.boxes.tolist()), strict=True))


def test_cvat_and_datumaro(tmp_path):
    """Positions from 0, names with spaces and folders, and images without objects or XML."""
    root = makers.cvat(tmp_path / "project")
    with pytest.warns(DetbenchWarning) as warned:
        ground_truth = read_voc(root)
    assert ground_truth.image_ids == ("Screenshot (573)", "cam 1/b", "empty one")
    assert ground_truth.offsets.tolist() == [0, 3, 6, 6]
    first = ground_truth.select_images(np.array([0]))
    assert objects(first) == BOXES
    assert first.difficult.tolist() == [False, True, False]
    assert first.truncated.tolist() == [True, False, False]
    # The label map has a class that no object has, and `background`, which is none.
    assert ground_truth.class_names == ("cow", "dog", "emu", "person")
    assert ground_truth.image_files == ("Screenshot (573).jpg", "cam 1/b.jpg", "empty one.jpg")
    assert ground_truth.image_folder == root / "JPEGImages"
    assert (ground_truth.name, ground_truth.protocol) == ("project default", "voc2012")
    texts = [str(warning.message) for warning in warned]
    assert "default.txt: 1 of 3 images have no XML file: they count as images" in texts[0]
    assert FROM_0 in texts[1]
    assert len(texts) == 2


def test_datumaro_in_vocs_own_numbers(tmp_path):
    """Its `voc-one-based` mode widens boxes to whole pixels, which are read back as such."""
    corners = makers.DATUMARO_ONE_BASED_CORNERS
    text = makers.DATUMARO
    for box, numbers in zip(BOXES.values(), corners, strict=True):
        pairs = zip(("xmin", "ymin", "xmax", "ymax"), box, numbers, strict=True)
        for tag, position, pixel in pairs:
            text = text.replace(f"<{tag}>{position}<", f"<{tag}>{pixel}<")
    root = put(tmp_path, **{"Annotations/a.xml": text, "ImageSets/Main/val.txt": "a"})
    assert read_voc(root).boxes.tolist() == [
        [0, 0, 21, 31],
        [10, 20, 60, 91],
        [40, 41, 100, 80],
    ]


def test_globox(tmp_path):
    root = put(tmp_path, **{"a.xml": makers.GLOBOX})
    with pytest.warns(DetbenchWarning, match=FROM_0):
        assert objects(read_voc(root)) == BOXES


def test_supervision(tmp_path):
    files = {"annotations/a.xml": makers.SUPERVISION, "images/a.png": ""}
    ground_truth = read_voc(put(tmp_path, **files))
    assert ground_truth.boxes.tolist() == makers.SUPERVISION_BOXES
    assert ground_truth.image_files == ("a.png",)
    assert ground_truth.image_folder == tmp_path / "images"


@pytest.mark.parametrize("beside", [False, True])
def test_labelimg(tmp_path, beside):
    """It saves beside the images, or in a folder of its own."""
    root = tmp_path / "photos"
    put(root, **{"a.xml": makers.LABELIMG, "a.jpg": ""}) if beside else makers.labelimg(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        ground_truth = read_voc(root)
    assert ground_truth.class_names == ("dog", "person")
    assert objects(ground_truth) == {"dog": (0, 0, 20, 30), "person": (9, 19, 60, 75)}
    assert ground_truth.difficult.tolist() == [False, True]
    assert ground_truth.truncated.tolist() == [True, False]
    assert ground_truth.image_sizes.tolist() == [[100, 80]]
    assert (ground_truth.name, ground_truth.protocol) == ("photos", "voc2012")
    assert ground_truth.image_folder == (root if beside else root / "JPEGImages")


def test_fiftyone(tmp_path):
    """Whole numbers from 0, whose last corner is not inclusive."""
    with pytest.warns(DetbenchWarning, match="begin at 0 .*xmax and ymax exclusive"):
        ground_truth = read_voc(makers.fiftyone(tmp_path))
    assert objects(ground_truth) == {"dog": (0, 0, 20, 30), "cow": (40, 41, 100, 80)}
    assert ground_truth.difficult.tolist() == [False, True]
    assert ground_truth.truncated.tolist() == [False, True]
    assert ground_truth.image_folder == tmp_path / "data"


def test_roboflow(tmp_path):
    """Splits are folders, and the tags of a box have another order; its polygon changes nothing."""
    root = makers.roboflow(tmp_path / "helmets")
    ground_truth = read_voc(root)
    assert len(ground_truth.image_ids) == 2
    assert ground_truth.boxes.tolist() == [[178, 84, 231, 144]]
    assert ground_truth.name == "helmets test"
    assert ground_truth.image_folder == root / "test"
    assert [len(read_voc(root, split=split)) for split in ("train", "valid")] == [2, 1]
    # A folder that is a split can be given itself.
    assert read_voc(root / "valid").name == "helmets valid"


MAKERS = {
    "CVAT": makers.cvat,
    "LabelImg": makers.labelimg,
    "FiftyOne": makers.fiftyone,
    "Roboflow": makers.roboflow,
}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_command_reads_them(command, tmp_path, maker):
    """A detector whose boxes are those of the file has an mAP of 1 under COCO's thresholds."""
    root = MAKERS[maker](tmp_path / "set")
    outcome = command("convert", root, tmp_path / "truth.json")
    assert outcome.code == 0, outcome.err
    truth = json.loads((tmp_path / "truth.json").read_text())
    rows = [
        {key: each[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.5}
        for each in truth["annotations"]
    ]
    (tmp_path / "det.json").write_text(json.dumps(rows))
    outcome = command(
        *("eval", root, tmp_path / "det.json", "--protocol", "coco", "--json", "-"),
    )
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["runs"][0]["summary"]["AP"] == pytest.approx(1)
    assert command("doctor", root, tmp_path / "det.json").code == 0
    outcome = command("data", "stats", root, "--json", "-")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["objects"] == len(rows)


@pytest.mark.parametrize("maker", MAKERS)
def test_the_doctor_reads_the_same(tmp_path, maker):
    root = MAKERS[maker](tmp_path / "set")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        strict, (lenient, file) = read_voc(root), read_voc_leniently(root, None, None)
    assert lenient.digest == strict.digest
    assert (lenient.name, lenient.image_files) == (strict.name, strict.image_files)
    assert not file.malformed.any()
    assert file.corner_offsets == strict.voc_offsets
