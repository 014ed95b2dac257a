"""Datumaro: a file that datumaro wrote, subsets, flags, scores and faulty items."""

import json

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write

WRITTEN = (
    '{"dm_format_version":"1.0","media_type":2,"infos":{},"categories":{"label":{"labels":[{"name":'
    '"cat","parent":"","attributes":[]},{"name":"dog","parent":"","attributes":[]}],"label_groups":'
    '[],"attributes":[]}},"items":[{"id":"sub/a","annotations":[{"id":1,"type":"bbox","attributes":'
    '{"difficult":true,"truncated":false,"occluded":true,"is_crowd":false},"group":0,"label_id":0,'
    '"z_order":0,"bbox":[10.5,5.0,20.0,10.0]},{"id":0,"type":"polygon","attributes":{"score":0.4},'
    '"group":0,"label_id":1,"points":[1.0,2.0,30.0,2.0,30.0,40.0],"z_order":0},{"id":0,"type":'
    '"label","attributes":{},"group":0,"label_id":1}],"image":{"path":"sub_a.jpg","size":[50,100]}},'
    '{"id":"b","annotations":[],"image":{"path":"b.jpg","size":[40,80]}}]}'
)
"""Written by datumaro 1.13.12: `Dataset.from_iterable(items, categories=["cat", "dog"])
.export(folder, "datumaro")`, with a Bbox, a Polygon and a Label on one of two items."""


def test_what_datumaro_wrote_is_read(tmp_path):
    write(tmp_path / "set/annotations/val.json", WRITTEN)
    ground_truth, warnings = load(tmp_path / "set")
    assert objects(ground_truth) == [
        ("sub/a", "cat", [10.5, 5, 30.5, 15], "difficult"),
        ("sub/a", "dog", [1, 2, 30, 40], ""),
    ]
    assert ground_truth.image_ids == ("sub/a", "b")
    # Datumaro writes height before width.
    assert ground_truth.image_sizes.tolist() == [[100, 50], [80, 40]]
    assert ground_truth.name == "set val"
    assert warnings == [
        f"{tmp_path / 'set'}: 1 polygon read as bounding boxes; 1 label left out: no box"
    ]


def test_one_of_several_subsets_is_chosen(tmp_path):
    for subset in ("train", "val"):
        write(tmp_path / f"annotations/{subset}.json", WRITTEN)
    with pytest.raises(InputError, match="has several subsets; choose one with --split: train"):
        load(tmp_path)
    assert load(tmp_path, split="val")[0].name.endswith("val")
    with pytest.raises(InputError, match="there is no subset 'test'"):
        load(tmp_path, split="test")


def test_scores_make_detections(tmp_path):
    document = json.loads(WRITTEN)
    for annotation in document["items"][0]["annotations"]:
        annotation["attributes"]["score"] = 0.25
    path = write(tmp_path / "val.json", document)
    assert [score for *_, score in load_scored(path, load(path)[0])[0]] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_id": 7}, r"annotations\[0\]: has no class"),
        ({"bbox": [1, 2, 3]}, r"annotations\[0\]: its box has 3 numbers, expected 4"),
        ({"bbox": [1, 2, 3, "4"]}, r"annotations\[0\]: height is '4'"),
    ],
)
def test_a_faulty_annotation_is_refused_with_its_place(tmp_path, change, message):
    document = json.loads(WRITTEN)
    document["items"][0]["annotations"][0] |= change
    path = write(tmp_path / "val.json", document)
    with pytest.raises(InputError, match=message):
        load(path)


def test_rotated_boxes_become_their_bounding_boxes(tmp_path):
    document = json.loads(WRITTEN)
    annotation = document["items"][0]["annotations"][0]
    annotation |= {"type": "rotated_bbox", "bbox": [50, 25, 20, 10, 90]}
    ground_truth, _ = load(write(tmp_path / "val.json", document))
    assert objects(ground_truth)[0][2] == [45, 15, 55, 35]
    annotation["bbox"] = [50, 25, 20, "10", 90]
    with pytest.raises(InputError, match=r"annotations\[0\]: its box has 5 numbers, expected 4"):
        load(write(tmp_path / "val.json", document))
