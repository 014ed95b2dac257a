"""Parquet gives back every bit it was given, aligns itself to a ground truth, and names what is wrong with a file."""

from __future__ import annotations  # noqa: I001

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

from detbench.data.formats.parquet import container
from detbench.data.detections import Detections
from detbench.data.formats.parquet.tables import (
    read_parquet_detections,
    read_parquet_ground_truth,
    read_parquet_header,
    write_parquet_detections,
    write_parquet_ground_truth,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

GROUND_TRUTH_COLUMNS = (
    *(
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
    ),
    *(
        "image_ids",
        "class_names",
        "image_files",
        "image_folder",
        "name",
        "protocol",
        "source",
        "digest",
    ),
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
    truth = make_truth(images, objects if images else 0, seed)
    detections = make_detections(truth, objects + 1 if images else 0, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "_OBJECTS_IN_GROUP", group)
        write_parquet_ground_truth(truth, folder / "truth.parquet")
        write_parquet_detections(detections, folder / "detections.parquet")
    assert_same(read_parquet_ground_truth(folder / "truth.parquet"), truth, GROUND_TRUTH_COLUMNS)
    if images:
        assert_same(
            read_parquet_detections(folder / "detections.parquet", truth),
            detections,
            DETECTION_COLUMNS,
        )


def test_numbers_at_the_edge_of_float64(tmp_path: Path) -> None:
    truth = make_truth(1, 0)
    edge = [5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2]
    detections = Detections.from_rows(
        truth, image_index=[0] * 4, class_index=[0] * 4, scores=edge, boxes=[[0, 0, *edge[:2]]] * 4
    )
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
    assert (header.schema_version, header.kind, header.objects, header.digest) == (
        1,
        "ground_truth",
        5,
        truth.digest,
    )
    assert header.class_names == truth.class_names


def test_reading_and_writing_do_not_load_pandas(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from detbench.data.formats.parquet import tables as parquet\n"
        "truth = parquet.read_parquet_ground_truth(Path(sys.argv[1])); parquet.write_parquet_ground_truth(truth, Path(sys.argv[1]))\n"
        "sys.exit('pandas' in sys.modules)"
    )
    write_parquet_ground_truth(make_truth(3, 5), tmp_path / "t.parquet")
    assert (
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "t.parquet")], check=False
        ).returncode
        == 0
    )


def test_detections_follow_the_order_of_another_ground_truth(tmp_path: Path) -> None:
    truth = make_truth(6, 10)
    detections = make_detections(truth, 50)
    write_parquet_detections(detections, tmp_path / "d.parquet")
    order = np.array([4, 0, 5, 2, 1, 3])
    names = (truth.class_names[2], "more", truth.class_names[0], truth.class_names[1])
    other = GroundTruth.from_rows(
        image_ids=["none", *(truth.image_ids[place] for place in order)],
        class_names=names,
        image_index=[],
        class_index=[],
        boxes=[],
    )
    found = read_parquet_detections(tmp_path / "d.parquet", other)
    assert np.diff(found.offsets).tolist() == [0, *np.diff(detections.offsets)[order].tolist()]
    for place, image in enumerate(order):
        ours = slice(*found.offsets[place + 1 : place + 3])
        theirs = slice(*detections.offsets[image : image + 2])
        for column in ("boxes", "scores", "box_areas", "source_rows"):
            np.testing.assert_array_equal(
                getattr(found, column)[ours], getattr(detections, column)[theirs]
            )
        ours_named = [found.class_names[number] for number in found.class_index[ours]]
        assert ours_named == [
            detections.class_names[number] for number in detections.class_index[theirs]
        ]


def test_unknown_images_and_classes(tmp_path: Path) -> None:
    truth = make_truth(2, 0)
    detections = Detections.from_rows(
        truth,
        image_index=[0, 1, 1],
        class_index=[0, 0, 1],
        scores=[1, 2, 3],
        boxes=[[0, 0, 1, 1]] * 3,
    )
    write_parquet_detections(detections, tmp_path / "d.parquet")
    fewer_images = truth.select_images(np.array([0]))
    with pytest.raises(InputError, match=r"d\.parquet: image 'bild 1' is not in the ground truth"):
        read_parquet_detections(tmp_path / "d.parquet", fewer_images)
    with pytest.warns(DetbenchWarning, match=r"d\.parquet: dropped 2 of 3 detections whose image"):
        assert read_parquet_detections(
            tmp_path / "d.parquet", fewer_images, allow_unknown=True
        ).scores.tolist() == [1]
    fewer_classes = GroundTruth.from_rows(
        image_ids=truth.image_ids, class_names=["Hund"], image_index=[], class_index=[], boxes=[]
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
    truth = make_truth(2, 0)
    detections = Detections.from_rows(
        truth, image_index=[0], class_index=[0], scores=[1], boxes=[[0, 0, 1, 1]]
    )
    write_parquet_detections(detections, tmp_path / "d.parquet")
    assert (
        len(read_parquet_detections(tmp_path / "d.parquet", truth.select_images(np.array([0]))))
        == 1
    )


def test_empty_and_inverted_detections_are_said(tmp_path: Path) -> None:
    truth = make_truth(2, 0)
    for boxes, warning in (
        ([], "no detections at all"),
        ([[0, 0, 1, 1], [5, 5, 1, 1]], "1 of 2 boxes are inverted"),
    ):
        zeros = [0] * len(boxes)
        write_parquet_detections(
            Detections.from_rows(
                truth, image_index=zeros, class_index=zeros, scores=zeros, boxes=boxes
            ),
            tmp_path / "d.parquet",
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
    fails("has more objects than the 4 of its metadata")
    rewritten(path, metadata=text.replace(b'"Hund",', b"").replace(b"[7,", b"["))
    with pytest.raises(
        InputError,
        match=r"t\.parquet, column 'class_index': class_index 2 must lie within 0 and the number of classes, 2",
    ):
        read_parquet_ground_truth(path)
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


def edited(path: Path, **columns: Any) -> None:
    """Write the file again with other columns."""
    table, metadata = pq.read_table(path), pq.read_metadata(path).metadata[b"detbench"]
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"detbench": metadata})


def lists(values: Any, kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.list_(kind))


EDITS: list[tuple[dict[str, Any], str]] = [
    (
        {"score": lists([[1], [2, 3]], pa.float64())},
        "column 'score': has lists of other lengths than column 'class_index'",
    ),
    (
        {"box": lists([[0] * 5, [0] * 7], pa.float64())},
        "column 'box': has lists of other lengths than column 'class_index'",
    ),
    (
        {"class_index": lists([[0, -1], [1]], pa.int32())},
        "column 'class_index': class_index -1 must lie within 0 and .* classes, 3",
    ),
    (
        {"class_index": lists([[0, 1], [3]], pa.int32())},
        "column 'class_index': class_index 3 must lie within 0 and .* classes, 3",
    ),
    (
        {"class_index": lists([[0, 1], [0]], pa.int64())},
        "column 'class_index': is of type list<.*int64.*>, not list<.*int32.*>",
    ),
    ({"score": pa.array([1.0, 2.0])}, "column 'score': is of type double, not list<"),
    ({"score": lists([[1, 2], None], pa.float64())}, "column 'score': has a null"),
    ({"score": lists([[1, None], [2]], pa.float64())}, "column 'score': has a null"),
    ({"image_id": pa.array(["bild 1", "bild 1"])}, "column 'image_id': 'bild 1' is there twice"),
    ({"image_id": pa.array(["bild 1", None])}, "column 'image_id': has a null"),
    ({"image_id": pa.array([1, 2])}, "column 'image_id': is of type int64, not string"),
]


@pytest.mark.parametrize(("columns", "message"), EDITS)
@pytest.mark.parametrize("other_order", [False, True])
def test_edited_columns_are_named(
    tmp_path: Path, columns: dict[str, Any], message: str, other_order: bool
) -> None:
    truth, path = make_truth(2, 0), tmp_path / "d.parquet"
    write_parquet_detections(
        Detections.from_rows(
            truth,
            image_index=[0, 0, 1],
            class_index=[0, 1, 0],
            scores=[1, 2, 3],
            boxes=[[0, 0, 1, 1]] * 3,
        ),
        path,
    )
    names = truth.class_names[::-1] if other_order else truth.class_names
    truth = GroundTruth.from_rows(
        image_ids=truth.image_ids, class_names=names, image_index=[], class_index=[], boxes=[]
    )
    assert len(read_parquet_detections(path, truth)) == 3
    edited(path, **columns)
    with pytest.raises(InputError, match=rf"d\.parquet, {message}"):
        read_parquet_detections(path, truth)


def test_edited_ground_truth_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for column, values in (("file_name", ["a", None]), ("width", [1.0, None])):
        write_parquet_ground_truth(make_truth(2, 3), path)
        edited(path, **{column: pa.array(values)})
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
        (b'"Hund"', b'"class"', ", class_names of its metadata: 'class' is there twice"),
        (b"[7,9", b"[9,9", ", category_ids of its metadata: 9 is there twice"),
        (b"[7,9", b"[9", ": its metadata has 2 category_ids for 3 class_names"),
        (b"[7,9", b"[7,99999999999999999999", ": its metadata is not detbench's"),
        (b"Hund", b"H\xffnd", ": its metadata is not detbench's"),
    ],
)
def test_edited_metadata_is_named(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(make_truth(3, 5), path)
    text = pq.read_metadata(path).metadata[b"detbench"]
    assert old in text
    rewritten(path, metadata=text.replace(old, new))
    with pytest.raises(InputError, match=rf"t\.parquet{message}"):
        read_parquet_ground_truth(path)


def test_damaged_bytes_are_never_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(make_truth(3, 5), path)
    good, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(4, len(good) - 8, 400).tolist():
        damaged = bytearray(good)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            read_parquet_ground_truth(path)
        except InputError as error:
            refused += "t.parquet" in str(error)
    assert refused > 50


def test_names_of_images_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet_ground_truth(make_truth(2, 3), path)
    path.write_bytes(path.read_bytes().replace(b"bild 1", b"bild \xff"))
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as Parquet: .*utf-8"):
        read_parquet_ground_truth(path)


def test_more_numbers_than_lists_can_count_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_MOST_NUMBERS", 19)
    with pytest.raises(
        InputError, match=r"t\.parquet: 20 numbers of column 'box' are more than the 19"
    ):
        write_parquet_ground_truth(make_truth(2, 5), tmp_path / "t.parquet")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("found", ["1", "000001"])
def test_images_match_by_number_as_in_coco_results(tmp_path: Path, found: str) -> None:
    made = GroundTruth.from_rows(
        image_ids=[found, "2"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    write_parquet_detections(
        Detections.from_rows(
            made, image_index=[0, 1], class_index=[0, 0], scores=[1, 2], boxes=[[0, 0, 1, 1]] * 2
        ),
        tmp_path / "d.parquet",
    )
    truth = GroundTruth.from_rows(
        image_ids=["0002", "01"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    assert read_parquet_detections(tmp_path / "d.parquet", truth).scores.tolist() == [2, 1]
    text_only = GroundTruth.from_rows(
        image_ids=["0002", "01", "a"], class_names=["cat"], image_index=[], class_index=[], boxes=[]
    )
    with pytest.raises(InputError, match="is not in the ground truth"):
        read_parquet_detections(tmp_path / "d.parquet", text_only)
