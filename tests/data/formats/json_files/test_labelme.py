"""LabelMe: shapes as boxes, flags and scores, and files that are faulty."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write


def shape(label, points, shape_type="rectangle", **more):
    return {
        "label": label,
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": shape_type,
        "flags": {},
        "mask": None,
        **more,
    }


def document(name, *shapes):
    """Return a file in the order in which labelme 5 writes its keys."""
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": name,
        "imageData": None,
        "imageHeight": 50,
        "imageWidth": 100,
    }


def test_shapes_become_their_bounding_boxes(tmp_path):
    write(
        tmp_path / "a.json",
        document(
            "..\\images\\a.jpg",
            # A rectangle may be drawn from any corner.
            shape("cat", [[30.5, 20], [10, 5.25]]),
            shape("dog", [[1, 2], [30, 2], [30, 40]], "polygon"),
            shape("cat", [[50, 25], [53, 29]], "circle"),
            shape("cat", [[1, 1]], "point"),
            shape("cat", [[1, 1], [2, 2]], "line"),
        ),
    )
    write(tmp_path / "b.json", document("b.jpg"))
    ground_truth, warnings = load(tmp_path)
    assert objects(ground_truth) == [
        ("a.jpg", "cat", [10, 5.25, 30.5, 20], ""),
        ("a.jpg", "dog", [1, 2, 30, 40], ""),
        ("a.jpg", "cat", [45, 20, 55, 30], ""),
    ]
    assert ground_truth.image_ids == ("a.jpg", "b.jpg")
    assert ground_truth.image_sizes.tolist() == [[100, 50], [100, 50]]
    assert warnings == [
        f"{tmp_path}: 1 polygon, 1 circle read as bounding boxes; 1 point, 1 line left out: no box"
    ]


def test_a_single_file_is_a_dataset_of_one_image(tmp_path):
    path = write(tmp_path / "a.json", document("a.jpg", shape("cat", [[0, 0], [4, 4]])))
    assert objects(load(path)[0]) == [("a.jpg", "cat", [0, 0, 4, 4], "")]


def test_flags_and_scores_of_x_anylabeling_are_kept(tmp_path):
    shapes = [
        shape("cat", [[0, 0], [4, 4]], difficult=True, score=0.25),
        shape("cat", [[5, 5], [9, 9]], flags={"truncated": True}, score=0.75),
    ]
    path = write(tmp_path / "a.json", document("a.jpg", *shapes))
    ground_truth, _ = load(path)
    assert [flags for *_, flags in objects(ground_truth)] == ["difficult", "truncated"]
    detections, _ = load_scored(path, ground_truth)
    assert detections == [
        ("a.jpg", "cat", [0, 0, 4, 4], 0.25),
        ("a.jpg", "cat", [5, 5, 9, 9], 0.75),
    ]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (shape("", [[0, 0], [4, 4]]), r"a\.json, shapes\[0\]: has no class, expected a name"),
        (shape("cat", [[0, "0"], [4, 4]]), r"shapes\[0\]: x1 is None, expected a finite number"),
        (shape("cat", [[0, 0]]), r"shapes\[0\]: x1 is None"),
        ("cat", r"shapes\[0\]: expected an object, found a string"),
    ],
)
def test_a_faulty_shape_is_refused_with_its_place(tmp_path, faulty, message):
    path = write(tmp_path / "a.json", document("a.jpg", faulty))
    with pytest.raises(InputError, match=message):
        load(path)


def test_annotations_are_not_taken_for_detections(tmp_path):
    path = write(tmp_path / "a.json", document("a.jpg", shape("cat", [[0, 0], [4, 4]])))
    ground_truth, _ = load(path)
    with pytest.raises(InputError, match="its 1 box have no score: these are annotations"):
        load_scored(path, ground_truth)


def test_images_of_one_name_in_two_folders_keep_their_folders(tmp_path):
    for number, name in enumerate(("x/a.jpg", "y/a.jpg")):
        write(tmp_path / f"{number}.json", document(name, shape("cat", [[0, 0], [4, 4]])))
    assert load(tmp_path)[0].image_ids == ("a.jpg", "y/a.jpg")
    write(tmp_path / "2.json", document("y/a.jpg"))
    with pytest.raises(InputError, match=r"2\.json, imagePath: image 'y/a\.jpg' occurs a second"):
        load(tmp_path)


def test_other_files_in_the_folder_are_left_out_and_named(tmp_path):
    write(tmp_path / "a.json", {"a": 1})
    write(tmp_path / "b.json", document("b.jpg", shape("cat", [[1, 2], [3, 4]])))
    write(tmp_path / "c.json", [1])
    ground_truth, warnings = load(tmp_path)
    assert objects(ground_truth) == [("b.jpg", "cat", [1, 2, 3, 4], "")]
    assert warnings == [f"{tmp_path}: ignored a.json, c.json: not of LabelMe"]


def test_a_file_that_breaks_off_is_refused_and_not_left_out(tmp_path):
    write(tmp_path / "a.json", document("a.jpg", shape("cat", [[1, 2], [3, 4]])))
    write(tmp_path / "b.json", '{"vers')
    with pytest.raises(InputError, match=r"b\.json, line 1"):
        load(tmp_path)
