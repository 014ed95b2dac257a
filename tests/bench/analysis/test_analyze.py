"""A study against the statistics it is made of, and its JSON record."""

from __future__ import annotations

import json
import math

import pytest

from detbench.bench.analysis.analyze import TABLES, analyze
from detbench.bench.analysis.record import study_document
from detbench.bench.json_documents import json_bytes
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.errors.counted_detections import count_detections
from detbench.metrics.errors.lrp import lrp
from detbench.metrics.errors.slices import attribute_of_texts
from detbench.metrics.errors.tide import tide
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, random_pair, scored, truth
from tests.references.calibration import calibration_error, rows_of
from tests.references.lrp import optimal_lrp

BOX = (10, 10, 60, 60)


def pair(seed=0):
    ground_truth, first = random_pair(seed, images=24, objects=60, boxes=180)
    _, second = random_pair(seed, images=24, objects=60, boxes=120, detector="other")
    return [scored(ground_truth, first), scored(ground_truth, second)]


def run_of(ground_truth, rows, **options):
    """Return the record of the only run."""
    evaluation = scored(ground_truth, detections(ground_truth, rows))
    [run] = study_document(analyze([evaluation], **options))["runs"]
    return run


def numbers(value):
    """Yield every number of a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def test_the_record_has_the_statistics():
    evaluations = pair()
    document = json.loads(json_bytes(study_document(analyze(evaluations))))
    assert document["schema_version"] == 2
    assert [run["name"] for run in document["runs"]] == ["finder", "other"]
    for run, evaluation in zip(document["runs"], evaluations, strict=True):
        objects = len(evaluation.ground_truth)
        expected, (base, *errors) = tide(evaluation), run["tide"]
        assert (base["kind"], base["cost"]) == ("base", expected.base)
        assert {row["kind"]: row["cost"] for row in errors} == expected.costs
        mean_lrp = {name: run["lrp"][0][name] for name in lrp(count_detections(evaluation)).means}
        assert mean_lrp == lrp(count_detections(evaluation)).means
        assert run["value"] == evaluation.average_precision
        assert sum(row["count"] for row in run["confusion"] if row["object"]) == objects
        assert run["corrected"][0] == {"corrected": "as annotated", "value": run["value"]}
        by_size = [row["objects"] for row in run["recall"] if row["trait"] == "size"]
        assert sum(by_size) == objects
    assert all(math.isfinite(number) for number in numbers(document))


def intervals_of(run):
    """Return (what it is about, value, interval) of every number that has an interval."""
    about = ("kind", "trait", "value", "attribute", "class")
    return [
        ((table, *(row.get(name) for name in about), key), row[key], row[f"{key}_interval"])
        for table in TABLES
        for row in run[table]
        for key in row
        if f"{key}_interval" in row
    ]


def without_slices(intervals):
    """Leave out differences, whose intervals are of the bootstrap and are not widened."""
    return [each for each in intervals if each[0][0] != "slices"]


def test_intervals_contain_the_values_and_only_come_with_resamples():
    with_intervals, without = analyze(pair(), resamples=200), analyze(pair())
    for run, bare in zip(
        study_document(with_intervals)["runs"], study_document(without)["runs"], strict=True
    ):
        intervals = without_slices(intervals_of(run))
        defined = [each for each in intervals if each[2]]
        assert {(name[0], name[-1]) for name, _, _ in defined} == {
            ("tide", "cost"),
            ("lrp", "error"),
            ("lrp", "localization"),
            ("lrp", "false_positives"),
            ("lrp", "false_negatives"),
            ("calibration", "d_ece"),
            ("calibration", "d_ece_confident"),
            ("calibration", "la_ece"),
            ("thresholds", "f_held_out"),
            ("recall", "recall"),
        }
        kinds = {name[1] for name, _, _ in defined if name[0] == "tide"}
        assert {"base", "Cls", "FP", "FN"} <= kinds
        assert [name for name, value, (low, high) in defined if not low <= value <= high] == []
        assert all(interval is None for _, _, interval in intervals_of(bare))
        assert [each[:2] for each in intervals_of(run)] == [each[:2] for each in intervals_of(bare)]
        assert any(row["p"] is not None for row in run["slices"])
        assert all(row["p"] is None for row in bare["slices"])


def test_intervals_contain_optimistic_values_of_few_images():
    for seed in range(6):
        [run] = study_document(analyze([random_evaluation(seed, images=9)], resamples=200))["runs"]
        defined = [each for each in without_slices(intervals_of(run)) if each[2]]
        assert defined
        assert [name for name, value, (low, high) in defined if not low <= value <= high] == []


def test_label_errors_can_be_found_in_the_file():
    small = (5, 5, 25, 25)
    objects = [*((image, 0, BOX) for image in range(8)), (8, 1, small), (8, 0, BOX)]
    ground_truth = truth(objects, images=9)
    rows = [*((image, 0, 0.9, BOX) for image in range(8)), (8, 1, 0.9, small)]
    evaluation = scored(ground_truth, detections(ground_truth, rows))
    document = study_document(analyze([evaluation]))
    [error] = document["label_errors"]
    assert (error["kind"], error["image_id"]) == ("spurious", ground_truth.image_ids[8])
    assert (error["object_row"], error["object_in_image"]) == (9, 1)
    assert tuple(error[side] for side in ("x1", "y1", "x2", "y2")) == BOX
    [run] = document["runs"]
    values = {row["corrected"]: row["value"] for row in run["corrected"]}
    assert run["corrected_range"] == (values["as annotated"], values["all"])
    assert values["all"] == 1


def test_without_objects_base_and_costs_are_null():
    run = run_of(truth([]), [(0, 0, 0.5, BOX)])
    assert {row["cost"] for row in run["tide"]} == {None}


def test_the_base_is_stated_and_can_be_that_of_tidecv():
    ground_truth, rows = truth([(0, 0, BOX)]), [(0, 0, 0.8, BOX), (0, 1, 0.9, (100, 10, 150, 60))]
    evaluation = scored(ground_truth, detections(ground_truth, rows))
    for as_tidecv, base in ((False, 1), (True, 0.5)):
        document = study_document(analyze([evaluation], as_tidecv=as_tidecv))
        [run] = document["runs"]
        assert (run["tide"][0]["cost"], document["as_tidecv"]) == (base, as_tidecv)
        assert run["base_rule"] == tide(evaluation, as_tidecv=as_tidecv).base_rule


def test_la_ece_is_above_the_best_thresholds_at_its_own_iou():
    """Find the optimal LRP threshold of each class at IoU 0.1 by brute force."""
    for seed in range(6):
        evaluation = random_evaluation(seed, ties=seed % 2 == 1)
        objects, finder = plain_rows(evaluation)
        values = []
        for k in range(4):
            best = optimal_lrp(objects, finder, k, 0.1)
            counted = rows_of(objects, finder, 0.1)
            kept = [row for row in counted if best and row[0] == k and row[1] >= best[4]]
            values += [calibration_error(kept, 25, localization=True)] if kept else []
        la_ece = analyze([evaluation]).analyses[0].calibration[0].la_ece.estimate
        assert la_ece == pytest.approx(sum(values) / len(values), abs=1e-12)


def test_the_same_seed_gives_the_same_bytes():
    first, again, other = (
        json_bytes(study_document(analyze(pair(), resamples=20, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("objects", "rows"),
    [([], []), ([(0, 0, BOX)], []), ([], [(0, 0, 0.5, BOX)]), ([(0, 0, BOX)], [(0, 0, 90.0, BOX)])],
    ids=["nothing", "no detections", "no objects", "one hit with a score of 90"],
)
def test_small_datasets(objects, rows):
    run = run_of(truth(objects), rows, resamples=5)
    assert all(math.isfinite(number) for number in numbers(run))
    has_high_scores = bool(rows and rows[0][2] > 1)
    assert (run["calibration"] == []) == (run["reliability"] == []) == has_high_scores


def test_one_image_has_no_intervals():
    ground_truth = truth([(0, 0, BOX)], images=1)
    evaluation = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)]))
    study = analyze([evaluation], resamples=10)
    assert study.settings.resamples == 0
    assert not any(row.cost.is_defined for row in study.analyses[0].tide)


def test_attributes_of_images_make_slices():
    light = attribute_of_texts("light", ["day", "night"] * 6)
    [analysis] = analyze([random_evaluation(1)], [light]).analyses
    values = [row.value for row in analysis.slices if row.attribute == "light"]
    assert values == ["day", "night"]


def test_invalid_arguments():
    with pytest.raises(DetbenchError, match="nothing to analyze"):
        analyze([])
    with pytest.raises(DetbenchError, match="beta must be"):
        analyze([random_evaluation(1)], beta=0)
    with pytest.raises(DetbenchError, match="resamples must be"):
        analyze([random_evaluation(1)], resamples=-1)
    with pytest.raises(NotComparableError):
        analyze([random_evaluation(1), random_evaluation(2)])
