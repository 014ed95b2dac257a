"""CreateML: centers and sizes in pixels, as Apple's documentation and Roboflow have them."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write


def entry(image, *annotations):
    return {
        "image": image,
        "annotations": [
            {"label": label, "coordinates": {"x": x, "y": y, "width": w, "height": h}, **more}
            for label, x, y, w, h, more in annotations
        ],
    }


def test_centers_become_corners(tmp_path):
    entries = [entry("b.jpg"), entry("a.jpg", ("cat", 50, 40, 20, 10, {}))]
    ground_truth, warnings = load(write(tmp_path / "_annotations.createml.json", entries))
    assert objects(ground_truth) == [("a.jpg", "cat", [40, 35, 60, 45], "")]
    assert ground_truth.image_ids == ("b.jpg", "a.jpg")
    assert warnings == []


def test_confidence_is_the_score(tmp_path):
    path = write(tmp_path / "a.json", [entry("a.jpg", ("cat", 5, 5, 10, 10, {"confidence": 0.5}))])
    ground_truth, _ = load(path)
    assert load_scored(path, ground_truth)[0] == [("a.jpg", "cat", [0, 0, 10, 10], 0.5)]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (entry("", ("cat", 5, 5, 1, 1, {})), r"images\[0\]: names no image"),
        (entry("a.jpg", ("cat", 5, "5", 1, 1, {})), r"annotations\[0\]: center y is '5'"),
        (entry("a.jpg", ("cat", 5, 5, -1, 1, {})), r"annotations\[0\]: is not a box: .*width -1"),
        ({"image": "a.jpg", "annotations": [{"label": "cat"}]}, r"expected an object, found null"),
    ],
)
def test_a_faulty_entry_is_refused_with_its_place(tmp_path, faulty, message):
    path = write(tmp_path / "a.json", [faulty])
    with pytest.raises(InputError, match=message):
        load(path)


def test_an_image_that_occurs_twice_is_refused(tmp_path):
    path = write(tmp_path / "a.json", [entry("a.jpg"), entry("a.jpg", ("cat", 5, 5, 1, 1, {}))])
    with pytest.raises(InputError, match=r"images\[1\]: image 'a\.jpg' occurs a second time"):
        load(path)


def test_detections_of_an_unknown_class_or_image_are_refused(tmp_path):
    truth = load(write(tmp_path / "a.json", [entry("a.jpg", ("cat", 5, 5, 1, 1, {}))]))[0]
    for image, label, message in (
        ("a.jpg", "dog", "class 'dog' is not in the ground truth"),
        ("b.jpg", "cat", "image 'b.jpg' is not in the ground truth"),
    ):
        annotation = (label, 5, 5, 1, 1, {"confidence": 0.5})
        path = write(tmp_path / "b.json", [entry(image, annotation)])
        with pytest.raises(InputError, match=message):
            load_scored(path, truth)
