"""COCO annotations against pycocotools, and round trips."""

from __future__ import annotations

import contextlib
import io
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
from detbench.errors import DetbenchWarning
from tests.data.formats.coco.annotation_files import annotation, small, write

REAL_FILES = [
    "voc07_test_coco.json",
    "coco/instances_val2014_100.json",
    "coco_tiny_val/instances_val2017.json",
]


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


@pytest.mark.parametrize("zero", [0, 0.0])
def test_id_0_of_an_object_is_a_warning(tmp_path: Path, zero: float) -> None:
    """What pycocotools then scores is tested in `tests/metrics/scoring/test_file_audit.py`."""
    path = write(tmp_path, small(annotations=[annotation(id=1), annotation(id=zero)]))
    with pytest.warns(DetbenchWarning, match=r"annotations\[1\] has ID 0, which pycocotools"):
        assert len(read_coco(path)) == 2


def test_id_0_of_a_crowd_is_fine(tmp_path: Path) -> None:
    """A crowd is never counted, matched or not."""
    assert len(read_coco(write(tmp_path, small(annotations=[annotation(id=0, iscrowd=1)])))) == 1


def content_with_boxes(*boxes: list[float]) -> dict[str, Any]:
    """Return annotations of boxes on one image of 200 × 100 pixels."""
    return small(
        images=[{"id": 3, "file_name": "a.jpg", "width": 200, "height": 100}],
        annotations=[annotation(id=n + 1, bbox=box) for n, box in enumerate(boxes)],
    )


PIXELS = [
    [0.0, 0.0, 1.0, 1.0],
    [149.0, 10.0, 50.5, 20.0],
    [5.0, 50.0, 20.0, 49.5],
    [0.0, 0.0, 200.0, 100.0],
]


def test_boxes_in_fractions_are_a_warning(tmp_path: Path) -> None:
    fractions = [[x / 200, y / 100, w / 200, h / 100] for x, y, w, h in PIXELS]
    path = write(tmp_path, content_with_boxes(*fractions))
    with pytest.warns(DetbenchWarning, match=r"all 4 boxes lie within 0–1, as fractions .* doctor"):
        read_coco(path)


def test_corners_are_a_warning(tmp_path: Path) -> None:
    corners = [[x, y, x + w, y + h] for x, y, w, h in PIXELS]
    path = write(tmp_path, content_with_boxes(*corners))
    with pytest.warns(DetbenchWarning, match=r"2 of 4 boxes end far outside their image, as corn"):
        read_coco(path)


@pytest.mark.filterwarnings("error")
def test_pixels_and_images_of_unknown_size_are_fine(tmp_path: Path) -> None:
    assert len(read_coco(write(tmp_path, content_with_boxes(*PIXELS)))) == 4
    content = content_with_boxes(*[[x / 200, y / 100, w / 200, h / 100] for x, y, w, h in PIXELS])
    content["images"] = [{"id": 3}]
    assert len(read_coco(write(tmp_path, content))) == 4
