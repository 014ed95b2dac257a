"""COCO results: the fast and the strict reader agree, and results survive a round trip."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.plain_results import read_plain_results
from detbench.data.formats.coco.results import _read_any_results, read_coco_results
from detbench.data.formats.coco.writer import write_coco_results
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.coco.result_files import ROW, empty_ground_truth, row, rows_of, write

PLAIN = {
    "one": f"[{ROW}]",
    "spaces": f" [\n{ROW} ,\r\n\t{ROW}]\n\n",
    "exponents": f"[{row(score='1e-05')},{row(score='2E+0', bbox='[1e1, 2.5e0, 1e+2, -0.0]')}]",
    "keys in another order": (
        '[{"score": 1, "bbox": [1, 2, 3, 4], "category_id": 7, "image_id": 9}]'
    ),
    "escaped key": f"[{ROW}]".replace("image", r"\u0069mage"),
    "whole numbers as floats": f"[{row(image_id='1.0', category_id='2.0')}]",
}
MORE_KEYS = ', "area": 3, "segmentation": [[1, 2]], "id": "x", "iscrowd": true'
UNUSUAL = {
    "byte order mark": b"\xef\xbb\xbf" + f"[{ROW}]".encode(),
    "more keys": f"[{row(more=MORE_KEYS)}]",
    "key twice": f"[{row(more=', ' + chr(34) + 'score' + chr(34) + ': 0.25')}]",
    "image id as a string": f"[{row(image_id=chr(34) + '1' + chr(34))}]",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_both_readers_agree_on_plain_files(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    fast, strict = read_plain_results(path), _read_any_results(path)
    assert fast is not None
    for column in ("image_ids", "category_ids", "xywh", "scores"):
        np.testing.assert_array_equal(getattr(fast, column), getattr(strict, column))


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_files_are_left_to_the_strict_reader(tmp_path: Path, text: str | bytes) -> None:
    path = write(tmp_path, text)
    assert read_plain_results(path) is None
    score = 0.25 if b"0.25" in path.read_bytes() else 0.5
    assert rows_of(read_coco_results(path, empty_ground_truth())) == [
        [0, 1, 1, 1],
        [0],
        [score],
        [[1, 2, 4, 6]],
        [12],
    ]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    rng = random.Random(0)
    numbers = [repr(struct.unpack("<d", rng.randbytes(8))[0]) for _ in range(3_000)]
    numbers += [f"{rng.random() * 1000:.{rng.randint(1, 25)}f}" for _ in range(3_000)]
    numbers += [f"{rng.randint(0, 10**17)}e{rng.randint(-330, 290)}" for _ in range(3_000)]
    numbers = [number for number in numbers if number not in {"nan", "inf", "-inf"}]
    path = write(tmp_path, f"[{','.join(row(score=number) for number in numbers)}]")
    for reader in (read_plain_results, _read_any_results):
        assert reader(path).scores.tolist() == [float(number) for number in numbers]


@pytest.mark.parametrize(
    "name", ["it's.json", "a b.json", "score=0.25/r.json", "a[1].json", "x*.json", "ünï.json"]
)
def test_odd_file_names(tmp_path: Path, name: str) -> None:
    for other in ("a1.json", "xy.json"):
        write(tmp_path, f"[{row(score='0.125')}]", other)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    assert read_coco_results(
        write(tmp_path, f"[{ROW}]", name), empty_ground_truth()
    ).scores.tolist() == [0.5]


def test_rows_keep_their_order_within_an_image(tmp_path: Path) -> None:
    rows = [
        row(image_id=image, score=score)
        for image, score in [("9", "0.1"), ("1", "0.2"), ("9", "0.3"), ("1", "0.4")]
    ]
    detections = read_coco_results(write(tmp_path, f"[{','.join(rows)}]"), empty_ground_truth())
    assert detections.offsets.tolist() == [0, 2, 2, 4]
    assert detections.scores.tolist() == [0.2, 0.4, 0.1, 0.3]
    assert detections.source_rows is not None
    assert detections.source_rows.tolist() == [1, 3, 0, 2]
    assert detections.name == "results"


@pytest.mark.parametrize("image_id", ["1", '"1"', '"000001"'])
def test_numbers_match_padded_ids_by_value(tmp_path: Path, image_id: str) -> None:
    detections = read_coco_results(
        write(tmp_path, f"[{row(image_id=image_id)}]"), empty_ground_truth("000001", "000002")
    )
    assert detections.offsets.tolist() == [0, 1, 1]


def test_numbers_match_by_value_among_other_ids(tmp_path: Path) -> None:
    detections = read_coco_results(write(tmp_path, f"[{ROW}]"), empty_ground_truth("a", "2", "01"))
    assert detections.offsets.tolist() == [0, 0, 0, 1]


def test_ids_beyond_float64_are_distinguished(tmp_path: Path) -> None:
    ids = [str(2**53 + 1), str(2**53), "9" * 25]
    detections = read_coco_results(
        write(tmp_path, f"[{','.join(row(image_id=number) for number in ids)}]"),
        empty_ground_truth(*ids),
    )
    assert detections.offsets.tolist() == [0, 1, 2, 3]


UNKNOWN = [
    (
        row(image_id="5"),
        "1",
        r"results\[1\]: image '5' is not in the ground truth; detections of another split",
    ),
    (row(image_id='"x"'), "1", r"results\[1\]: image 'x' is not in the ground truth"),
    (
        row(category_id="3"),
        "1",
        r"results\[1\]: category_id 3 is not in the ground truth; .*categories: 2, 7; ",
    ),
    (
        f"{row(image_id='5')}, {row(image_id='6')}",
        "2",
        r"results\[1\] and 1 more: image '5' is not in the ground truth",
    ),
]


@pytest.mark.parametrize(("rows", "count", "message"), UNKNOWN)
def test_unknown_images_and_categories(tmp_path: Path, rows: str, count: str, message: str) -> None:
    path = write(tmp_path, f"[{ROW}, {rows}]")
    with pytest.raises(InputError, match=rf"results\.json, {message}"):
        read_coco_results(path, empty_ground_truth())
    with pytest.warns(DetbenchWarning, match=rf"results\.json: dropped {count} of \d detections"):
        assert rows_of(read_coco_results(path, empty_ground_truth(), allow_unknown=True)) == [
            [0, 1, 1, 1],
            [0],
            [0.5],
            [[1, 2, 4, 6]],
            [12],
        ]


def test_an_empty_list_is_warned_about(tmp_path: Path) -> None:
    with pytest.warns(DetbenchWarning, match=r"results\.json: no detections at all"):
        detections = read_coco_results(write(tmp_path, "[ ]\n"), empty_ground_truth())
    assert rows_of(detections) == [[0, 0, 0, 0], [], [], [], []]


def test_inverted_boxes_are_counted_and_too_many_refused(tmp_path: Path) -> None:
    inverted = row(bbox="[5, 5, -1, 2]")
    with pytest.warns(DetbenchWarning, match=r"results\.json: 1 of 2 boxes are inverted"):
        assert read_coco_results(
            write(tmp_path, f"[{ROW},{inverted}]"), empty_ground_truth()
        ).boxes.tolist() == [[1, 2, 4, 6], [5, 5, 4, 7]]
    with pytest.raises(InputError, match=r"results\.json: 2 of 3 boxes are inverted .* box format"):
        read_coco_results(write(tmp_path, f"[{ROW},{inverted},{inverted}]"), empty_ground_truth())


REAL = [
    ("coco/instances_val2014_100.json", "coco/instances_val2014_fakebbox100_results.json", True),
    ("coco_tiny_val/instances_val2017.json", "coco_tiny_val/fastestdet_results.json", True),
    ("coco_tiny_val/instances_val2017.json", "coco_tiny_val/yolox_nano_results.json", False),
]


@pytest.mark.parametrize(("annotations", "results", "plain"), REAL)
def test_real_files(
    shared_data: Path, tmp_path: Path, annotations: str, results: str, plain: bool
) -> None:
    ground_truth = read_coco(shared_data / annotations)
    assert (read_plain_results(shared_data / results) is not None) == plain
    detections = read_coco_results(shared_data / results, ground_truth)
    expected = json.loads((shared_data / results).read_text())
    expected.sort(key=lambda item: item["image_id"])
    assert detections.scores.tolist() == [item["score"] for item in expected]
    assert detections.boxes.tolist() == [
        [x, y, x + w, y + h] for x, y, w, h in (item["bbox"] for item in expected)
    ]
    assert detections.box_areas.tolist() == [item["bbox"][2] * item["bbox"][3] for item in expected]
    write_coco_results(detections, ground_truth, tmp_path / "again.json")
    assert read_coco_results(tmp_path / "again.json", ground_truth).digest == detections.digest


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([1, 2, 9]),
            st.sampled_from([2, 7]),
            st.lists(st.integers(0, 10**6), min_size=4, max_size=4),
            st.floats(-1, 1),
        ),
        min_size=1,
    ),
    decimals=st.integers(0, 4),
)
def test_any_rows_survive_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], decimals: int
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    keys = ("image_id", "category_id", "bbox", "score")
    content = [
        dict(zip(keys, (i, c, [side / 10**decimals for side in b], s), strict=True))
        for i, c, b, s in rows
    ]
    detections = read_coco_results(write(folder, json.dumps(content)), empty_ground_truth())
    write_coco_results(detections, empty_ground_truth(), folder / "again.json")
    assert (
        read_coco_results(folder / "again.json", empty_ground_truth()).digest == detections.digest
    )


@pytest.mark.parametrize("name", ["~/h.json", "~root.json", "s3:bucket.json", "https:/a.json"])
def test_names_that_look_like_addresses_are_local_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "work" / name).parent.mkdir(parents=True)
    write(tmp_path / "home", f"[{row(score='0.125')}]", "h.json")
    write(tmp_path / "work", f"[{ROW}]", name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    assert read_plain_results(Path(name)) is not None
    assert read_coco_results(Path(name), empty_ground_truth()).scores.tolist() == [0.5]


def test_ground_truth_without_classes(tmp_path: Path) -> None:
    no_classes = GroundTruth.from_rows(
        image_ids=["1"], class_names=[], image_index=[], class_index=[], boxes=[]
    )
    with pytest.warns(DetbenchWarning, match="no detections at all"):
        assert len(read_coco_results(write(tmp_path, "[]"), no_classes)) == 0
    with pytest.raises(InputError, match="category_id 2 is not in the ground truth"):
        read_coco_results(write(tmp_path, f"[{ROW}]"), no_classes)
