"""COCO annotations against pycocotools, round trips, and every way a file can be wrong."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.writer import write_coco
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

REAL_FILES = [
    "voc07_test_coco.json",
    "coco/instances_val2014_100.json",
    "coco_tiny_val/instances_val2017.json",
]


def small(**changes: Any) -> dict[str, Any]:
    """Return two images, two classes and three objects, out of order as in real files."""
    content: dict[str, Any] = {
        "images": [
            {"id": 20, "file_name": "b.jpg", "width": 640, "height": 480},
            {"id": 3, "file_name": "a.jpg"},
        ],
        "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 20,
                "category_id": 2,
                "bbox": [1.5, 2, 10, 20],
                "area": 150.5,
                "iscrowd": 0,
            },
            {
                "id": 2,
                "image_id": 3,
                "category_id": 9,
                "bbox": [0, 0, 5, 5],
                "area": 25,
                "iscrowd": 1,
            },
            {
                "id": 3,
                "image_id": 20,
                "category_id": 9,
                "bbox": [0.1, 0.2, 0.3, 0.4],
                "area": 0.12,
                "iscrowd": False,
                "difficult": 1,
            },
        ],
    }
    return {**content, **changes}


def write(folder: Path, content: object, name: str = "annotations.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def annotation(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "image_id": 3,
        "category_id": 2,
        "bbox": [1, 2, 3, 4],
        "area": 12,
        "iscrowd": 0,
        **changes,
    }


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_are_read_as_pycocotools_reads_them(shared_data: Path, name: str) -> None:
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(shared_data / name))
    ground_truth = read_coco(shared_data / name)
    image_ids = np.unique(reference.getImgIds()).tolist()
    category_ids = np.unique(reference.getCatIds()).tolist()
    assert ground_truth.image_ids == tuple(map(str, image_ids))
    assert ground_truth.category_ids.tolist() == category_ids
    assert ground_truth.class_names == tuple(
        reference.cats[number]["name"] for number in category_ids
    )
    rows = reference.loadAnns(reference.getAnnIds(imgIds=image_ids))
    assert ground_truth.class_index.tolist() == [
        category_ids.index(row["category_id"]) for row in rows
    ]
    assert ground_truth.boxes.tolist() == [
        [x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in rows)
    ]
    assert ground_truth.box_areas.tolist() == [row["bbox"][2] * row["bbox"][3] for row in rows]
    assert ground_truth.areas.tolist() == [row["area"] for row in rows]
    assert ground_truth.iscrowd.tolist() == [bool(row["iscrowd"]) for row in rows]
    assert np.diff(ground_truth.offsets).tolist() == [
        len(reference.imgToAnns[number]) for number in image_ids
    ]
    assert ground_truth.image_sizes.tolist() == [
        [reference.imgs[number]["width"], reference.imgs[number]["height"]] for number in image_ids
    ]


def test_voc_in_coco_form_keeps_difficult(shared_data: Path) -> None:
    assert (~read_coco(shared_data / REAL_FILES[0]).difficult).sum() == 12_032


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_survive_a_round_trip(shared_data: Path, tmp_path: Path, name: str) -> None:
    ground_truth = read_coco(shared_data / name)
    write_coco(ground_truth, tmp_path / "again.json")
    again = read_coco(tmp_path / "again.json")
    assert again.digest == ground_truth.digest
    assert again.image_files == ground_truth.image_files


def test_small_file(tmp_path: Path) -> None:
    ground_truth = read_coco(write(tmp_path, small()))
    assert ground_truth.image_ids == ("3", "20")
    assert ground_truth.image_files == ("a.jpg", "b.jpg")
    assert ground_truth.class_names == ("cat", "dog")
    assert ground_truth.category_ids.tolist() == [2, 9]
    assert ground_truth.offsets.tolist() == [0, 1, 3]
    assert ground_truth.class_index.tolist() == [1, 0, 1]
    assert ground_truth.boxes.tolist() == [
        [0, 0, 5, 5],
        [1.5, 2, 11.5, 22],
        [0.1, 0.2, 0.1 + 0.3, 0.2 + 0.4],
    ]
    assert ground_truth.box_areas.tolist() == [25, 200, 0.3 * 0.4]
    assert ground_truth.areas.tolist() == [25, 150.5, 0.12]
    assert ground_truth.iscrowd.tolist() == [True, False, False]
    assert ground_truth.difficult.tolist() == [False, False, True]
    np.testing.assert_array_equal(ground_truth.image_sizes, [[np.nan, np.nan], [640, 480]])
    assert (ground_truth.protocol, ground_truth.name, ground_truth.image_folder) == (
        "coco",
        "annotations",
        None,
    )


def test_file_without_objects(tmp_path: Path) -> None:
    ground_truth = read_coco(write(tmp_path, small(annotations=[])))
    assert (len(ground_truth), ground_truth.offsets.tolist()) == (0, [0, 0, 0])


def test_ids_may_be_strings_or_whole_floats(tmp_path: Path) -> None:
    images = [{"id": "b10"}, {"id": "b9"}]
    ground_truth = read_coco(
        write(tmp_path, small(images=images, annotations=[annotation(image_id="b9", id=None)]))
    )
    assert ground_truth.image_ids == ("b10", "b9")
    assert ground_truth.offsets.tolist() == [0, 0, 1]
    ground_truth = read_coco(
        write(tmp_path, small(images=[{"id": 3.0}], annotations=[annotation()]))
    )
    assert ground_truth.image_ids == ("3",)


def test_names_are_made_unique_and_filled(tmp_path: Path) -> None:
    categories = [{"id": 2, "name": "cat"}, {"id": 5, "name": "cat"}, {"id": 9}]
    ground_truth = read_coco(write(tmp_path, small(categories=categories)))
    assert ground_truth.class_names == ("cat (2)", "cat (5)", "9")


def test_missing_areas_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, small(annotations=[annotation(area=None), annotation(id=8)]))
    with pytest.warns(DetbenchWarning, match=r"annotations\.json: 1 of 2 annotations have no area"):
        assert read_coco(path).areas.tolist() == [12, 12]


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("instances_val2017.json", "val2017"),
        ("instances_val2017.json", "images"),
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "images/val2017"),
    ],
)
def test_images_are_found_beside_the_file(tmp_path: Path, file: str, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    assert read_coco(write(tmp_path, small(), file)).image_folder == tmp_path / folder
    assert read_coco(tmp_path / file, images=tmp_path).image_folder == tmp_path


def test_images_may_lie_in_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert read_coco(write(tmp_path, small())).image_folder == tmp_path


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
    (annotation(id=5), r"annotations\[1\]: id 5 is also that of annotations\[0\]"),
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
    ("[]", "is a list, as COCO results are"),
    ('"annotations"', "expected an object, found a string"),
    ({"images": [], "categories": []}, "has no 'annotations'"),
    ({"images": [], "annotations": []}, "has no 'categories'"),
    (
        small(images=[{"id": 3}, {"id": 20}, {"id": 3}]),
        r"images\[2\]: id 3 is also that of images\[0\]",
    ),
    (
        small(categories=[{"id": 2}, {"id": 2}]),
        r"categories\[1\]: id 2 is also that of categories\[0\]",
    ),
    (
        small(images=[{"id": 3}, {"id": "20"}]),
        "some ids of images are numbers and some are strings",
    ),
    (small(images=[{"id": 3.5}]), r"images\[0\]: id 3.5 is not a whole number"),
    (
        small(categories=[{"id": 2**70}]),
        r"categories\[0\]: id \d+ is not a whole number of 64 bits",
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


@given(
    xywh=arrays(np.int64, (5, 4), elements=st.integers(0, 10**7)),
    decimals=st.integers(0, 4),
    crowd=arrays(np.bool_, 5),
)
def test_any_decimal_boxes_survive_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, xywh: np.ndarray, decimals: int, crowd: np.ndarray
) -> None:
    x, y, w, h = (xywh / 10**decimals).T
    ground_truth = GroundTruth.from_rows(
        image_ids=["000001", "000002"],
        class_names=["cat", "dog"],
        image_index=[1, 0, 1, 1, 0],
        class_index=[0, 1, 1, 0, 0],
        boxes=np.stack([x, y, x + w, y + h], axis=1),
        box_areas=w * h,
        iscrowd=crowd,
        difficult=~crowd,
        truncated=crowd,
    )
    path = tmp_path_factory.mktemp("coco") / "a.json"
    write_coco(ground_truth, path)
    again = read_coco(path)
    assert again.image_ids == ("1", "2")
    for column in (
        "offsets",
        "class_index",
        "boxes",
        "box_areas",
        "areas",
        "iscrowd",
        "difficult",
        "truncated",
    ):
        np.testing.assert_array_equal(
            getattr(again, column), getattr(ground_truth, column), err_msg=column
        )


def test_file_without_classes(tmp_path: Path) -> None:
    ground_truth = read_coco(write(tmp_path, small(categories=[], annotations=[])))
    assert (ground_truth.class_names, len(ground_truth.image_ids), len(ground_truth)) == ((), 2, 0)
    write_coco(ground_truth, tmp_path / "again.json")
    assert read_coco(tmp_path / "again.json").digest == ground_truth.digest


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


@pytest.mark.parametrize("crowd", [0, 1, 0.0, 1.0, True, False, None])
def test_iscrowd_may_be_any_form_of_0_and_1(tmp_path: Path, crowd: Any) -> None:
    assert read_coco(
        write(tmp_path, small(annotations=[annotation(iscrowd=crowd)]))
    ).iscrowd.tolist() == [bool(crowd)]


def test_negative_areas_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        small(annotations=[annotation(area=-1), annotation(id=8), annotation(id=9, area=-0.5)]),
    )
    with pytest.warns(
        DetbenchWarning, match=r"annotations\.json: 2 of 3 annotations have a negative area"
    ):
        assert read_coco(path).areas.tolist() == [-1, 12, -0.5]
