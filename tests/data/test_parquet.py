"""Parquet gives back every bit it was given, aligns itself to a ground truth, and names what is wrong with a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data import parquet_file
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.parquet import (
    read_parquet_detections,
    read_parquet_ground_truth,
    read_parquet_header,
    write_parquet_detections,
    write_parquet_ground_truth,
)
from detbench.errors import DetbenchWarning, InputError

GROUND_TRUTH_COLUMNS = (
    *("offsets", "class_index", "boxes", "box_areas", "areas", "iscrowd", "difficult", "truncated", "category_ids", "image_sizes"),
    *("image_ids", "class_names", "image_files", "image_folder", "name", "protocol", "source", "digest"),
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


def make_truth(images: int, objects: int, seed: int = 0) -> GroundTruth:
    rng = np.random.default_rng(seed)
    sizes = rng.random((images, 2))
    sizes[::2] = np.nan
    return GroundTruth.from_rows(
        image_ids=[f"bild {number}" for number in range(images)],
        class_names=["Hund", "Kätzchen", "class"],
        image_index=rng.integers(0, max(images, 1), objects),
        class_index=rng.integers(0, 3, objects),
        boxes=rng.normal(size=(objects, 4)),
        box_areas=rng.random(objects),
        areas=rng.random(objects),
        iscrowd=rng.random(objects) < 0.5,
        difficult=rng.random(objects) < 0.5,
        truncated=rng.random(objects) < 0.5,
        category_ids=[7, 9, 90],
        image_sizes=sizes,
        image_files=[f"{number}.jpg" if number % 3 else "" for number in range(images)],
        image_folder=Path("pictures"),
        name="a set",
        protocol="voc2007",
        source="made",
    )


def make_detections(truth: GroundTruth, rows: int, seed: int = 0) -> Detections:
    rng = np.random.default_rng(seed)
    boxes = rng.random((rows, 4))
    boxes[:, 2:] += boxes[:, :2]
    return Detections.from_rows(
        truth,
        image_index=rng.integers(0, max(len(truth.image_ids), 1), rows),
        class_index=rng.integers(0, 3, rows),
        scores=rng.normal(size=rows),
        boxes=boxes,
        box_areas=rng.random(rows),
        name="a detector",
        source="made",
    )


def assert_same(one: object, other: object, columns: tuple[str, ...]) -> None:
    for column in columns:
        left, right = getattr(one, column), getattr(other, column)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, column
            np.testing.assert_array_equal(left, right, err_msg=column)
        else:
            assert left == right, column


@given(images=st.integers(0, 12), objects=st.integers(0, 40), seed=st.integers(0, 99), group=st.sampled_from([1, 7, 1000]))
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, images: int, objects: int, seed: int, group: int) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    truth = make_truth(images, objects if images else 0, seed)
    detections = make_detections(truth, objects + 1 if images else 0, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_file, "_OBJECTS_IN_GROUP", group)
        write_parquet_ground_truth(truth, folder / "truth.parquet")
        write_parquet_detections(detections, folder / "detections.parquet")
    assert_same(read_parquet_ground_truth(folder / "truth.parquet"), truth, GROUND_TRUTH_COLUMNS)
    if images:
        assert_same(read_parquet_detections(folder / "detections.parquet", truth), detections, DETECTION_COLUMNS)


def test_numbers_at_the_edge_of_float64(tmp_path: Path) -> None:
    truth = make_truth(1, 0)
    edge = [5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2]
    detections = Detections.from_rows(truth, image_index=[0] * 4, class_index=[0] * 4, scores=edge, boxes=[[0, 0, *edge[:2]]] * 4)
    write_parquet_detections(detections, tmp_path / "d.parquet")
    again = read_parquet_detections(tmp_path / "d.parquet", truth)
    assert again.scores.tobytes() == detections.scores.tobytes()
    assert again.boxes.tobytes() == detections.boxes.tobytes()


def test_one_row_per_image_readable_by_any_tool(tmp_path: Path) -> None:
    truth = make_truth(5, 9)
    write_parquet_ground_truth(truth, tmp_path / "t.parquet")
    rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert [row["image_id"] for row in rows] == list(truth.image_ids)
    assert [len(row["class_index"]) for row in rows] == np.diff(truth.offsets).tolist()
    assert [number for row in rows for number in row["box"]] == truth.boxes.reshape(-1).tolist()


def test_header_is_there_without_reading_rows(tmp_path: Path) -> None:
    truth = make_truth(3, 5)
    write_parquet_ground_truth(truth, tmp_path / "t.parquet")
    header = read_parquet_header(tmp_path / "t.parquet")
    assert (header.schema_version, header.kind, header.objects, header.digest) == (1, "ground_truth", 5, truth.digest)
    assert header.class_names == truth.class_names


def test_reading_and_writing_do_not_load_pandas(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from detbench.data import parquet\n"
        "truth = parquet.read_parquet_ground_truth(Path(sys.argv[1])); parquet.write_parquet_ground_truth(truth, Path(sys.argv[1]))\n"
        "sys.exit('pandas' in sys.modules)"
    )
    write_parquet_ground_truth(make_truth(3, 5), tmp_path / "t.parquet")
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path / "t.parquet")], check=False).returncode == 0


def test_detections_follow_the_order_of_another_ground_truth(tmp_path: Path) -> None:
    truth = make_truth(6, 10)
    detections = make_detections(truth, 50)
    write_parquet_detections(detections, tmp_path / "d.parquet")
    order = np.array([4, 0, 5, 2, 1, 3])
    names = (truth.class_names[2], "more", truth.class_names[0], truth.class_names[1])
    other = GroundTruth.from_rows(
        image_ids=["none", *(truth.image_ids[place] for place in order)], class_names=names, image_index=[], class_index=[], boxes=[]
    )
    found = read_parquet_detections(tmp_path / "d.parquet", other)
    assert np.diff(found.offsets).tolist() == [0, *np.diff(detections.offsets)[order].tolist()]
    for place, image in enumerate(order):
        ours = slice(*found.offsets[place + 1 : place + 3])
        theirs = slice(*detections.offsets[image : image + 2])
        for column in ("boxes", "scores", "box_areas", "source_rows"):
            np.testing.assert_array_equal(getattr(found, column)[ours], getattr(detections, column)[theirs])
        ours_named = [found.class_names[number] for number in found.class_index[ours]]
        assert ours_named == [detections.class_names[number] for number in detections.class_index[theirs]]


def test_unknown_images_and_classes(tmp_path: Path) -> None:
    truth = make_truth(2, 0)
    detections = Detections.from_rows(truth, image_index=[0, 1, 1], class_index=[0, 0, 1], scores=[1, 2, 3], boxes=[[0, 0, 1, 1]] * 3)
    write_parquet_detections(detections, tmp_path / "d.parquet")
    fewer_images = truth.select_images(np.array([0]))
    with pytest.raises(InputError, match=r"d\.parquet: image 'bild 1' is not in the ground truth"):
        read_parquet_detections(tmp_path / "d.parquet", fewer_images)
    with pytest.warns(DetbenchWarning, match=r"d\.parquet: dropped 2 of 3 detections whose image"):
        assert read_parquet_detections(tmp_path / "d.parquet", fewer_images, allow_unknown=True).scores.tolist() == [1]
    fewer_classes = GroundTruth.from_rows(image_ids=truth.image_ids, class_names=["Hund"], image_index=[], class_index=[], boxes=[])
    with pytest.raises(InputError, match=r"d\.parquet: class 'Kätzchen' is not in the ground truth"):
        read_parquet_detections(tmp_path / "d.parquet", fewer_classes)
    with pytest.warns(DetbenchWarning, match=r"d\.parquet: dropped 1 of 3 detections whose class"):
        assert read_parquet_detections(tmp_path / "d.parquet", fewer_classes, allow_unknown=True).scores.tolist() == [1, 2]


def test_unknown_names_without_detections_do_not_matter(tmp_path: Path) -> None:
    truth = make_truth(2, 0)
    detections = Detections.from_rows(truth, image_index=[0], class_index=[0], scores=[1], boxes=[[0, 0, 1, 1]])
    write_parquet_detections(detections, tmp_path / "d.parquet")
    assert len(read_parquet_detections(tmp_path / "d.parquet", truth.select_images(np.array([0])))) == 1


def test_empty_and_inverted_detections_are_said(tmp_path: Path) -> None:
    truth = make_truth(2, 0)
    for boxes, warning in (([], "no detections at all"), ([[0, 0, 1, 1], [5, 5, 1, 1]], "1 of 2 boxes are inverted")):
        zeros = [0] * len(boxes)
        write_parquet_detections(
            Detections.from_rows(truth, image_index=zeros, class_index=zeros, scores=zeros, boxes=boxes), tmp_path / "d.parquet"
        )
        with pytest.warns(DetbenchWarning, match=rf"d\.parquet: {warning}"):
            assert len(read_parquet_detections(tmp_path / "d.parquet", truth)) == len(boxes)


def rewritten(path: Path, *, metadata: Any = None, drop: str = "") -> None:
    """Write the file's rows again with another metadata text or without a column."""
    table = pq.read_table(path)
    text = pq.read_metadata(path).metadata[b"detbench"] if metadata is None else metadata
    table = table.drop_columns([drop]) if drop else table
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        if text:
            writer.add_key_value_metadata({b"detbench": text})


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    truth, path = make_truth(3, 5), tmp_path / "t.parquet"

    def fails(message: str) -> None:
        with pytest.raises(InputError, match=rf"t\.parquet: {message}"):
            read_parquet_ground_truth(path)

    fails("cannot be read as Parquet: .*")
    path.write_text("image_id,box\n")
    fails("cannot be read as Parquet: .*; if it was cut off, copy or write it again")
    pq.write_table(pa.table({"a": [1]}), path)
    fails("is Parquet, but was not written by detbench")
    write_parquet_ground_truth(truth, path)
    path.write_bytes(path.read_bytes()[:-100])
    fails("cannot be read as Parquet: .*; if it was cut off")
    write_parquet_ground_truth(truth, path)
    rewritten(path, metadata=b'{"schema_version": 2, "unheard": 1}')
    fails("has schema version 2, of a newer detbench; this one reads up to 1; update detbench")
    write_parquet_ground_truth(truth, path)
    rewritten(path, metadata=b'{"schema_version": 1}')
    fails("its metadata is not detbench's: .*`kind`")
    write_parquet_ground_truth(truth, path)
    text = pq.read_metadata(path).metadata[b"detbench"]
    rewritten(path, metadata=text.replace(b'"objects":5', b'"objects":6'))
    fails("has fewer objects than the 6 of its metadata")
    rewritten(path, metadata=text.replace(b'"objects":5', b'"objects":4'))
    fails("column 'class_index' is not what the metadata says")
    rewritten(path, metadata=text.replace(b'"Hund",', b"").replace(b"[7,", b"["))
    fails("class_index must lie within 0 and the number of classes")
    rewritten(path, metadata=text, drop="area")
    fails("has no column 'area'")
    rewritten(path, drop="image_id")
    fails("has no column 'image_id'")


def test_kinds_are_not_mixed_up(tmp_path: Path) -> None:
    truth = make_truth(3, 5)
    write_parquet_ground_truth(truth, tmp_path / "t.parquet")
    write_parquet_detections(make_detections(truth, 5), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: holds detections, not ground truth"):
        read_parquet_ground_truth(tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"t\.parquet: holds ground truth, not detections"):
        read_parquet_detections(tmp_path / "t.parquet", truth)
