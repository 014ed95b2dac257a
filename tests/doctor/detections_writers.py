"""Writers of detections in files of every format; see `truth_writers`."""

from __future__ import annotations

import json
from pathlib import Path

from detbench.data.detections import Detections
from detbench.data.load import save_detections
from tests.doctor.file_parts import (
    Writer,
    by_image,
    class_number,
    columns,
    kitti_line,
    line,
    number_or_text,
    save_quietly,
    truth_of,
    write_frames,
    write_table,
    write_text,
)
from tests.doctor.written_pairs import WrittenPair


def write_coco_results(pair: WrittenPair, path: Path) -> Path:
    rows = [
        {
            "image_id": number_or_text(row.image),
            "category_id": class_number(pair, row) + 1,
            "bbox": row.box,
            "score": row.score,
        }
        for row in pair.detections
    ]
    return write_text(path.with_suffix(".json"), json.dumps(rows))


def write_voc_results(pair: WrittenPair, path: Path) -> Path:
    lines: dict[str, list[str]] = {name: [] for name in pair.class_names}
    for row in pair.detections:
        lines.setdefault(row.category, []).append(line(row.image, row.score, *row.box))
    for name, texts in lines.items():
        write_text(path / f"comp4_det_test_{name}.txt", "".join(texts))
    return path


def write_yolo_results(pair: WrittenPair, path: Path) -> Path:
    path.mkdir(parents=True)
    for image, rows in by_image(pair.detections).items():
        lines = [line(class_number(pair, row), *row.box, row.score) for row in rows]
        write_text(path / f"{image}.txt", "".join(lines))
    return path


def write_class_text_results(pair: WrittenPair, path: Path) -> Path:
    for image, rows in by_image(pair.detections).items():
        lines = [line(row.category, row.score, *row.box) for row in rows]
        write_text(path / f"{image}.txt", "".join(lines))
    return path


def write_csv_results(pair: WrittenPair, path: Path) -> Path:
    header = ["filename", "class", "xmin", "ymin", "xmax", "ymax", "score"]
    rows = [[pair.file_of(r.image), r.category, *r.box, r.score] for r in pair.detections]
    return write_table(path.with_suffix(".csv"), [header, *rows])


def write_kitti_results(pair: WrittenPair, path: Path) -> Path:
    for image, rows in by_image(pair.detections).items():
        lines = [kitti_line(row, row.score) for row in rows]
        write_text(path / f"{image}.txt", "".join(lines))
    return path


def write_bdd100k_results(pair: WrittenPair, path: Path) -> Path:
    return write_frames(pair, pair.detections, path)


def write_parquet_results(pair: WrittenPair, path: Path) -> Path:
    path, ground_truth = path.with_suffix(".parquet"), truth_of(pair)
    detections = Detections.from_rows(
        ground_truth,
        scores=[row.score for row in pair.detections],
        **columns(pair.detections, pair),
    )
    save_quietly(save_detections, detections, ground_truth, path)
    return path


DETECTIONS_WRITERS: dict[str, Writer] = {
    "coco": write_coco_results,
    "voc": write_voc_results,
    "yolo": write_yolo_results,
    "parquet": write_parquet_results,
    "class text": write_class_text_results,
    "csv": write_csv_results,
    "kitti": write_kitti_results,
    "bdd100k": write_bdd100k_results,
}
