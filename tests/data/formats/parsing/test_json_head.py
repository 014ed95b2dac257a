"""The head of a JSON file: root, keys and keys one level below, however the text is cut off."""

import json
import os

import pytest

from detbench.data.formats.parsing.json_head import json_head, scan_head

COCO = {
    "info": {"year": 2017, "text": 'a "quoted": {"key": [1]} \\'},
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "size": [3, 4]}],
    "annotations": [{"id": 1, "bbox": [0, 0, 1, 1], "segmentation": {"counts": "x"}}],
    "categories": [],
}


def keys_one_level_below(document):
    """Return what the head of a whole document shows, by walking through it."""
    element = next((row for row in document if isinstance(row, dict)), {})
    element = document if isinstance(document, dict) else element
    inner = {}
    for key, value in element.items():
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        first = value if isinstance(value, dict) else next(iter(rows), {})
        if first:
            inner[key] = frozenset(first)
    return frozenset(element), inner


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("document", "root"),
    [
        (COCO, "object"),
        ({}, "object"),
        ([], "list"),
        ([1, [2, {"a": 1}]], "list"),
        ([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}, {"other": 1}], "list"),
        (
            [{"image": "a", "annotations": [{"label": "b", "coordinates": {"x": 1}}, {"c": 1}]}],
            "list",
        ),
        (
            [{"name": "a", "labels": [3, {"box2d": {"x1": 0}}, {"d": 1}], "e": {"f": [{"g": 1}]}}],
            "list",
        ),
    ],
)
def test_root_and_keys_of_a_whole_document(document, root, indent):
    head = scan_head(json.dumps(document, indent=indent))
    keys, inner = keys_one_level_below(document)
    assert (head.root, head.keys, dict(head.inner)) == (root, keys, inner)


def test_a_text_cut_off_anywhere_shows_keys_of_the_whole_only():
    text = json.dumps(COCO)
    whole = scan_head(text)
    for length in range(1, len(text)):
        head = scan_head(text[:length])
        assert head.root == "object"
        assert head.keys <= whole.keys
        for key, names in head.inner.items():
            assert names <= whole.inner[key]


@pytest.mark.parametrize("gap", ["\n", "\r\n", ""])
def test_objects_one_after_the_other_are_lines(gap):
    head = scan_head(gap.join(['{"image_id": 1, "box": {"x": 1}}', '{"score": 2}']))
    assert (head.root, head.keys, dict(head.inner)) == (
        "lines",
        {"image_id", "box"},
        {"box": {"x"}},
    )


@pytest.mark.parametrize("text", ["", "  ", '"text"', "3", "image,score\n", "\0\1PAR1", "\ud800"])
def test_what_is_no_object_and_no_list(text):
    assert scan_head(text) == ("none", frozenset(), {})


def test_a_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + b" " * 10 + b'{"a\\u0062": [' + b'{"x": 1},' * 100_000)
    assert json_head(path) == ("object", {"ab"}, {"ab": {"x"}})
    path.write_text("[1, 2]")
    os.utime(path, ns=(1, 1))
    assert json_head(path).root == "list"
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"a": 1}\n')
    assert json_head(lines).root == "lines"
    assert json_head(tmp_path).root == "none"
