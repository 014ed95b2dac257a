"""Parquet tables: every bit comes back, and detections follow the ground truth's order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.data.formats.parquet.tables import (
    read_parquet_detections,
    read_parquet_ground_truth,
    write_parquet_detections,
    write_parquet_ground_truth,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.parquet.random_data import random_detections, random_ground_truth

GROUND_TRUTH_COLUMNS = (
    "offsets",
    "class_index",
    "boxes",
    "box_areas",
    "areas",
    "iscrowd",
    "difficult",
    "truncated",
    "category_ids",
    "image_sizes",
    "image_ids",
    "class_names",
    "image_files",
    "image_folder",
    "name",
    "protocol",
    "source",
    "digest",
)
DETECTION_COLUMNS = (
    "offsets",
    "class_index",
    "scores",
    "boxes",
    "box_areas",
    "source_rows",
    "image_ids",
    "class_names",
    "name",
    "source",
    "digest",
)


def assert_same(one: object, other: object, columns: tuple[str, ...]) -> None:
    for column in columns:
        left, right = getattr(one, column), getattr(other, column)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, column
            np.testing.assert_array_equal(left, right, err_msg=column)
        else:
            assert left == right, column


@given(
    images=st.integers(0, 12),
    objects=st.integers(0, 40),
    seed=st.integers(0, 99),
    group=st.sampled_from([1, 7, 1000]),
)
def test_every_bit_comes_back(
    tmp_path_factory: pytest.TempPathFactory, images: int, objects: int, seed: int, group: int
) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    ground_truth = random_ground_truth(images, objects if images else 0, seed)
    detections = random_detections(ground_truth, objects + 1 if images else 0, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("detbench.data.formats.parquet.writer._OBJECTS_PER_GROUP", group)
        write_parquet_ground_truth(ground_truth, folder / "ground_truth.parquet")
        write_parquet_detections(detections, folder / "detections.parquet")
    assert_same(
        read_parquet_ground_truth(folder / "ground_truth.parquet"),
        ground_truth,
        GROUND_TRUTH_COLUMNS,
    )
    if images:
        assert_same(
            read_parquet_detections(folder / "detections.parquet", ground_truth),
            detections,
            DETECTION_COLUMNS,
        )


def test_numbers_at_the_edge_of_float64(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(1, 0)
    edge = [5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2]
    detections = Detections.from_rows(
        ground_truth,
        image_index=[0] * 4,
        class_index=[0] * 4,
        scores=edge,
        boxes=[[0, 0, *edge[:2]]] * 4,
    )
    write_parquet_detections(detections, tmp_path / "d.parquet")
    again = read_parquet_detections(tmp_path / "d.parquet", ground_truth)
    assert again.scores.tobytes() == detections.scores.tobytes()
    assert again.boxes.tobytes() == detections.boxes.tobytes()


def test_one_row_per_image_readable_by_any_tool(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(5, 9)
    write_parquet_ground_truth(ground_truth, tmp_path / "t.parquet")
    rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert [row["image_id"] for row in rows] == list(ground_truth.image_ids)
    assert [len(row["class_index"]) for row in rows] == np.diff(ground_truth.offsets).tolist()
    assert [number for row in rows for number in row["box"]] == ground_truth.boxes.reshape(
        -1
    ).tolist()


def test_header_is_in_the_metadata(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(3, 5)
    write_parquet_ground_truth(ground_truth, tmp_path / "t.parquet")
    header = json.loads(pq.read_metadata(tmp_path / "t.parquet").metadata[b"detbench"])
    assert (header["schema_version"], header["kind"]) == (1, "ground_truth")
    assert (header["objects"], header["digest"]) == (5, ground_truth.digest)
    assert tuple(header["class_names"]) == ground_truth.class_names


def test_reading_and_writing_do_not_load_pandas(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from detbench.data.formats.parquet import tables

path = Path(sys.argv[1])
tables.write_parquet_ground_truth(tables.read_parquet_ground_truth(path), path)
sys.exit("pandas" in sys.modules)
"""
    write_parquet_ground_truth(random_ground_truth(3, 5), tmp_path / "t.parquet")
    command = [sys.executable, "-c", program, str(tmp_path / "t.parquet")]
    assert subprocess.run(command, check=False).returncode == 0


def test_detections_follow_the_order_of_another_ground_truth(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(6, 10)
    detections = random_detections(ground_truth, 50)
    write_parquet_detections(detections, tmp_path / "d.parquet")
    order = np.array([4, 0, 5, 2, 1, 3])
    names = (
        ground_truth.class_names[2],
        "more",
        ground_truth.class_names[0],
        ground_truth.class_names[1],
    )
    other = GroundTruth.from_rows(
        image_ids=["none", *(ground_truth.image_ids[image] for image in order)],
        class_names=names,
        image_index=[],
        class_index=[],
        boxes=[],
    )
    aligned = read_parquet_detections(tmp_path / "d.parquet", other)
    assert np.diff(aligned.offsets).tolist() == [0, *np.diff(detections.offsets)[order].tolist()]
    for position, image in enumerate(order):
        ours = slice(*aligned.offsets[position + 1 : position + 3])
        theirs = slice(*detections.offsets[image : image + 2])
        for column in ("boxes", "scores", "box_areas", "source_rows"):
            np.testing.assert_array_equal(
                getattr(aligned, column)[ours], getattr(detections, column)[theirs]
            )
        ours_named = [aligned.class_names[number] for number in aligned.class_index[ours]]
        assert ours_named == [
            detections.class_names[number] for number in detections.class_index[theirs]
        ]


def test_unknown_images_and_classes(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(2, 0)
    detections = Detections.from_rows(
        ground_truth,
        image_index=[0, 1, 1],
        class_index=[0, 0, 1],
        scores=[1, 2, 3],
        boxes=[[0, 0, 1, 1]] * 3,
    )
    write_parquet_detections(detections, tmp_path / "d.parquet")
    fewer_images = ground_truth.select_images(np.array([0]))
    with pytest.raises(InputError, match=r"d\.parquet: image 'bild 1' is not in the ground truth"):
        read_parquet_detections(tmp_path / "d.parquet", fewer_images)
    with pytest.warns(DetbenchWarning, match=r"d\.parquet: dropped 2 of 3 detections whose image"):
        assert read_parquet_detections(
            tmp_path / "d.parquet", fewer_images, allow_unknown=True
        ).scores.tolist() == [1]
    fewer_classes = GroundTruth.from_rows(
        image_ids=ground_truth.image_ids,
        class_names=["Hund"],
        image_index=[],
        class_index=[],
        boxes=[],
    )
    with pytest.raises(
        InputError, match=r"d\.parquet: class 'Kätzchen' is not in the ground truth"
    ):
        read_parquet_detections(tmp_path / "d.parquet", fewer_classes)
    with pytest.warns(DetbenchWarning, match=r"d\.parquet: dropped 1 of 3 detections whose class"):
        assert read_parquet_detections(
            tmp_path / "d.parquet", fewer_classes, allow_unknown=True
        ).scores.tolist() == [1, 2]


def test_unknown_names_without_detections_do_not_matter(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(2, 0)
    detections = Detections.from_rows(
        ground_truth, image_index=[0], class_index=[0], scores=[1], boxes=[[0, 0, 1, 1]]
    )
    write_parquet_detections(detections, tmp_path / "d.parquet")
    assert (
        len(
            read_parquet_detections(
                tmp_path / "d.parquet", ground_truth.select_images(np.array([0]))
            )
        )
        == 1
    )


def test_empty_and_inverted_detections_are_warned_about(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(2, 0)
    for boxes, warning in (
        ([], "no detections at all"),
        ([[0, 0, 1, 1], [5, 5, 1, 1]], "1 of 2 boxes are inverted"),
    ):
        zeros = [0] * len(boxes)
        write_parquet_detections(
            Detections.from_rows(
                ground_truth, image_index=zeros, class_index=zeros, scores=zeros, boxes=boxes
            ),
            tmp_path / "d.parquet",
        )
        with pytest.warns(DetbenchWarning, match=rf"d\.parquet: {warning}"):
            assert len(read_parquet_detections(tmp_path / "d.parquet", ground_truth)) == len(boxes)


@pytest.mark.parametrize("image_id", ["1", "000001"])
def test_images_match_by_number_as_in_coco_results(tmp_path: Path, image_id: str) -> None:
    original = GroundTruth.from_rows(
        image_ids=[image_id, "2"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    write_parquet_detections(
        Detections.from_rows(
            original,
            image_index=[0, 1],
            class_index=[0, 0],
            scores=[1, 2],
            boxes=[[0, 0, 1, 1]] * 2,
        ),
        tmp_path / "d.parquet",
    )
    ground_truth = GroundTruth.from_rows(
        image_ids=["0002", "01"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    assert read_parquet_detections(tmp_path / "d.parquet", ground_truth).scores.tolist() == [2, 1]
    mixed = GroundTruth.from_rows(
        image_ids=["0002", "01", "a"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    assert read_parquet_detections(tmp_path / "d.parquet", mixed).offsets.tolist() == [0, 1, 2, 2]
