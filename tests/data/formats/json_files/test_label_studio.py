"""Label Studio: regions in percent, rotated boxes, both exports, and predictions."""

import math

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write


def region(label, x, y, width, height, *, rotation=0, size=(200, 100), **more):
    """Return a region as the documentation of Label Studio shows it."""
    return {
        "id": "Dx_aB91ISN",
        "type": "rectanglelabels",
        "from_name": "tag",
        "to_name": "img",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rotation": rotation,
            "rectanglelabels": [label],
        },
        **more,
    }


def task(image, *regions, predictions=(), **more):
    return {
        "id": 1,
        "annotations": [{"id": 8, "was_cancelled": False, "result": list(regions), **more}],
        "predictions": list(predictions),
        "data": {"image": image},
    }


def test_percent_of_the_image_become_pixels(tmp_path):
    tasks = [
        task("/data/upload/1/0a1b2c3d-a.jpg", region("Car", 10, 20, 30, 40)),
        task("/data/local-files/?d=set/b.jpg", region("Bus", 0, 0, 100, 100)),
        task("https://host/c%20d.jpg?x=1"),
    ]
    ground_truth, warnings = load(write(tmp_path / "export.json", tasks))
    assert objects(ground_truth) == [
        ("a.jpg", "Car", [20, 20, 80, 60], ""),
        ("b.jpg", "Bus", [0, 0, 200, 100], ""),
    ]
    assert ground_truth.image_ids == ("a.jpg", "b.jpg", "c d.jpg")
    assert ground_truth.class_names == ("Bus", "Car")
    assert warnings == []


def test_a_box_turns_about_its_upper_left_corner(tmp_path):
    """A box of 40 by 20 pixels, a quarter turn clockwise: it then lies left of its corner."""
    tasks = [task("a.jpg", region("Car", 50, 50, 20, 20, rotation=90))]
    ground_truth, warnings = load(write(tmp_path / "export.json", tasks))
    assert objects(ground_truth) == [("a.jpg", "Car", [80, 50, 100, 90], "")]
    assert "1 rotated box read as bounding boxes" in warnings[0]
    tasks = [task("a.jpg", region("Car", 50, 50, 20, 20, rotation=30))]
    (_, _, box, _), *_ = objects(load(write(tmp_path / "export.json", tasks))[0])
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    expected = [100 - 20 * sine, 50, 100 + 40 * cosine, 50 + 40 * sine + 20 * cosine]
    assert box == pytest.approx(expected)


def test_polygons_and_ellipses_become_boxes_and_other_regions_are_left_out(tmp_path):
    polygon = region("Car", 0, 0, 1, 1)
    polygon["value"] = {"points": [[10, 10], [50, 20], [20, 60]], "polygonlabels": ["Car"]}
    ellipse = region("Car", 0, 0, 1, 1)
    ellipse["value"] = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "ellipselabels": ["Car"]}
    brush = region("Car", 0, 0, 1, 1)
    brush["value"] = {"format": "rle", "rle": [0, 1], "brushlabels": ["Car"]}
    path = write(tmp_path / "export.json", [task("a.jpg", polygon, ellipse, brush)])
    ground_truth, warnings = load(path)
    boxes = [box for _, _, box, _ in objects(ground_truth)]
    assert boxes == [[20, 10, 100, 60], [80, 30, 120, 70]]
    assert warnings == [
        f"{path}: 1 polygon, 1 ellipse read as bounding boxes; 1 region left out: no box"
    ]


def test_the_minimal_export_is_read(tmp_path):
    tasks = [
        {
            "image": "/data/upload/1/0a1b2c3d-a.jpg",
            "id": 1,
            "label": [{**region("Car", 10, 20, 30, 40)["value"]}],
            "annotator": 1,
            "annotation_id": 1,
            "created_at": "2026-01-01",
        }
    ]
    tasks[0]["label"][0] |= {"original_width": 200, "original_height": 100}
    ground_truth, _ = load(write(tmp_path / "min.json", tasks))
    assert objects(ground_truth) == [("a.jpg", "Car", [20, 20, 80, 60], "")]


def test_predictions_are_detections(tmp_path):
    truth = write(tmp_path / "truth.json", [task("a.jpg", region("Car", 10, 20, 30, 40))])
    prediction = {
        "model_version": "one",
        "score": 0.5,
        "result": [region("Car", 10, 20, 30, 40, score=0.75), region("Car", 0, 0, 50, 50)],
    }
    predicted = write(tmp_path / "found.json", [task("a.jpg", predictions=[prediction])])
    detections, _ = load_scored(predicted, load(truth)[0])
    # A region without a score has that of the prediction.
    assert detections == [
        ("a.jpg", "Car", [20, 20, 80, 60], 0.75),
        ("a.jpg", "Car", [0, 0, 100, 50], 0.5),
    ]
    with pytest.raises(InputError, match="no predictions"):
        load_scored(truth, load(truth)[0])


def test_one_of_several_annotators_must_be_chosen(tmp_path):
    one = task("a.jpg", region("Car", 10, 20, 30, 40))
    one["annotations"] *= 2
    path = write(tmp_path / "export.json", [one])
    with pytest.raises(InputError, match=r"tasks\[0\]: has 2 annotations, of which only one"):
        load(path)
    one["annotations"] = [one["annotations"][0] | {"was_cancelled": True}, one["annotations"][1]]
    assert len(load(write(path, [one]))[0]) == 1
    chosen = {"ground_truth": True, "result": [region("Bus", 0, 0, 10, 10)]}
    one["annotations"] = [one["annotations"][1], chosen]
    assert load(write(path, [one]))[0].class_names == ("Bus",)


def test_a_rotated_box_needs_the_size_of_its_image(tmp_path):
    rotated = region("Car", 50, 50, 20, 20, rotation=30)
    del rotated["original_width"]
    path = write(tmp_path / "export.json", [task("a.jpg", rotated)])
    with pytest.raises(InputError, match="has no original_width and original_height, which"):
        load(path)


def test_results_of_yolo_need_no_size_of_an_image_without_regions(tmp_path):
    tasks = [task("a.jpg", region("Car", 10, 20, 30, 40)), task("b.jpg")]
    ground_truth, _ = load(write(tmp_path / "export.json", tasks))
    write(tmp_path / "det/a.txt", "0 .25 .4 .3 .4 .9\n")
    rows, warnings = load_scored(tmp_path / "det", ground_truth)
    assert rows == [("a.jpg", "Car", [20, 20, 80, 60], 0.9)]
    assert warnings == []
    write(tmp_path / "det/b.txt", "0 .25 .4 .3 .4 .9\n")
    message = r"export\.json: the size of image 'b\.jpg' is unknown, .*with --images"
    with pytest.raises(InputError, match=message):
        load_scored(tmp_path / "det", ground_truth)
