"""Parts of a file in another format or unit than the rest: named, fixed, and never guessed."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from tests.doctor.planting import (
    average_precision,
    copy_lines,
    faults,
    ids,
    plant,
    read_json,
    run_fix,
    run_only_fix,
    write_pair,
)
from tests.experiments.coco_pair import Mistake


@pytest.fixture(scope="module")
def true_precision(dataset):
    return average_precision(dataset / "truth.json", dataset / "found.json")


def fractions(x, y, w, h, width, height):
    return [x / width, y / height, w / width, h / height]


def corners(x, y, w, h, *_):
    return [x, y, x + w, y + h]


def swapped(x, y, w, h, *_):
    return [y, x, h, w]


def spoil(condition, change):
    """Return a mistake in the boxes of the rows for which a condition holds."""

    def change_rows(pair):
        sizes = pair.sizes
        for row in pair.detections:
            if condition(row):
                row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return Mistake("mixed", "mixed", "box-format-mixed", change_rows)


def of_class(number):
    return lambda row: row["category_id"] == number


def of_every_third_image(row):
    return row["image_id"] % 3 == 0


def in_the_first_images(count):
    return lambda row: row["image_id"] <= 200_000 + count


@pytest.mark.parametrize(
    ("condition", "change", "part"),
    [
        (of_every_third_image, fractions, "20 images"),
        (of_class(1), fractions, "all of circle"),
        (of_class(1), swapped, "class circle"),
        (of_class(2), corners, "class square"),
        (in_the_first_images(18), corners, "of 60 images ("),
        (in_the_first_images(42), corners, "of 60 images ("),
        (in_the_first_images(30), swapped, "of 60 images ("),
    ],
    ids=[
        "fractions in a third of the images",
        "fractions in a class",
        "x and y swapped in a class",
        "corners in a class",
        "corners in the first images",
        "corners in most images",
        "x and y swapped in the first half",
    ],
)
def test_a_part_of_coco_results(
    dataset, tmp_path, command, true_precision, condition, change, part
):
    files = plant(dataset, tmp_path, spoil(condition, change))
    [finding] = files.faults
    assert (finding.id, finding.severity) == ("box-format-mixed", "error")
    assert part in finding.evidence
    target, _ = run_only_fix(command, files.faults)
    assert faults(files.ground_truth, target) == []
    fixed_precision = average_precision(files.ground_truth, target)
    assert fixed_precision == pytest.approx(true_precision, abs=1e-3)


def test_one_file_of_voc_results_in_fractions(dataset, tmp_path, command):
    ground_truth = load_ground_truth(dataset / "truth.json")
    sizes = dict(zip(ground_truth.image_ids, ground_truth.image_sizes.tolist(), strict=True))
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", list)
    file = spoiled / "comp4_det_test_circle.txt"
    lines = []
    for name, score, *box in map(str.split, file.read_text().splitlines()):
        width, height = sizes[name.lstrip("0")] if name not in sizes else sizes[name]
        sides = zip(map(float, box), (width, height, width, height), strict=True)
        lines.append(" ".join([name, score, *(f"{side / length:.8f}" for side, length in sides)]))
    file.write_text("\n".join([*lines, ""]))
    [finding] = faults(dataset / "truth.json", spoiled)
    assert finding.id == "box-format-mixed"
    assert "all of circle" in finding.evidence
    fixed, _ = run_fix(command, finding)
    assert faults(dataset / "truth.json", fixed) == []
    boxes, true_boxes = (
        load_detections(path, ground_truth).boxes for path in (fixed, dataset / "comp4")
    )
    # VOC's corners are 1-based; whether fractions are made from them shows in no number.
    assert np.abs(boxes - true_boxes).max() < 1.1


def test_some_yolo_files_in_pixels(dataset, tmp_path, command):
    ground_truth = load_ground_truth(dataset / "truth.json")
    sizes = {
        file.rpartition(".")[0]: size
        for file, size in zip(
            ground_truth.image_files, ground_truth.image_sizes.tolist(), strict=True
        )
    }
    spoiled = copy_lines(dataset / "labels", tmp_path / "spoiled", list)
    for file in sorted(spoiled.glob("*.txt"))[::4]:
        width, height = sizes[file.stem]
        lines = [
            [number, *(float(v) * s for v, s in zip(box, (width, height) * 2, strict=True)), score]
            for number, *box, score in map(str.split, file.read_text().splitlines())
        ]
        file.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
    [finding] = faults(dataset / "truth.json", spoiled)
    assert finding.id == "box-format-mixed"
    fixed, _ = run_fix(command, finding)
    assert faults(dataset / "truth.json", fixed) == []
    scores = [
        average_precision(dataset / "truth.json", path) for path in (fixed, dataset / "labels")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


def test_a_class_with_few_objects_is_not_judged(dataset, tmp_path):
    """Ten objects fit one of dozens of readings by chance."""
    ground_truth = read_json(dataset / "truth.json")
    kept, n_kept = [], 0
    for row in ground_truth["annotations"]:
        n_kept += row["category_id"] == 1
        if row["category_id"] != 1 or n_kept <= 10:
            kept.append(row)
    ground_truth["annotations"] = kept
    swapped_files = plant(dataset, tmp_path, spoil(of_class(1), swapped))
    files = write_pair(tmp_path, ground_truth, read_json(swapped_files.detections))
    assert "box-format-mixed" not in ids(faults(files.ground_truth, files.detections))
