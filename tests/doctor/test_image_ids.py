"""Image IDs that a rule maps to those of the ground truth: named by the rule, proven, and fixed."""

from __future__ import annotations

import random

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import InputError
from tests.doctor.planting import (
    average_precision,
    copy_lines,
    faults,
    ids,
    read_json,
    read_pair,
    run_only_fix,
    write_pair,
)


@pytest.fixture(scope="module")
def true_precision(dataset):
    return average_precision(dataset / "truth.json", dataset / "found.json")


def renamed(dataset, folder, image_id, detection_id):
    """Write the dataset with other image IDs.

    Args:
        dataset: The folder of the dataset.
        folder: The folder to write to.
        image_id: Returns the ID of the nth image in the ground truth.
        detection_id: Returns the ID of its detections; None leaves them out.
    """
    ground_truth, rows = read_pair(dataset)
    numbers = {image["id"]: n for n, image in enumerate(ground_truth["images"])}
    for image in ground_truth["images"]:
        image["id"] = image_id(numbers[image["id"]])
        del image["file_name"]
    for row in ground_truth["annotations"]:
        row["image_id"] = image_id(numbers[row["image_id"]])
    for row in rows:
        row["image_id"] = detection_id(numbers[row["image_id"]])
    return write_pair(folder, ground_truth, [row for row in rows if row["image_id"] is not None])


def sparse(n):
    return 7 * n * n + 13 * n + 3


RULES = {
    "a large offset": (sparse, lambda n: sparse(n) + 123_456, "numbers +123,456 away"),
    "a negative offset": (lambda n: sparse(n) + 900, sparse, "numbers -900 away"),
    "an offset with most IDs known": (lambda n: n + 1, lambda n: n + 10, "numbers +9 away"),
    "an offset of numbers in names": (
        lambda n: f"frame_{n:05d}",
        lambda n: f"frame_{n + 40:05d}",
        "numbers +40 away",
    ),
    "a prefix": (lambda n: f"q{sparse(n)}z", lambda n: f"val_q{sparse(n)}z", "'val_' before them"),
    "a suffix": (lambda n: f"q{sparse(n)}z", lambda n: f"q{sparse(n)}z_out", "'_out' after them"),
    "both": (
        lambda n: f"q{sparse(n)}z",
        lambda n: f"a_q{sparse(n)}z.det",
        "'a_' before them and '.det' after them",
    ),
    "a prefix of the images": (
        lambda n: f"val_q{sparse(n)}z",
        lambda n: f"q{sparse(n)}z",
        "without 'val_' before them",
    ),
    "another case and other separators": (
        lambda n: f"Set{n % 3}/V0/I{n}",
        lambda n: f"set{n % 3}_v0_i{n}",
        "in another case or with other separators",
    ),
    "numbers against names": (
        lambda n: f"img{sparse(n)}of60",
        lambda n: f"{sparse(n)}_60",
        "by the numbers in them",
    ),
    "the last number": (
        lambda n: f"v2 img {sparse(n)}",
        lambda n: sparse(n),
        "'v2 img ' before them",
    ),
    "other folders": (
        lambda n: f"val/{sparse(n)}.jpg",
        lambda n: f"C:\\out\\{sparse(n)}.jpg",
        "by the numbers in them",
    ),
    "half of them": (
        lambda n: f"q{sparse(n)}z",
        lambda n: f"q{sparse(n)}z" if n % 2 else f"val_q{sparse(n)}z",
        "'val_' before them",
    ),
    "positions from a number": (lambda n: f"q{sparse(n)}", lambda n: n + 500, ", from 500 ("),
    "all of them are IDs, shifted": (
        lambda n: n + 1,
        lambda n: (n + 23) % 60 + 1,
        "those of the image 23 after",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_named_and_fixed(rule, dataset, tmp_path, command, true_precision):
    image_id, detection_id, text = RULES[rule]
    files = renamed(dataset, tmp_path, image_id, detection_id)
    assert ids(files.faults) == ["image-ids-shifted"]
    assert text in files.faults[0].evidence
    target, _ = run_only_fix(command, files.faults)
    assert average_precision(files.ground_truth, target) == pytest.approx(true_precision, abs=1e-3)
    assert len(read_json(target)) == len(read_pair(dataset)[1])


def test_images_of_another_split_with_such_names_are_not_fixed(dataset, tmp_path):
    order = random.Random(1).sample(range(60), 60)
    files = renamed(dataset, tmp_path, lambda n: f"val/{n:04d}", lambda n: f"train/{order[n]:04d}")
    [finding] = files.faults
    assert (finding.id, finding.is_command) == ("wrong-split", False)
    assert "by the numbers in them, which maps 59 of 59" in finding.evidence
    assert "no box lies on an object better than by chance" in finding.evidence


def test_detections_that_a_rule_maps_are_never_left_out(dataset, tmp_path):
    """Half of the detections are on the wrong images."""
    order = random.Random(2).sample(range(60), 60)
    files = renamed(
        dataset,
        tmp_path,
        lambda n: f"{n:04d}",
        lambda n: f"{n:04d}" if n % 2 else f"x_{order[n]:04d}",
    )
    assert not any(finding.is_command for finding in files.faults)


def test_ids_that_can_be_two_images_are_refused_by_both(dataset, tmp_path):
    files = renamed(dataset, tmp_path, lambda n: f"{'ab'[n % 2]}/{n // 2}", lambda n: n // 2)
    message = "image '0' can be 'a/0' or 'b/0' of the ground truth"
    with pytest.raises(InputError, match=message):
        load_detections(files.detections, load_ground_truth(files.ground_truth))
    with pytest.raises(InputError, match=message):
        _ = files.findings


def test_a_few_images_are_mapped_if_that_pays(dataset, tmp_path):
    files = renamed(
        dataset, tmp_path, lambda n: f"q{n}z", lambda n: f"val_q{n}z" if n < 8 else None
    )
    assert "image-ids-shifted" in ids(files.faults)


def test_a_prefix_in_voc_results(dataset, tmp_path, command, true_precision):
    folder = tmp_path / "comp4"
    copy_lines(dataset / "comp4", folder, lambda words: [f"pred_{words[0]}", *words[1:]])
    check_prefix(dataset, folder, command, true_precision)


def test_a_prefix_in_yolo_results(dataset, tmp_path, command, true_precision):
    folder = tmp_path / "labels"
    copy_lines(dataset / "labels", folder, list)
    for file in list(folder.iterdir()):
        file.rename(folder / f"pred_{file.name}")
    check_prefix(dataset, folder, command, true_precision)


def check_prefix(dataset, detections, command, true_precision):
    """Check that the prefix is named as the only fault, and that its fix restores the score."""
    findings = faults(dataset / "truth.json", detections)
    assert ids(findings) == ["image-ids-shifted"]
    assert "'pred_' before them" in findings[0].evidence
    target, _ = run_only_fix(command, findings)
    scored = average_precision(dataset / "truth.json", target)
    assert scored == pytest.approx(true_precision, abs=1e-3)
