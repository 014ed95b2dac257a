"""Malformed COCO results: every mistake is located, whatever the fast reader thinks of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.results import read_coco_results
from detbench.errors import InputError
from tests.data.formats.coco.result_files import ROW, empty_ground_truth, row, write

WRONG = {
    "score as a string": (
        row(score='"0.9"'),
        r"results\[0\]\.score: expected a number, found a string",
    ),
    "class as a string": (
        row(category_id='"2"'),
        r"results\[0\]\.category_id: expected .*number, found a string",
    ),
    "true as score": (
        row(score="true"),
        r"results\[0\]\.score: expected a number, found true or false",
    ),
    "false as id": (
        row(image_id="false"),
        r"results\[0\]\.image_id: expected .*, found true or false",
    ),
    "true in a box": (
        row(bbox="[true, 2, 3, 4]"),
        r"results\[0\]\.bbox\[0\]: expected a number, found true or false",
    ),
    "string in a box": (
        row(bbox='[1, "2", 3, 4]'),
        r"results\[0\]\.bbox\[1\]: expected a number, found a string",
    ),
    "null score": (row(score="null"), r"results\[0\]\.score: expected a number, found null"),
    "null in a box": (
        row(bbox="[1, null, 3, 4]"),
        r"results\[0\]\.bbox\[1\]: expected a number, found null",
    ),
    "list in a box": (
        row(bbox="[[1, 2, 3, 4]]"),
        r"results\[0\]\.bbox\[0\]: expected a number, found a list",
    ),
    "three numbers": (f"{ROW}, {row(bbox='[1, 2, 3]')}", r"results\[1\]\.bbox: expected 4 numbers"),
    "five numbers": (
        f"{ROW}, {row(bbox='[1, 2, 3, 4, 5]')}",
        r"results\[1\]\.bbox: expected 4 numbers",
    ),
    "empty box": (row(bbox="[]"), r"results\[0\]\.bbox: expected 4 numbers"),
    "object as box": (
        row(bbox='{"x": 1}'),
        r"results\[0\]\.bbox: expected a list, found an object",
    ),
    "no box": (
        '{"image_id": 1, "category_id": 2, "score": 0.5, "segmentation": {}}',
        r"results\[0\]: has no 'bbox'",
    ),
    "key in another case": (
        ROW.replace("image_id", "Image_ID"),
        r"results\[0\]: has no 'image_id'",
    ),
    "empty row": ("{}", r"results\[0\]: has no 'image_id'"),
    "null row": (f"{ROW}, null", r"results\[1\]: expected an object, found null"),
    "number as row": ("1, 2", r"results\[0\]: expected an object, found a whole number"),
    "fraction as image": (
        f"{ROW}, {row(image_id='3.7')}",
        r"results\[1\]\.image_id: image_id 3\.7 is not a 64-bit integer",
    ),
    "fraction as class": (
        f"{ROW}, {row(category_id='3.7')}",
        r"results\[1\]\.category_id: category_id 3\.7 is not a 64-bit integer",
    ),
    "huge class": (
        row(category_id="1" * 30),
        r"results\[0\]\.category_id: category_id 1+ is not a 64-bit integer",
    ),
    "NaN": (
        f"{ROW}, {row(score='NaN')}",
        r"results\[1\]\.score \(line 1, byte \d+\): NaN is not a JSON number",
    ),
    "nan": (
        row(score="nan"),
        r"results\[0\]\.score \(line 1, byte \d+\): nan is not a JSON number",
    ),
    "infinite": (
        row(bbox="[1, -Infinity, 3, 4]"),
        r"results\[0\]\.bbox\[1\] .*: -Infinity is not a JSON number",
    ),
    "beyond float64": (row(score="1e999"), r"results\[0\]\.score: number out of range"),
    "far corner beyond float64": (
        row(bbox="[1e308, 0, 1e308, 1]"),
        r"results\[0\]: bbox is too large",
    ),
    "comma behind the last row": (f"{ROW},", r"line 1, byte \d+: malformed JSON: trailing comma"),
    "comma behind a box": (
        row(bbox="[1, 2, 3, 4,]"),
        r"line 1, byte \d+: malformed JSON: trailing comma",
    ),
    "comma behind a key": (row(more=","), r"line 1, byte \d+: malformed JSON: trailing comma"),
    "no comma": (f"{ROW}\n{ROW}", r"line 2, byte \d+: malformed JSON: expected ','"),
    "two commas": (f"{ROW},,{ROW}", r"line 1, byte \d+: malformed JSON"),
    "comment": (f"/* rows */ {ROW}", r"line 1, byte 1: malformed JSON"),
    "single quotes": (ROW.replace('"', "'"), r"line 1, byte 2: malformed JSON"),
    "leading zero": (row(score="01"), r"line 1, byte \d+: malformed JSON"),
    "bare point": (row(score=".5"), r"line 1, byte \d+: malformed JSON"),
}


WRONG_FILES = {
    "no_classes": ("", "is empty, expected JSON"),
    "blank": (" \n ", "is empty, expected JSON"),
    "cut in a row": (
        f"[{ROW},\n{ROW[:30]}",
        r"line 2, byte \d+: the JSON ends in the middle; it was cut off",
    ),
    "cut behind a comma": (f"[{ROW},\n", r"line 2, byte \d+: the JSON ends in the middle"),
    "cut behind a row": (f"[{ROW}", r"line 1, byte \d+: the JSON ends in the middle"),
    "something behind": (f"[{ROW}] x", r"line 1, byte \d+: malformed JSON: trailing characters"),
    "two lists": (f"[{ROW}]\n[{ROW}]", r"line 2, byte \d+: malformed JSON: trailing characters"),
    "lines with a mistake": (
        f"{ROW}\n\n{row(score='null')}",
        r"results\[1\]\.score: expected a number, found null",
    ),
    "lines with NaN": (
        f"{ROW}\n{row(score='NaN')}",
        r"results\[1\]\.score \(line 2, byte \d+\): NaN is not a JSON number",
    ),
    "a cut line": (f"{ROW}\n{ROW[:30]}", "line 2, byte 100: the JSON ends in the middle"),
    "other keys": (
        '{"images": 3, "a": 1}',
        "is an object without results; its keys: 'images', 'a'",
    ),
    "a mistake in a wrapped list": (
        f'{{"predictions": [{ROW}, {row(bbox="[1]")}]}}',
        r"predictions\[1\]\.bbox: expected 4 numbers",
    ),
    "an annotation without a score": (
        f'{{"annotations": [{ROW}, {{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}}]}}',
        r"annotations\[1\]: has no 'score'",
    ),
    "an unknown image in a wrapped list": (
        f'{{"results": [{ROW}, {row(image_id="77")}]}}',
        r"results\[1\]: image '77' is not in the ground truth",
    ),
    "annotations": ('{"images": [], "annotations": []}', "is an object like COCO annotations"),
    "a number": ("3", "expected a list, found a whole number"),
}


GARBAGE = {
    "UTF-16": (
        f"[{ROW}]".encode("utf-16"),
        "line 1, byte 0: is UTF-16 text, expected UTF-8; save it as UTF-8",
    ),
    "UTF-16 without a mark": (f"[{ROW}]".encode("utf-16-le"), "line 1"),
    "Latin-1": (f"[{row(image_id=chr(34) + 'ä' + chr(34))}]".encode("latin-1"), "line 1"),
    "random bytes": (random.Random(0).randbytes(3_000), ""),
    "random bytes in a list": (b"[" + random.Random(1).randbytes(3_000) + b"]", ""),
    "bytes in a key": (b'[{"image_\xff\xfe": 1}]', ""),
    "an image": (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1"),
    "zeros": (bytes(100), "line 1"),
}


@pytest.mark.parametrize(("rows", "message"), WRONG.values(), ids=WRONG)
def test_mistakes_in_a_row_are_located(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"results\.json, {message}"):
        read_coco_results(write(tmp_path, f"[{rows}]"), empty_ground_truth())


@pytest.mark.parametrize(("text", "message"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_mistakes_in_a_file_are_located(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"results\.json[:,] {message}"):
        read_coco_results(write(tmp_path, text), empty_ground_truth())


def test_a_wrong_row_is_seen_though_another_balances_the_counts(tmp_path: Path) -> None:
    lacking = '{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}'
    with pytest.raises(InputError, match=r"results\[0\]\.score: expected a number, found a string"):
        read_coco_results(
            write(tmp_path, f"[{row(score=chr(34) + '0.9' + chr(34))}, {lacking}]"),
            empty_ground_truth(),
        )


def test_segmentation_results_are_refused(shared_data: Path) -> None:
    ground_truth = read_coco(shared_data / "coco/instances_val2014_100.json")
    with pytest.raises(InputError, match=r"fakesegm100_results\.json, results\[0\]: has no 'bbox'"):
        read_coco_results(
            shared_data / "coco/instances_val2014_fakesegm100_results.json", ground_truth
        )


@pytest.mark.parametrize(("content", "message"), GARBAGE.values(), ids=GARBAGE)
def test_binary_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"results\.json[:,].*{message}"):
        read_coco_results(write(tmp_path, content), empty_ground_truth())
