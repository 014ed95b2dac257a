"""Compare libraries that read COCO files, and Parquet layouts; prints tables of docs/reading.md.

    python tests/benchmarks/workload.py DIR     # writes the files
    python tests/benchmarks/readers.py DIR      # prints the tables

Each reader runs in a process of its own: first run, best of five more in the same process, peak
memory. pyarrow reads only JSON lines, so the list is rewritten first; that time counts, and so does
any conversion to numpy columns.
"""

from __future__ import annotations

import functools
import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Columns = tuple[Any, Any]


def duckdb_results(path: Path) -> Columns:
    import duckdb

    from detbench.data.formats.parsing.arrow import list_values, to_numpy

    columns = "{image_id: 'DOUBLE', category_id: 'DOUBLE', bbox: 'DOUBLE[4]', score: 'DOUBLE'}"
    table = duckdb.sql(
        f"SELECT * FROM read_json('{path}', format = 'array', columns = {columns})"  # noqa: S608
    ).to_arrow_table()
    boxes = np.concatenate([list_values(chunk) for chunk in table["bbox"].chunks])
    return boxes.reshape(-1, 4), np.concatenate(
        [to_numpy(chunk) for chunk in table["score"].chunks]
    )


def msgspec_results(path: Path) -> Columns:
    import msgspec

    row = msgspec.defstruct(
        "row",
        [
            ("image_id", int),
            ("category_id", int),
            ("bbox", tuple[float, float, float, float]),
            ("score", float),
        ],
        gc=False,
    )
    rows: Any = msgspec.json.decode(path.read_bytes(), type=list[row])  # type: ignore[valid-type]
    return np.array([row.bbox for row in rows]), np.array([row.score for row in rows])


def polars_results(path: Path) -> Columns:
    import polars

    schema = {
        "image_id": polars.Int64,
        "category_id": polars.Int32,
        "bbox": polars.List(polars.Float64),
        "score": polars.Float64,
    }
    table = polars.read_json(path, schema=schema)
    return table["bbox"].explode().to_numpy().reshape(-1, 4), table["score"].to_numpy()


def pyarrow_results(path: Path) -> Columns:
    import pyarrow as pa
    from pyarrow import json as arrow_json

    fields = [
        ("image_id", pa.int64()),
        ("category_id", pa.int32()),
        ("bbox", pa.list_(pa.float64())),
        ("score", pa.float64()),
    ]
    lines = path.read_bytes().strip()[1:-1].replace(b"},{", b"}\n{")
    table = arrow_json.read_json(
        pa.BufferReader(lines),
        parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema(fields)),
    )
    return table["bbox"].combine_chunks().flatten().to_numpy().reshape(-1, 4), table[
        "score"
    ].to_numpy()


def orjson_results(path: Path) -> Columns:
    import orjson

    rows = orjson.loads(path.read_bytes())
    return np.fromiter(itertools.chain.from_iterable(row["bbox"] for row in rows), float), np.array(
        [row["score"] for row in rows]
    )


def json_results(path: Path) -> Columns:
    rows = json.loads(path.read_bytes())
    return np.array([row["bbox"] for row in rows]), np.array([row["score"] for row in rows])


@functools.cache
def _ground_truth(path: Path) -> Any:
    from detbench.data.formats.coco.annotations import read_coco

    return read_coco(path)


def detbench_results(path: Path) -> Columns:
    from detbench.data.formats.coco.results import read_coco_results

    detections = read_coco_results(path, _ground_truth(path.with_name("annotations.json")))
    return detections.boxes, detections.scores


def msgspec_annotations(path: Path) -> Columns:
    from detbench.data.formats.coco.annotations import read_coco

    ground_truth = read_coco(path.with_name("annotations.json"))
    return ground_truth.boxes, ground_truth.areas


def json_annotations(path: Path) -> Columns:
    rows = json.loads(path.with_name("annotations.json").read_bytes())["annotations"]
    return np.array([row["bbox"] for row in rows]), np.array([row["area"] for row in rows])


def duckdb_annotations(path: Path) -> Columns:
    import duckdb

    row = (
        "STRUCT(id BIGINT, image_id BIGINT, category_id BIGINT, "
        "bbox DOUBLE[4], area DOUBLE, iscrowd INTEGER)[]"
    )
    source = (
        f"read_json('{path.with_name('annotations.json')}', "
        f"columns = {{annotations: '{row}'}}, maximum_object_size = 1000000000)"
    )
    table = duckdb.sql(
        f"SELECT r.bbox, r.area FROM (SELECT unnest(annotations) AS r FROM {source})"  # noqa: S608
    ).to_arrow_table()
    return table.column(0).combine_chunks().values, table.column(1)


def detbench_parquet(path: Path) -> Columns:
    from detbench.data.formats.parquet.tables import (
        read_parquet_detections,
        read_parquet_ground_truth,
    )

    ground_truth = read_parquet_ground_truth(path.with_name("ground_truth.parquet"))
    detections = read_parquet_detections(path.with_name("detections.parquet"), ground_truth)
    return detections.boxes, detections.scores


READERS: dict[str, Callable[[Path], Columns]] = {
    "results: duckdb": duckdb_results,
    "results: msgspec": msgspec_results,
    "results: pyarrow, as lines": pyarrow_results,
    "results: polars": polars_results,
    "results: orjson": orjson_results,
    "results: json": json_results,
    "results: detbench": detbench_results,
    "annotations: msgspec (detbench)": msgspec_annotations,
    "annotations: duckdb": duckdb_annotations,
    "annotations: json": json_annotations,
    "both from Parquet: detbench": detbench_parquet,
}


def layouts(folder: Path) -> dict[str, Any]:
    """Return the detections as Arrow tables: three ways to put boxes into lists."""
    import pyarrow as pa

    from detbench.data.load import load_detections, load_ground_truth

    detections = load_detections(
        folder / "results.json", load_ground_truth(folder / "annotations.json")
    )

    def lists(values: Any, width: int = 1) -> Any:
        return pa.ListArray.from_arrays(
            pa.array((detections.offsets * width).astype(np.int32)), pa.array(values)
        )

    scalars = {
        "class_index": lists(detections.class_index),
        "score": lists(detections.scores),
        "box_area": lists(detections.box_areas),
    }
    flat = detections.boxes.reshape(-1)
    sides = {
        side: lists(np.ascontiguousarray(detections.boxes[:, number]))
        for number, side in enumerate(("x1", "y1", "x2", "y2"))
    }
    return {
        "4 numbers per box in one list": pa.table({**scalars, "box": lists(flat, 4)}),
        "one list per side": pa.table({**scalars, **sides}),
        "list of fixed-size lists": pa.table(
            {**scalars, "box": lists(pa.FixedSizeListArray.from_arrays(pa.array(flat), 4))}
        ),
    }


def measure_layouts(folder: Path) -> None:
    """Print the size of each layout and compression, and the best of ten times to read it."""
    import pyarrow as pa
    from pyarrow import parquet

    pa.set_cpu_count(2)
    file = folder / "layout.parquet"
    print(f"{'layout':32}{'compression':14}{'MB':>6}{'ms':>8}")
    for (name, table), compression in itertools.product(
        layouts(folder).items(), ("none", "lz4", "zstd")
    ):
        parquet.write_table(
            table, file, compression=compression, use_dictionary=False, write_statistics=False
        )
        best = min(_seconds(lambda: _read_layout(file)) for _ in range(10))
        print(f"{name:32}{compression:14}{file.stat().st_size / 1e6:6.1f}{best * 1e3:8.1f}")
    file.unlink()


def _read_layout(file: Path) -> Any:
    from pyarrow import parquet

    columns = {}
    for name, column in zip(
        (table := parquet.ParquetFile(file).read()).column_names, table.columns, strict=True
    ):
        values = column.combine_chunks().values
        columns[name] = np.from_dlpack(values.values if hasattr(values, "values") else values)
    return (
        columns["box"].reshape(-1, 4)
        if "box" in columns
        else np.stack([columns[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
    )


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _write_parquet(path: Path) -> None:
    from detbench.data.load import (
        load_detections,
        load_ground_truth,
        save_detections,
        save_ground_truth,
    )

    ground_truth = load_ground_truth(path.with_name("annotations.json"))
    save_ground_truth(ground_truth, path.with_name("ground_truth.parquet"))
    save_detections(
        load_detections(path, ground_truth), ground_truth, path.with_name("detections.parquet")
    )


def _measure(name: str, path: Path) -> None:
    times = [_seconds(lambda: READERS[name](path)) for _ in range(6)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:34}{times[0] * 1e3:9.0f}{min(times[1:]) * 1e3:9.0f}{peak:9.0f}")


if __name__ == "__main__":
    folder, step = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    if step == "write":
        _write_parquet(folder / "results.json")
    elif step == "layouts":
        measure_layouts(folder)
    elif step:
        _measure(step, folder / "results.json")
    else:
        print(f"{'reader':34}{'first ms':>9}{'best ms':>9}{'peak MB':>9}", flush=True)
        for each in ("write", *READERS, "layouts"):
            subprocess.run([sys.executable, __file__, str(folder), each], check=False)
