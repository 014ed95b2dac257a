"""Layouts of COCO results: the same detections in lines, in objects, and with other ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detbench.data.detections import Detections
from detbench.data.formats.coco.lenient_results import read_coco_results_leniently
from detbench.data.formats.coco.results import read_coco_results
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.coco.result_files import rows_of, write

ROWS: list[dict[str, Any]] = [
    {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5},
    {"image_id": 9, "category_id": 2, "bbox": [5, 6, 7, 8], "score": 0.25},
    {"image_id": 1, "category_id": 2, "bbox": [0.5, 0.25, 3, 4], "score": 0.75},
]
IMAGES = [{"id": 1, "file_name": "a.jpg"}, {"id": 9, "file_name": "c.jpg"}]
CATEGORIES = [{"id": 2, "name": "cat"}, {"id": 7, "name": "dog"}]


def ground_truth(files: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg")) -> GroundTruth:
    return GroundTruth.from_rows(
        image_ids=["1", "2", "9"],
        image_files=files,
        class_names=["cat", "dog"],
        category_ids=[2, 7],
        image_index=[],
        class_index=[],
        boxes=[],
    )


def lines_of(rows: list[dict[str, Any]], end: str = "\n") -> str:
    return "".join(json.dumps(row) + end for row in rows)


def renumbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with ids that mean other images and classes in the ground truth."""
    images, classes = {1: 9, 9: 2}, {7: 2, 2: 7}
    return [
        {**row, "image_id": images[row["image_id"]], "category_id": classes[row["category_id"]]}
        for row in rows
    ]


OWN_IMAGES = [{"id": 9, "file_name": "data/a.jpg"}, {"id": 2, "file_name": "data/c.jpg"}]
OWN_CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 2, "name": "dog"}]
LAYOUTS = {
    "lines": ("a.jsonl", lines_of(ROWS)),
    "lines with Windows ends": ("a.ndjson", lines_of(ROWS, "\r\n")),
    "lines called .json, some blank": ("a.json", lines_of(ROWS, "\n\n")),
    "results": ("a.json", json.dumps({"results": ROWS})),
    "predictions beside others": ("a.json", json.dumps({"model": "x", "predictions": ROWS})),
    "detections": ("a.json", json.dumps({"detections": ROWS, "images": []}, indent=1)),
    "annotations": ("a.json", json.dumps({"annotations": ROWS})),
    "a whole file": (
        "a.json",
        json.dumps({"images": IMAGES, "annotations": ROWS, "categories": CATEGORIES}),
    ),
    "a whole file with other ids": (
        "a.json",
        json.dumps(
            {
                "images": OWN_IMAGES,
                "categories": OWN_CATEGORIES,
                "annotations": renumbered(ROWS),
            }
        ),
    ),
    "more keys in the rows": ("a.json", json.dumps([{**row, "area": 1} for row in ROWS])),
}


@pytest.fixture
def plain(tmp_path: Path) -> Detections:
    """Return the detections read from a plain list."""
    return read_coco_results(write(tmp_path, json.dumps(ROWS), "plain.json"), ground_truth())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_detections(
    layout: str, tmp_path: Path, plain: Detections
) -> None:
    name, text = LAYOUTS[layout]
    path = write(tmp_path, text, name)
    assert rows_of(load_detections(path, ground_truth())) == rows_of(plain)
    rows, file = read_coco_results_leniently(path, ground_truth())
    assert rows_of(rows.to_detections(ground_truth())) == rows_of(plain)
    assert file.first_malformed == ""


def test_a_single_line(tmp_path: Path) -> None:
    for name in ("a.json", "a.jsonl"):
        path = write(tmp_path, lines_of(ROWS[:1]), name)
        assert load_detections(path, ground_truth()).scores.tolist() == [0.5]
        assert len(read_coco_results_leniently(path, ground_truth())[0]) == 1


def test_no_results_in_an_object(tmp_path: Path) -> None:
    path = write(tmp_path, '{"results": []}')
    with pytest.warns(DetbenchWarning, match="no detections at all"):
        assert not len(read_coco_results(path, ground_truth()))


def test_ids_count_where_the_ground_truth_has_no_file_names(tmp_path: Path) -> None:
    path = write(tmp_path, LAYOUTS["a whole file"][1])
    detections = read_coco_results(path, ground_truth(("", "", "")))
    assert detections.offsets.tolist() == [0, 2, 2, 3]


def test_numbers_that_are_not_finite_are_kept_for_the_doctor(tmp_path: Path) -> None:
    path = write(tmp_path, lines_of(ROWS).replace("0.25}", "NaN}"), "a.jsonl")
    rows, _ = read_coco_results_leniently(path, ground_truth())
    assert (~rows.finite).tolist() == [False, True, False]


OTHER_NAMES = {
    "class": (
        {"categories": [{"id": 2, "name": "lynx"}, CATEGORIES[1]]},
        "class 'lynx' is not in the ground truth",
    ),
    "image": (
        {"images": [{"id": 1, "file_name": "z.jpg"}, IMAGES[1]]},
        "image 'z.jpg' is not in the ground truth",
    ),
}


@pytest.mark.parametrize("kind", OTHER_NAMES)
def test_names_that_the_ground_truth_lacks_are_refused(kind: str, tmp_path: Path) -> None:
    parts, message = OTHER_NAMES[kind]
    whole = {"images": IMAGES, "categories": CATEGORIES, "annotations": ROWS, **parts}
    path = write(tmp_path, json.dumps(whole))
    with pytest.raises(InputError, match=rf"annotations\[\d\].*: {message}"):
        read_coco_results(path, ground_truth())
    with pytest.warns(DetbenchWarning, match="dropped 2 of 3"):
        read_coco_results(path, ground_truth(), allow_unknown=True)
    rows, _ = read_coco_results_leniently(path, ground_truth())
    assert int((~rows.scorable).sum()) == 2


NOT_COCO = {
    "frames": '[{"name": "a.jpg", "timestamp": 1, "boxes": []}]',
    "other annotations": '{"annotations": [{"bounding_box": {"x": 1}, "name": "cat"}]}',
    "other images": '{"images": [{"file": "a.jpg", "detections": []}], "info": {}}',
    "settings": '{"batch": 3, "model": "x"}',
}


@pytest.mark.parametrize("name", NOT_COCO)
def test_other_json_is_named_by_what_it_holds(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, NOT_COCO[name])
    with pytest.raises(InputError, match="not recognized as ground truth: it is JSON"):
        load_ground_truth(path)
    with pytest.raises(InputError, match="not recognized as detections: it is JSON"):
        load_detections(path, ground_truth())


def test_results_and_annotations_that_are_mixed_up_are_named(tmp_path: Path) -> None:
    annotations = [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}]
    whole = {"images": IMAGES, "categories": CATEGORIES, "annotations": annotations}
    with pytest.raises(InputError, match="is an object like COCO annotations, expected results"):
        load_detections(write(tmp_path, json.dumps(whole)), ground_truth())
    with pytest.raises(InputError, match="is an object like COCO annotations, expected results"):
        read_coco_results_leniently(write(tmp_path, json.dumps(whole)), ground_truth())
    with pytest.raises(InputError, match="is a list like COCO results, expected annotations"):
        load_ground_truth(write(tmp_path, json.dumps(ROWS)))
