"""What ids and file names in COCO results mean where several readings fit."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from detbench.data.formats.coco.lenient_results import read_coco_results_leniently
from detbench.data.formats.coco.results import read_coco_results
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.coco.result_files import write

FILES = {"1": "0003.png", "2": "0002.png", "3": "0001.png"}
COLLIDING = {"001": "001.png", "01": "01.png", "1": "1.png", "cam": "cam.png"}


def ground_truth(
    files: dict[str, str], n_classes: int = 3, source: str = "yolo a.yaml"
) -> GroundTruth:
    """Return images of these ids and files, without objects."""
    return GroundTruth.from_rows(
        image_ids=list(files),
        image_files=list(files.values()),
        class_names=[f"class {k}" for k in range(n_classes)],
        image_index=[],
        class_index=[],
        boxes=[],
        source=source,
    )


def rows(*ids: Any, **columns: list[Any]) -> list[dict[str, Any]]:
    """Return a row for each image id, of category 3, with further columns."""
    base = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    return [
        {"image_id": image_id, **base, **{key: values[n] for key, values in columns.items()}}
        for n, image_id in enumerate(ids)
    ]


def both_readings(path: Path, images: GroundTruth) -> tuple[list[int], list[int], list[str]]:
    """Return image and class of each row, which both readers agree on, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detections = read_coco_results(path, images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lenient, _ = read_coco_results_leniently(path, images)
    of_rows = lenient.to_detections(images)
    assert of_rows.offsets.tolist() == detections.offsets.tolist()
    assert of_rows.class_index.tolist() == detections.class_index.tolist()
    return (
        lenient.image_index.tolist(),
        lenient.class_index.tolist(),
        [str(each.message) for each in caught],
    )


def test_file_names_decide_over_ids_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows(1, 2, file_name=["0001.png", "0002.png"])))
    images, _, messages = both_readings(path, ground_truth(FILES, source="coco annotations"))
    assert images == [2, 1]
    (message,) = messages
    assert "of different images in 1 of 2 detections (results[0]: image_id 1, file_name" in message


def test_file_names_that_agree_with_ids_say_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows(1, 2, file_name=["0003.png", "x/0002.png"])))
    assert both_readings(path, ground_truth(FILES)) == ([0, 1], [2, 2], [])


@pytest.mark.parametrize("other", [["z.png", "0002.png"], ["0001.png", "a/0001.png"]])
def test_ids_decide_where_a_file_name_has_no_image_of_its_own(
    other: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, json.dumps(rows(1, 2, file_name=other)))
    images, _, messages = both_readings(path, ground_truth(FILES, source="coco annotations"))
    assert images == [0, 1]
    assert any("image_id decides, since not every file_name" in message for message in messages)


@pytest.mark.parametrize("as_text", [False, True])
def test_ids_that_are_also_numbers_of_files_are_warned_about(as_text: bool, tmp_path: Path) -> None:
    ids = ["1", "2"] if as_text else [1, 2]
    path = write(tmp_path, json.dumps(rows(*ids)))
    images, _, messages = both_readings(path, ground_truth(FILES))
    assert images == [0, 1]
    (message,) = messages
    assert "1 is '0003.png'; they also fit the numbers in file names, such as '0001.png'" in message


UNDOUBTED = {
    "files of the same numbers": {"1": "0001.png", "2": "0002.png", "3": "0003.png"},
    "files that lack a number": {"1": "0002.png", "2": "0009.png", "3": "0003.png"},
    "files without numbers": {"1": "a.png", "2": "b.png", "3": "c.png"},
    "no files": {"1": "", "2": "", "3": ""},
    "a number twice": {"1": "a/2.png", "2": "b/2.png", "3": "1.png"},
}


@pytest.mark.parametrize("case", UNDOUBTED)
def test_ids_that_file_numbers_do_not_contradict_say_nothing(case: str, tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows(1, 2)))
    assert both_readings(path, ground_truth(UNDOUBTED[case])) == ([0, 1], [2, 2], [])


COLLISIONS = {
    "ids": COLLIDING,
    "files": {"100": "a/001.png", "101": "a/01.png", "102": "a/1.png", "103": "cam.png"},
    "ids in folders": {f"val/{image_id}": f"val/{file}" for image_id, file in COLLIDING.items()},
}


@pytest.mark.parametrize("case", COLLISIONS)
@pytest.mark.parametrize("ids", [[1], [1, "cam"]])
def test_numbers_of_several_images_are_refused(case: str, ids: list[Any], tmp_path: Path) -> None:
    images = ground_truth(COLLISIONS[case])
    path = write(tmp_path, json.dumps(rows(*ids)))
    message = r"image 1 can be '.*001.png', '.*01.png' or '.*1.png'; .*file_name"
    with pytest.raises(InputError, match=message):
        read_coco_results(path, images)
    with pytest.raises(InputError, match=message):
        read_coco_results_leniently(path, images)


def test_texts_and_file_names_tell_colliding_numbers_apart(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows("1", "01", "001")))
    assert both_readings(path, ground_truth(COLLIDING)) == ([2, 1, 0], [2, 2, 2], [])
    files = ["1.png", "01.png", "001.png"]
    path = write(tmp_path, json.dumps(rows(1, 1, 1, file_name=files)))
    assert both_readings(path, ground_truth(COLLIDING))[0] == [2, 1, 0]


CLASS_COUNTS = {
    "id 0": ([0, 2], [0, 2], "read as a count from 0: 0 is 'class 0', 1 is 'class 1'"),
    "the number of classes": ([1, 3], [0, 2], ""),
    "neither": ([1, 2], [0, 1], "from 0 and from 1; read from 1: 1 is 'class 0', 2 is"),
}


@pytest.mark.parametrize("case", CLASS_COUNTS)
def test_categories_are_counted_as_their_ids_show(case: str, tmp_path: Path) -> None:
    ids, classes, warning = CLASS_COUNTS[case]
    path = write(tmp_path, json.dumps(rows(1, 2, category_id=ids)))
    same_files = ground_truth(UNDOUBTED["files of the same numbers"])
    _, class_index, messages = both_readings(path, same_files)
    assert class_index == classes
    assert len(messages) == bool(warning)
    assert all(warning in message for message in messages)


def test_a_single_class_is_read_from_0_or_from_1(tmp_path: Path) -> None:
    images = ground_truth(UNDOUBTED["files without numbers"], n_classes=1)
    for category_id, n_warnings in ((0, 1), (1, 0)):
        path = write(tmp_path, json.dumps(rows(1, category_id=[category_id])))
        _, classes, messages = both_readings(path, images)
        assert (classes, len(messages)) == ([0], n_warnings)


def test_a_ground_truth_with_ids_of_its_own_keeps_them(tmp_path: Path) -> None:
    images = ground_truth(UNDOUBTED["no files"], source="coco annotations a.json")
    path = write(tmp_path, json.dumps(rows(1, 2, category_id=[1, 2])))
    assert both_readings(path, images) == ([0, 1], [0, 1], [])
    path = write(tmp_path, json.dumps(rows(1, 2, category_id=[0, 2])))
    with pytest.raises(InputError, match=r"category_id 0 is not .* count from 0: detbench doctor"):
        read_coco_results(path, images)


FIXES = {
    "0 and K": (3, [0, 3], "ground truth's categories: 1, 2, 3; "),
    "far too many": (3, [1, 90], "ground truth's categories: 1, 2, 3; "),
    "about 80 classes": (80, [1, 90], "COCO's own files number 80 classes 1–90"),
}


@pytest.mark.parametrize("case", FIXES)
def test_unknown_categories_are_answered_by_those_of_the_ground_truth(
    case: str, tmp_path: Path
) -> None:
    n_classes, ids, message = FIXES[case]
    images = ground_truth(UNDOUBTED["no files"], n_classes, source="coco annotations a.json")
    path = write(tmp_path, json.dumps(rows(1, 2, category_id=ids)))
    with pytest.raises(InputError, match=message):
        read_coco_results(path, images)


LAYOUTS = {
    "list": json.dumps,
    "lines": lambda entries: "".join(json.dumps(entry) + "\n" for entry in entries * 2),
    "object": lambda entries: json.dumps({"predictions": entries}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_confidence_in_place_of_a_score_is_named(layout: str, tmp_path: Path) -> None:
    entries = [{"confidence": row.pop("score"), **row} for row in rows(1)]
    path = write(tmp_path, LAYOUTS[layout](entries))
    with pytest.raises(InputError, match="has no 'score' but 'confidence'; rename it to 'score'"):
        read_coco_results(path, ground_truth(FILES))
    _, file = read_coco_results_leniently(path, ground_truth(FILES))
    assert file.first_malformed.endswith("has no score but 'confidence': rename it")


def test_a_string_as_a_score_is_told_from_a_number(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows(1, score=["0.5"])))
    with pytest.raises(InputError, match="score: expected a number, found a string"):
        read_coco_results(path, ground_truth(FILES))


def test_unknown_images_are_dropped_with_their_warning_only(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(rows(1, 77)))
    with pytest.warns(DetbenchWarning, match="dropped 1 of 2 detections") as caught:
        read_coco_results(path, ground_truth(FILES), allow_unknown=True)
    assert len(caught) == 1
