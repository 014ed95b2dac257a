"""Unrecognized files and folders: the error says what they look like, and what to give instead."""

import json
import re

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import InputError
from tests.data.formats.yolo.yolo_files import write_dataset, write_files

LABEL = "0 .5 .5 .5 .5\n"
RESULT = "0 .5 .5 .5 .5 .9\n"
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 9}],
    "categories": [{"id": 1, "name": "car"}],
}
LABELME = {
    "version": "5.0",
    "shapes": [{"label": "car", "points": [[1, 2], [31, 42]], "shape_type": "rectangle"}],
    "imagePath": "a.png",
}


def refused(path):
    """Return the error for what is no ground truth."""
    with pytest.raises(InputError) as caught:
        load_ground_truth(path)
    return str(caught.value)


def refused_detections(root, files):
    """Return the error for a folder `det` of these files; the dataset has image a."""
    ground_truth = load_ground_truth(write_dataset(root, {"a": LABEL}))
    write_files(root / "det", files)
    with pytest.raises(InputError) as caught:
        load_detections(root / "det", ground_truth)
    return str(caught.value)


def test_results_named_after_no_image_are_called_so(tmp_path):
    message = refused_detections(tmp_path, {"x_a.txt": RESULT, "x_b.txt": RESULT})
    assert (
        "its 2 text files look like YOLO results, but none is named after an image; the first is "
        "x_a.txt; name them after the images, such as a.txt; `detbench doctor` looks for a rule"
    ) in message


def test_labels_named_after_no_image_are_no_results(tmp_path):
    assert "not recognized as detections" in refused_detections(tmp_path, {"x.txt": LABEL})


def test_results_in_subfolders_are_read_by_their_paths(tmp_path):
    labels = {"day/a": LABEL, "night/b": LABEL}
    ground_truth = load_ground_truth(write_dataset(tmp_path, labels))
    assert ground_truth.image_ids == ("a", "b")
    for root in ("det", "runs/labels"):
        write_files(tmp_path / root, {"night/b.txt": RESULT, "day/a.txt": RESULT + RESULT})
    for folder in ("det", "runs"):
        assert load_detections(tmp_path / folder, ground_truth).offsets.tolist() == [0, 2, 3]


def test_folders_with_the_same_names_are_not_read_together(tmp_path):
    message = refused_detections(tmp_path, {"one/a.txt": RESULT, "two/a.txt": RESULT})
    one, two = tmp_path / "det/one", tmp_path / "det/two"
    assert message.endswith(f"give what is inside: {one} (yolo) or {two} (yolo)")


@pytest.mark.parametrize("name", ["_annotations.coco.json", "annotations/instances.json"])
def test_the_only_annotations_of_a_folder_are_read(tmp_path, name):
    write_files(tmp_path, {name: json.dumps(COCO), "a.png": ""})
    ground_truth = load_ground_truth(tmp_path)
    assert ground_truth.boxes.tolist() == [[1, 2, 31, 42]]
    assert ground_truth.digest == load_ground_truth(tmp_path / name).digest


def test_several_annotations_are_named(tmp_path):
    write_files(tmp_path, {f"annotations/{name}.json": json.dumps(COCO) for name in "ab"})
    a, b = (tmp_path / f"annotations/{name}.json" for name in "ab")
    assert refused(tmp_path).endswith(f"give what is inside: {a} (coco) or {b} (coco)")


def test_results_beside_no_annotations_are_no_ground_truth(tmp_path):
    results = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    write_files(tmp_path, {"results.json": json.dumps(results)})
    assert "this folder is not recognized as ground truth" in refused(tmp_path)
    assert "inside" not in refused(tmp_path)


def test_a_folder_of_a_dataset_points_to_the_dataset(tmp_path):
    write_dataset(tmp_path, {"a": LABEL})
    for folder in ("labels", "labels/val"):
        assert f"give its YOLO dataset, {tmp_path}; --split" in refused(tmp_path / folder)


def test_folders_of_files_are_named(tmp_path):
    write_files(tmp_path, {f"{name}/x.json": json.dumps(LABELME) for name in "ab"})
    a, b = tmp_path / "a", tmp_path / "b"
    assert refused(tmp_path).endswith(f"inside: {a} (labelme) or {b} (labelme)")


DARKNET_JSON = [{"frame_id": 1, "filename": "a.png", "objects": [{"class_id": 0, "name": "x"}]}]
DARKNET_TEXT = "Enter Image Path: a.png: Predicted in 1.2 milli-seconds.\ncar: 50%\t(left_x:  4)\n"
VIA = {"a.png9": {"filename": "a.png", "size": 9, "regions": [], "file_attributes": {}}}
SUPERVISELY = {"description": "", "tags": [], "size": {"height": 1, "width": 1}, "objects": []}


@pytest.mark.parametrize(
    ("name", "content", "looks_like"),
    [
        ("result.json", json.dumps(DARKNET_JSON), "what Darknet writes with -out; run `darknet"),
        ("result.txt", DARKNET_TEXT, "what Darknet prints with -ext_output; run `darknet"),
        ("via.json", json.dumps(VIA), "a project of VGG Image Annotator (VIA); export it as COCO"),
        ("a.json", json.dumps(SUPERVISELY), "an annotation of Supervisely; export it as COCO"),
        ("samples.json", '{"samples": []}', "the samples of a FiftyOne dataset; export it as"),
        (
            "_annotations.txt",
            "a.png 1,2,3,4,0 5,6,7,8,1\n",
            "Keras YOLO annotations, a line `image",
        ),
        ("x.zip", b"PK\x03\x04\x14\0", "a zip archive; unpack it"),
        ("x.pkl", b"\x80\x04K\x01.", "a Python pickle; write COCO results"),
    ],
)
def test_files_of_other_tools_are_named(tmp_path, name, content, looks_like):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert f"this file is not recognized as ground truth: it looks like {looks_like}" in (
        refused(path)
    )
    assert "--columns" not in refused(path)


def test_the_first_file_of_a_folder_is_named(tmp_path):
    write_files(tmp_path, {"a.json": json.dumps(SUPERVISELY), "a.png": ""})
    message = "it holds 1 .json, 1 .png; a.json: it looks like an annotation of Supervisely; export"
    assert message in refused(tmp_path)


def test_only_values_with_separators_may_be_a_csv_file(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3\n")
    assert "--columns" not in refused(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("1;2;3\n")
    assert "name the columns of a CSV file with --columns" in refused(tmp_path / "b.txt")


def test_json_that_breaks_off_is_called_so(tmp_path):
    (tmp_path / "a.json").write_text('[{"image": "a.png",')
    message = refused(tmp_path / "a.json")
    assert re.search(r"a\.json, line 1, .*the JSON ends in the middle; it was cut off", message)
