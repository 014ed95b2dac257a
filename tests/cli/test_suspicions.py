"""What is suspicious is printed by `eval`, `compare` and `predict` in one line, with one text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.load import (
    load_ground_truth,
    save_detections,
    save_ground_truth,
)
from tests.data.simulated_detections import simulated_detections
from tests.doctor.simulated_detectors import annotated


@pytest.fixture(scope="module")
def pair():
    """Return 60 annotated images, and the detections of a fair detector."""
    ground_truth = annotated(np.random.default_rng(1), images=60)
    return ground_truth, simulated_detections(ground_truth, 0.7)


def changed(ground_truth, detector, folder, kept=None, scores=None):
    """Write the detections that are kept, with other scores, and return the file."""
    kept = np.arange(len(detector)) if kept is None else np.flatnonzero(kept)
    path = folder / "results.parquet"
    written = Detections.from_rows(
        ground_truth,
        image_index=groups_from_offsets(detector.offsets)[kept],
        class_index=detector.class_index[kept],
        scores=(detector.scores if scores is None else scores)[kept],
        boxes=detector.boxes[kept],
        name="results",
    )
    save_detections(written, ground_truth, path)
    return path


def suspicious_lines(outcome):
    return [line for line in outcome.err.splitlines() if line.startswith("suspicious: ")]


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (
            lambda detector: {"kept": detector.scores >= 0.25},
            "suspicious: results: no score is below 0.2",
        ),
        (
            lambda detector: {"scores": np.round(detector.scores, 1)},
            (
                "suspicious: results: {n} detections have only {levels} different scores "
                "(one decimal); "
            ),
        ),
    ],
    ids=["threshold", "quantized"],
)
def test_eval_compare_and_predict_say_the_same(command, pair, tmp_path, change, start):
    ground_truth, detector = pair
    changes = change(detector)
    results = changed(*pair, tmp_path, **changes)
    annotations = tmp_path / "annotations.json"
    save_ground_truth(ground_truth, annotations)
    by_eval = command("eval", annotations, results, "--no-intervals", "--json", "-")
    assert by_eval.code == 0
    [line] = suspicious_lines(by_eval)
    start = start.format(
        n=len(detector), levels=len(np.unique(changes.get("scores", detector.scores)))
    )
    assert line.startswith(start)
    [suspicion] = json.loads(by_eval.out)["runs"][0]["suspicions"]
    assert line == f"suspicious: results: {suspicion['evidence']}; {suspicion['fix']}"

    by_compare = command("compare", annotations, results, "-o", tmp_path / "out", "--no-intervals")
    assert by_compare.code == 0
    assert suspicious_lines(by_compare) == [line]

    predicted = tmp_path / "predicted.parquet"
    by_predict = command("predict", f"replay:{results}", annotations, "-o", predicted)
    assert by_predict.code == 0, by_predict.err
    assert suspicious_lines(by_predict) == [line]


def test_clean_results_are_not_suspicious(command, pair, tmp_path):
    results, annotations = changed(*pair, tmp_path), tmp_path / "annotations.json"
    save_ground_truth(pair[0], annotations)
    for arguments in (
        ("eval", annotations, results, "--no-intervals"),
        ("compare", annotations, results, "-o", tmp_path / "out", "--no-intervals"),
        ("predict", f"replay:{results}", annotations, "-o", tmp_path / "predicted.parquet"),
    ):
        outcome = command(*arguments)
        assert outcome.code == 0
        assert suspicious_lines(outcome) == []


def with_crowds(pair, folder, is_crowd):
    """Write the annotations with crowds, and the detections; return both files."""
    results, annotations = changed(*pair, folder), folder / "annotations.json"
    save_ground_truth(pair[0], annotations)
    document = json.loads(annotations.read_text())
    for number, annotation in enumerate(document["annotations"]):
        annotation["iscrowd"] = int(is_crowd(number))
    annotations.write_text(json.dumps(document))
    return annotations, results


def test_half_of_the_objects_are_crowds(command, pair, tmp_path):
    paths = with_crowds(pair, tmp_path, lambda number: number % 2)
    outcome = command("eval", *paths, "--no-intervals")
    assert outcome.code == 0
    [line] = suspicious_lines(outcome)
    total = len(load_ground_truth(paths[0]))
    assert line.startswith(f"suspicious: results: {total // 2} of {total} objects (")
    assert "are crowds: AP does not show whether they are found; set iscrowd to 0" in line


def test_nothing_counts(command, pair, tmp_path):
    """The result is written, and the exit code says that it is not valid."""
    paths = with_crowds(pair, tmp_path, lambda number: True)
    outcome = command("eval", *paths, "--json", "-")
    assert outcome.code == 3
    [run] = json.loads(outcome.out)["runs"]
    assert set(run["summary"].values()) == {None}
    assert [suspicion["id"] for suspicion in run["suspicions"]] == ["class-without-ground-truth"]
    [line] = suspicious_lines(outcome)
    assert f"none of {len(pair[0])} objects counts, since {len(pair[0])} are crowds: " in line

    compared = command("compare", *paths, "-o", tmp_path / "out")
    assert compared.code == 3
    assert suspicious_lines(compared) == [line]
    assert (tmp_path / "out" / "report.html").is_file()

    predicted = command(
        *("predict", f"replay:{paths[1]}", paths[0], "-o", tmp_path / "predicted.parquet")
    )
    assert predicted.code == 0, "what annotations say does not matter to predictions"
    assert suspicious_lines(predicted) == []


def test_no_object_at_all(command, pair, tmp_path):
    annotations, results = with_crowds(pair, tmp_path, lambda number: False)
    document = json.loads(annotations.read_text())
    annotations.write_text(json.dumps(document | {"annotations": []}))
    outcome = command("eval", annotations, results)
    assert outcome.code == 3
    [line] = suspicious_lines(outcome)
    assert "there are no objects in the ground truth: no class has an average precision" in line
