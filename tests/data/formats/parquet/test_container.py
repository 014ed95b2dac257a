"""Parquet files of others, of newer versions, and damaged or edited ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detbench.data.detections import Detections
from detbench.data.formats.parquet.tables import (
    read_parquet_detections,
    read_parquet_ground_truth,
    write_parquet_detections,
    write_parquet_ground_truth,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError
from tests.data.formats.parquet.random_data import random_detections, random_ground_truth


def rewrite(path: Path, *, metadata: Any = None, drop: str = "") -> None:
    """Write the file's rows again with another metadata text or without a column."""
    table = pq.read_table(path)
    text = pq.read_metadata(path).metadata[b"detbench"] if metadata is None else metadata
    table = table.drop_columns([drop]) if drop else table
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        if text:
            writer.add_key_value_metadata({b"detbench": text})


def replace_columns(path: Path, **columns: Any) -> None:
    """Write the file again with other columns."""
    table, metadata = pq.read_table(path), pq.read_metadata(path).metadata[b"detbench"]
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"detbench": metadata})


def lists(values: Any, kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.list_(kind))


def test_files_of_other_programs_and_versions_are_refused(tmp_path: Path) -> None:
    ground_truth, path = random_ground_truth(3, 5), tmp_path / "t.parquet"

    def fails(message: str) -> None:
        with pytest.raises(InputError, match=rf"t\.parquet: {message}"):
            read_parquet_ground_truth(path)

    fails("cannot be read as Parquet: .*")
    path.write_text("image_id,box\n")
    fails("cannot be read as Parquet: .*; if it was cut off, copy or write it again")
    pq.write_table(pa.table({"a": [1]}), path)
    fails("is Parquet, but was not written by detbench")
    write_parquet_ground_truth(ground_truth, path)
    path.write_bytes(path.read_bytes()[:-100])
    fails("cannot be read as Parquet: .*; if it was cut off")
    write_parquet_ground_truth(ground_truth, path)
    rewrite(path, metadata=b'{"schema_version": 2, "unheard": 1}')
    fails(
        "has schema version 2, but this detbench reads versions up to 1; install a newer detbench"
    )
    write_parquet_ground_truth(ground_truth, path)
    rewrite(path, metadata=b'{"kind": "ground_truth"}')
    fails("has no schema version")
    write_parquet_ground_truth(ground_truth, path)
    rewrite(path, metadata=b'{"schema_version": 1}')
    fails("its metadata is not detbench's: .*`kind`")
    write_parquet_ground_truth(ground_truth, path)
    text = pq.read_metadata(path).metadata[b"detbench"]
    rewrite(path, metadata=text.replace(b'"objects":5', b'"objects":6'))
    fails("has fewer objects than the 6 of its metadata")
    rewrite(path, metadata=text.replace(b'"objects":5', b'"objects":4'))
    fails("has more objects than the 4 of its metadata")
    rewrite(path, metadata=text.replace(b'"Hund",', b"").replace(b"[7,", b"["))
    with pytest.raises(
        InputError,
        match=r"t\.parquet, column 'class_index': class_index 2 must be at least 0 and less than 2",
    ):
        read_parquet_ground_truth(path)
    rewrite(path, metadata=text, drop="area")
    fails("has no column 'area'")
    rewrite(path, drop="image_id")
    fails("has no column 'image_id'")


def test_the_other_kind_is_refused(tmp_path: Path) -> None:
    ground_truth = random_ground_truth(3, 5)
    write_parquet_ground_truth(ground_truth, tmp_path / "t.parquet")
    write_parquet_detections(random_detections(ground_truth, 5), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: holds detections, expected ground truth"):
        read_parquet_ground_truth(tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"t\.parquet: holds ground truth, expected detections"):
        read_parquet_detections(tmp_path / "t.parquet", ground_truth)


EDITS: list[tuple[dict[str, Any], str]] = [
    (
        {"score": lists([[1], [2, 3]], pa.float64())},
        "column 'score': its lists differ in length from the other columns",
    ),
    (
        {"box": lists([[0] * 5, [0] * 7], pa.float64())},
        "column 'box': its lists differ in length from the other columns",
    ),
    (
        {"class_index": lists([[0, -1], [1]], pa.int32())},
        "column 'class_index': class_index -1 must be at least 0 and less than 3",
    ),
    (
        {"class_index": lists([[0, 1], [3]], pa.int32())},
        "column 'class_index': class_index 3 must be at least 0 and less than 3",
    ),
    (
        {"class_index": lists([[0, 1], [0]], pa.int64())},
        "column 'class_index': has type list<.*int64.*>, expected list<.*int32.*>",
    ),
    ({"score": pa.array([1.0, 2.0])}, "column 'score': has type double, expected list<"),
    ({"score": lists([[1, 2], None], pa.float64())}, "column 'score': has a null"),
    ({"score": lists([[1, None], [2]], pa.float64())}, "column 'score': has a null"),
    ({"image_id": pa.array(["bild 1", "bild 1"])}, "column 'image_id': 'bild 1' occurs twice"),
    ({"image_id": pa.array(["bild 1", None])}, "column 'image_id': has a null"),
    ({"image_id": pa.array([1, 2])}, "column 'image_id': has type int64, expected string"),
]


@pytest.mark.parametrize(("columns", "message"), EDITS)
@pytest.mark.parametrize("other_order", [False, True])
def test_replaced_columns_are_located(
    tmp_path: Path, columns: dict[str, Any], message: str, other_order: bool
) -> None:
    ground_truth, path = random_ground_truth(2, 0), tmp_path / "d.parquet"
    write_parquet_detections(
        Detections.from_rows(
            ground_truth,
            image_index=[0, 0, 1],
            class_index=[0, 1, 0],
            scores=[1, 2, 3],
            boxes=[[0, 0, 1, 1]] * 3,
        ),
        path,
    )
    names = ground_truth.class_names[::-1] if other_order else ground_truth.class_names
    ground_truth = GroundTruth.from_rows(
        image_ids=ground_truth.image_ids,
        class_names=names,
        image_index=[],
        class_index=[],
        boxes=[],
    )
    assert len(read_parquet_detections(path, ground_truth)) == 3
    replace_columns(path, **columns)
    with pytest.raises(InputError, match=rf"d\.parquet, {message}"):
        read_parquet_detections(path, ground_truth)


def test_replaced_columns_of_ground_truth_are_located(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for column, values in (("file_name", ["a", None]), ("width", [1.0, None])):
        write_parquet_ground_truth(random_ground_truth(2, 3), path)
        replace_columns(path, **{column: pa.array(values)})
        with pytest.raises(InputError, match=rf"t\.parquet, column '{column}': has a null"):
            read_parquet_ground_truth(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"objects":5', b'"objects":-1', r": its metadata is not detbench's: .*>= 0"),
        (
            b'"objects":5',
            b'"objects":1000000000000000',
            ": has fewer objects than the 1,000,000,000,000,000 of its metadata",
        ),
        (b'"Hund"', b'"class"', ", class_names of its metadata: 'class' occurs twice"),
        (b"[7,9", b"[9,9", ", category_ids of its metadata: 9 occurs twice"),
        (b"[7,9", b"[9", ": its metadata has 2 category_ids for 3 class_names"),
        (b"[7,9", b"[7,99999999999999999999", ": its metadata is not detbench's"),
        (b"Hund", b"H\xffnd", ": its metadata is not detbench's"),
    ],
)
def test_edited_metadata_is_refused(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(random_ground_truth(3, 5), path)
    text = pq.read_metadata(path).metadata[b"detbench"]
    assert old in text
    rewrite(path, metadata=text.replace(old, new))
    with pytest.raises(InputError, match=rf"t\.parquet{message}"):
        read_parquet_ground_truth(path)


def test_damaged_bytes_are_never_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(random_ground_truth(3, 5), path)
    good, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for byte in rng.integers(4, len(good) - 8, 400).tolist():
        damaged = bytearray(good)
        damaged[byte] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            read_parquet_ground_truth(path)
        except InputError as error:
            refused += "t.parquet" in str(error)
    assert refused > 50


def test_image_ids_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(random_ground_truth(2, 3), path)
    path.write_bytes(path.read_bytes().replace(b"bild 1", b"bild \xff"))
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as Parquet: .*utf-8"):
        read_parquet_ground_truth(path)


def test_a_column_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detbench.data.formats.parquet.writer._MAX_NUMBERS", 19)
    with pytest.raises(
        InputError, match=r"t\.parquet: column 'box' has 20 numbers, but a file can hold 19"
    ):
        write_parquet_ground_truth(random_ground_truth(2, 5), tmp_path / "t.parquet")
    assert not any(tmp_path.iterdir())
