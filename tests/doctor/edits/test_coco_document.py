"""Edits of COCO annotations: each removes its fault, changes nothing else, and can be repeated."""

from __future__ import annotations

import copy
from functools import partial

import pytest

from detbench.doctor.edits.coco_document import (
    convert_boxes,
    drop_impossible_image_sizes,
    drop_not_finite,
    drop_repeated_annotations,
    drop_repeated_entries,
    drop_without_extent,
    keep_listed,
    measure_areas,
    read_texts_as_numbers,
    renumber,
)
from detbench.doctor.readings.box_formats import DECODERS, BoxReading
from detbench.errors import DetbenchError

MALFORMED = [
    None,
    5,
    {},
    {"bbox": None},
    {"bbox": "1 2 3 4", "area": []},
    {"bbox": ["1", 2, 3, 4, 5]},
    {"bbox": [1, "2", 3, 4], "image_id": [1], "category_id": {}},
    {"bbox": [1, 2, 3], "iscrowd": "no"},
]
EDITS = [
    partial(read_texts_as_numbers, numeric_image_ids=True),
    drop_not_finite,
    drop_without_extent,
    drop_impossible_image_sizes,
    partial(drop_repeated_entries, list_name="images"),
    partial(drop_repeated_entries, list_name="categories"),
    renumber,
    partial(keep_listed, list_name="images", key="image_id"),
    partial(keep_listed, list_name="categories", key="category_id"),
    measure_areas,
    drop_repeated_annotations,
]


def annotation(**changes):
    own = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40], "area": 1200}
    return {**own, "iscrowd": 0, "keywords": ["kept"]} | changes


def document(*annotations):
    return {
        "info": {"kept": True},
        "images": [{"id": 7, "width": 200, "height": 100}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [*annotations],
    }


@pytest.mark.parametrize("edit", EDITS)
def test_valid_annotations_stay(edit):
    before = document(annotation(), annotation(id=2, bbox=[1.5, 2, 3, 4], area=12))
    after = copy.deepcopy(before)
    edit(after)
    assert after == before


@pytest.mark.parametrize("edit", EDITS)
def test_malformed_annotations_are_no_obstacle_and_edits_can_be_repeated(edit):
    once = document(annotation(), *copy.deepcopy(MALFORMED), annotation(bbox=[1, 2, -3, 1e200]))
    edit(once)
    twice = copy.deepcopy(once)
    edit(twice)
    assert twice == once
    assert annotation() in once["annotations"]


def test_texts_become_the_numbers_they_spell():
    spelled = annotation(bbox=["10", "20.5", 30, "4e1"], category_id="3", image_id="7", iscrowd="1")
    edited = document(spelled, annotation(bbox=["left", 2, 3, 4]))
    edited["images"][0]["width"] = "200"
    edited["images"][0]["height"] = "high"
    read_texts_as_numbers(edited, numeric_image_ids=True)
    assert edited["annotations"] == [annotation(bbox=[10.0, 20.5, 30, 40.0], iscrowd=1)]
    assert edited["images"] == [{"id": 7, "width": 200}]


FRACTIONS = BoxReading("", "xywh", DECODERS["xywh"], frame="image")


def pixels(box_format: str) -> BoxReading:
    return BoxReading("", box_format, DECODERS[box_format])


@pytest.mark.parametrize(
    ("box_format", "box"),
    [
        ("xyxy", [10, 20, 40, 60]),
        ("cxcywh", [25, 40, 30, 40]),
        ("yxyx", [20, 10, 60, 40]),
        ("yxhw", [20, 10, 40, 30]),
    ],
)
def test_boxes_are_converted(box_format, box):
    edited = document(annotation(bbox=box, area=None))
    convert_boxes(edited, reading=pixels(box_format), measure=True)
    assert edited == document(annotation())


def test_fractions_become_pixels():
    edited = document(annotation(bbox=[0.05, 0.2, 0.15, 0.4]))
    convert_boxes(edited, reading=FRACTIONS, measure=False)
    assert edited["annotations"][0]["bbox"] == pytest.approx([10, 20, 30, 40])


@pytest.mark.parametrize("entry", MALFORMED)
def test_boxes_of_another_kind_are_not_converted(entry):
    with pytest.raises(DetbenchError, match=r"annotations\[1\] .*--fix not-a-number"):
        convert_boxes(document(annotation(), entry), reading=pixels("xyxy"), measure=False)


def test_fractions_of_an_image_of_unknown_size_are_not_converted():
    with pytest.raises(DetbenchError, match=r"annotations\[0\]: image 8 has no width and height"):
        convert_boxes(document(annotation(image_id=8)), reading=FRACTIONS, measure=False)
