"""Malformed COCO annotations: every mistake is located."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detbench.data.formats.coco.annotations import read_coco
from detbench.errors import InputError
from tests.data.formats.coco.annotation_files import annotation, small, write

ANNOTATION_MISTAKES: list[tuple[dict[str, Any], str]] = [
    (annotation(bbox=[1, 2, 3]), r"annotations\[1\]\.bbox: expected 4 numbers"),
    (annotation(bbox="1 2 3 4"), r"annotations\[1\]\.bbox: expected a list, found a string"),
    (
        annotation(bbox=[1, "2", 3, 4]),
        r"annotations\[1\]\.bbox\[1\]: expected a number, found a string",
    ),
    (
        annotation(bbox=[1, 2, float("nan"), 4]),
        r"annotations\[1\]\.bbox\[2\] \(line 1, byte \d+\): NaN is not a JSON number",
    ),
    (
        annotation(bbox=[1, 2, float("-inf"), 4]),
        r"annotations\[1\]\.bbox\[2\] \(line 1, byte \d+\): -Infinity is not a JSON number",
    ),
    (annotation(bbox=[1, 2, -3, 4]), r"annotations\[1\]: bbox .* must not be negative"),
    (annotation(bbox=[1e308, 2, 1e308, 4]), r"annotations\[1\]: bbox .* is not finite"),
    (annotation(area="big"), r"annotations\[1\]\.area: expected a number, found a string"),
    (annotation(iscrowd="no"), r"annotations\[1\]\.iscrowd: expected .* found a string"),
    (annotation(image_id=4), r"annotations\[1\]: image_id 4 is not among the images"),
    (annotation(image_id="3"), r"annotations\[1\]: image_id '3' is not among the images"),
    (annotation(category_id=1), r"annotations\[1\]: category_id 1 is not among the categories"),
    (annotation(category_id="cat"), r"annotations\[1\]\.category_id: expected .* found a string"),
    (annotation(id=5), r"annotations\[1\]: id 5 is already used by annotations\[0\]"),
    ({"id": 7, "image_id": 3, "bbox": [1, 2, 3, 4]}, r"annotations\[1\]: has no 'category_id'"),
    ({"id": 7, "image_id": 3, "category_id": 2}, r"annotations\[1\]: has no 'bbox'"),
]


@pytest.mark.parametrize(("row", "message"), ANNOTATION_MISTAKES)
def test_mistakes_in_an_annotation_are_located(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    path = write(tmp_path, small(annotations=[annotation(id=5), row]))
    with pytest.raises(InputError, match=rf"annotations\.json, {message}"):
        read_coco(path)


FILE_MISTAKES: list[tuple[object, str]] = [
    ("", "is empty, expected JSON"),
    ('{"images": [{"id": 1}', r"line 1, byte 21: the JSON ends in the middle; it was cut off"),
    ('{"images": []\n "categories": []}', r"line 2, byte 15: malformed JSON: expected ','"),
    ("[]", "is a list like COCO results"),
    ('"annotations"', "expected an object, found a string"),
    ({"images": [], "categories": []}, "has no 'annotations'"),
    ({"images": [], "annotations": []}, "has no 'categories'"),
    (
        small(images=[{"id": 3}, {"id": 20}, {"id": 3}]),
        r"images\[2\]: id 3 is already used by images\[0\]",
    ),
    (
        small(categories=[{"id": 2}, {"id": 2}]),
        r"categories\[1\]: id 2 is already used by categories\[0\]",
    ),
    (
        small(images=[{"id": 3}, {"id": "20"}]),
        "some ids of images are numbers and some are strings",
    ),
    (small(images=[{"id": 3.5}]), r"images\[0\]: id 3.5 is not a 64-bit integer"),
    (
        small(categories=[{"id": 2**70}]),
        r"categories\[0\]: id \d+ is not a 64-bit integer",
    ),
    (json.dumps(small(info=float("nan"))), r"line 1, byte \d+: NaN is not a JSON number"),
]


@pytest.mark.parametrize(("content", "message"), FILE_MISTAKES)
def test_mistakes_in_a_file_are_located(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=rf"annotations\.json[:,] .*{message}"):
        read_coco(path)


def test_byte_order_mark_is_skipped_and_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(small()), encoding="utf-8-sig")
    assert len(read_coco(path)) == 3
    path.write_text(json.dumps(small()), encoding="utf-16")
    with pytest.raises(InputError, match=r"annotations\.json, line 1"):
        read_coco(path)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        read_coco(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            small(images=[{"id": 3}, {"id": 20, "width": -5}]),
            r"images\[1\]: width -5.* is impossible for an image",
        ),
        (
            small(images=[{"id": 3, "width": 5, "height": -0.5}]),
            r"images\[0\]: height -0\.5 is impossible for an image",
        ),
        (
            json.dumps(small(images=[{"id": 3, "width": "?"}])).replace('"?"', "1e999"),
            r"images\[0\]\.width: number out of range",
        ),
        (
            small(annotations=[annotation(), annotation(id=8, iscrowd=5)]),
            r"annotations\[1\]: iscrowd 5 is neither 0 nor 1",
        ),
        (
            small(annotations=[annotation(iscrowd=-1)]),
            r"annotations\[0\]: iscrowd -1 is neither 0 nor 1",
        ),
        (
            small(annotations=[annotation(iscrowd=0.5)]),
            r"annotations\[0\]: iscrowd 0\.5 is neither 0 nor 1",
        ),
    ],
)
def test_impossible_values_are_located(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError, match=rf"annotations\.json, {message}"):
        read_coco(write(tmp_path, content))
