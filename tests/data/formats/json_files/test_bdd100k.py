"""BDD100K: inclusive corners, flags, scores, and the three shapes that its files have."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write


def label(category, x1, y1, x2, y2, *, attributes=None, **more):
    return {
        "id": "0",
        "category": category,
        "attributes": attributes or {},
        "box2d": {"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        **more,
    }


def frame(name, *labels, **more):
    return {"name": name, "attributes": {"weather": "clear"}, "labels": list(labels), **more}


def test_corners_belong_to_the_box(tmp_path):
    """`box2d_to_bbox` of Scalabel: the width is x2 − x1 + 1."""
    frames = [frame("a.jpg", label("car", 10, 20, 19, 39)), frame("b.jpg")]
    ground_truth, warnings = load(write(tmp_path / "det_val.json", frames))
    assert objects(ground_truth) == [("a.jpg", "car", [10, 20, 20, 40], "")]
    assert ground_truth.image_ids == ("a.jpg", "b.jpg")
    assert warnings == []


def test_flags_are_kept_and_labels_without_a_box_are_counted(tmp_path):
    lane = {"id": "1", "category": "lane", "poly2d": []}
    frames = [
        frame(
            "a.jpg",
            label("car", 0, 0, 9, 9, attributes={"crowd": True}),
            label("car", 0, 0, 9, 9, attributes={"truncated": True, "occluded": True}),
            lane,
        )
    ]
    path = write(tmp_path / "det_val.json", frames)
    ground_truth, warnings = load(path)
    assert [flags for *_, flags in objects(ground_truth)] == ["iscrowd", "truncated"]
    assert warnings == [f"{path}: 1 label left out: no box"]


def test_a_dataset_with_its_configuration_is_read(tmp_path):
    document = {
        "frames": [frame("a.jpg", label("car", 0, 0, 9, 9))],
        "config": {"imageSize": {"width": 1280, "height": 720}, "categories": [{"name": "car"}]},
    }
    ground_truth, _ = load(write(tmp_path / "det_val.json", document))
    assert ground_truth.image_sizes.tolist() == [[1280, 720]]


def test_a_folder_with_a_file_per_image_is_read(tmp_path):
    for name in ("a", "b"):
        labels = [label("car", 0, 0, 9, 9)]
        document = {"name": name, "frames": [{"timestamp": 10000, "objects": labels}]}
        write(tmp_path / f"{name}.json", document)
    assert [image for image, *_ in objects(load(tmp_path)[0])] == ["a", "b"]


def test_scores_make_detections(tmp_path):
    truth = write(tmp_path / "gt.json", [frame("a.jpg", label("car", 0, 0, 9, 9))])
    scored_frames = write(
        tmp_path / "found.json", [frame("a.jpg", label("car", 0, 0, 9, 9, score=0.5))]
    )
    detections, _ = load_scored(scored_frames, load(truth)[0])
    assert detections == [("a.jpg", "car", [0, 0, 10, 10], 0.5)]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (frame("", label("car", 0, 0, 9, 9)), r"frames\[0\]: names no image"),
        (frame("a.jpg", label("car", 0, None, 9, 9)), r"labels\[0\]: y1 is None, expected"),
        (frame("a.jpg", label("car", 9, 0, 0, 9)), r"labels\[0\]: is not a box: x1 9"),
    ],
)
def test_a_faulty_frame_is_refused_with_its_place(tmp_path, faulty, message):
    path = write(tmp_path / "a.json", [faulty])
    with pytest.raises(InputError, match=message):
        load(path)


def test_old_results_have_an_entry_per_box(tmp_path):
    frames = [frame("a.jpg", label("car", 10, 20, 19, 39)), frame("b.jpg")]
    ground_truth, _ = load(write(tmp_path / "gt.json", frames))
    entry = {"name": "a.jpg", "timestamp": 1000, "category": "car"}
    entries = [
        {**entry, "bbox": [10, 20, 19, 39], "score": 0.9},
        {**entry, "bbox": [0, 0, 9, 9], "score": 0.5},
        {**entry, "name": "b.jpg", "bbox": [1, 2, 3, 4], "score": 0.7},
    ]
    rows, warnings = load_scored(write(tmp_path / "old.json", entries), ground_truth)
    assert rows == [
        ("a.jpg", "car", [10, 20, 20, 40], 0.9),
        ("a.jpg", "car", [0, 0, 10, 10], 0.5),
        ("b.jpg", "car", [1, 2, 4, 5], 0.7),
    ]
    assert warnings == []


@pytest.mark.parametrize("box", [[1, 2, 3], None, "1 2 3 4", [1, 2, "x", 4]])
def test_an_old_result_without_four_numbers_is_refused(tmp_path, box):
    ground_truth, _ = load(write(tmp_path / "gt.json", [frame("a.jpg", label("car", 0, 0, 9, 9))]))
    entries = [{"name": "a.jpg", "category": "car", "bbox": box, "score": 0.9}]
    with pytest.raises(InputError, match=r"old\.json, frames\[0\]: "):
        load_scored(write(tmp_path / "old.json", entries), ground_truth)
