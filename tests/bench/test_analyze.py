"""A study against the statistics it is made of, and its record."""

from __future__ import annotations

import json
import math

import pytest

from detbench.bench.analysis_record import study_document
from detbench.bench.analyze import analyze
from detbench.bench.runs import json_bytes
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.errors.counted_detections import rank
from detbench.metrics.errors.lrp import lrp
from detbench.metrics.errors.slices import attribute
from detbench.metrics.errors.tide import tide
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, random_pair, scored, truth
from tests.references.calibration import calibration_error, rows_of
from tests.references.lrp import optimal_lrp

BOX = (10, 10, 60, 60)


def pair(seed=0):
    data, first = random_pair(seed)
    _, second = random_pair(seed, found=40, detector="other")
    return [scored(data, first), scored(data, second)]


def numbers(value):
    """Yield every number of a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def test_the_record_says_what_the_statistics_say():
    evaluations = pair()
    document = json.loads(json_bytes(study_document(analyze(evaluations))))
    assert document["schema_version"] == 1
    assert [run["name"] for run in document["runs"]] == ["finder", "other"]
    for run, evaluation in zip(document["runs"], evaluations, strict=True):
        expected = tide(evaluation)
        assert {
            name: cost["value"] for name, cost in run["tide"]["costs"].items()
        } == expected.costs
        assert run["tide"]["base"] == expected.base
        assert run["lrp"]["mean"] == lrp(rank(evaluation)).means
        assert run["value"] == evaluation.average_precision
        counts = run["confusion"]["counts"]
        assert sum(map(sum, counts[:-1])) == len(evaluation.ground_truth)
        assert run["corrected"]["as annotated"] == run["value"]
        assert sum(each["objects"] for each in run["recall"]["size"]) == len(
            evaluation.ground_truth
        )
    assert all(math.isfinite(number) for number in numbers(document))


def intervals_of(run):
    """Yield (name, value, interval) of everything in a run's record that has an interval."""
    yield "base", run["tide"]["base"], run["tide"]["base_interval"]
    yield from (
        (name, cost["value"], cost["interval"]) for name, cost in run["tide"]["costs"].items()
    )
    yield from (
        (part, run["lrp"]["mean"][part], run["lrp"]["mean_intervals"][part])
        for part in run["lrp"]["mean"]
    )
    for name, row in run["lrp"]["classes"].items():
        yield from (
            (f"{name} {part}", row[part], interval) for part, interval in row["intervals"].items()
        )
    yield from (
        (name, run["calibration"][name], run["calibration"][f"{name}_interval"])
        for name in ("d_ece", "d_ece_sure", "la_ece")
    )
    thresholds = run["thresholds"]
    yield from (
        (f"F1 {name}", row["value"], row["interval"]) for name, row in thresholds["classes"].items()
    )
    yield "F1", thresholds["all_classes"]["value"], thresholds["all_classes"]["interval"]
    yield from (
        (row["value"], row["recall"], row["interval"])
        for rows in run["recall"].values()
        for row in rows
    )


def test_intervals_hold_the_values_and_only_come_with_replicates():
    with_draws, without = analyze(pair(), replicates=60), analyze(pair())
    for drawn, bare in zip(
        study_document(with_draws)["runs"], study_document(without)["runs"], strict=True
    ):
        told = [
            (name, value, interval) for name, value, interval in intervals_of(drawn) if interval
        ]
        assert {
            "base",
            "Cls",
            "FP",
            "FN",
            "error",
            "d_ece",
            "d_ece_sure",
            "la_ece",
            "F1",
            "0.1 to 0.3",
        } <= {name for name, _, _ in told}
        assert any(name.startswith("F1 ") for name, _, _ in told)
        assert any(name.endswith(" error") for name, _, _ in told)
        assert [name for name, value, (low, high) in told if not low <= value <= high] == []
        assert all(interval is None for _, _, interval in intervals_of(bare))
        assert [value for _, value, _ in intervals_of(drawn)] == [
            value for _, value, _ in intervals_of(bare)
        ]
        assert any(found["p"] is not None for found in drawn["slices"])
        assert all(found["p"] is None for found in bare["slices"])


def test_intervals_hold_flattered_values_of_few_images():
    for seed in range(6):
        [run] = study_document(analyze([analysed(seed, images=6)], replicates=60))["runs"]
        told = [(name, value, interval) for name, value, interval in intervals_of(run) if interval]
        assert told
        assert [name for name, value, (low, high) in told if not low <= value <= high] == []


def test_suspects_can_be_found_in_the_file_and_the_range_is_said():
    data = truth(
        [(image, 0, BOX) for image in range(8)] + [(8, 1, (5, 5, 25, 25)), (8, 0, BOX)], images=9
    )
    hits = [(image, 0, 0.9, BOX) for image in range(8)]
    document = study_document(
        analyze([scored(data, detections(data, [*hits, (8, 1, 0.9, (5, 5, 25, 25))]))])
    )
    [suspect] = document["label_errors"]
    assert (
        suspect["kind"],
        suspect["image_id"],
        suspect["object"],
        suspect["object_in_image"],
    ) == ("spurious", data.image_ids[8], 9, 1)
    assert suspect["box"] == list(BOX)
    [run] = document["runs"]
    assert run["corrected_range"] == [run["corrected"]["as annotated"], run["corrected"]["all"]]
    assert run["corrected"]["all"] == 1


def test_without_objects_the_base_is_null():
    data = truth([])
    [run] = study_document(analyze([scored(data, detections(data, [(0, 0, 0.5, BOX)]))]))["runs"]
    assert run["tide"]["base"] is None
    assert {cost["value"] for cost in run["tide"]["costs"].values()} == {None}


def test_the_base_is_stated_and_can_be_that_of_tidecv():
    data = truth([(0, 0, BOX)])
    evaluation = scored(data, detections(data, [(0, 0, 0.8, BOX), (0, 1, 0.9, (100, 10, 150, 60))]))
    for as_tidecv, base in ((False, 1), (True, 0.5)):
        [run] = study_document(analyze([evaluation], as_tidecv=as_tidecv))["runs"]
        assert (run["tide"]["base"], run["tide"]["as_tidecv"]) == (base, as_tidecv)
        assert run["tide"]["base_rule"] == tide(evaluation, as_tidecv=as_tidecv).rule


def test_la_ece_is_above_the_best_thresholds_at_its_own_iou():
    """Plain: at IoU 0.1 the optimal LRP threshold of each class by brute force, bins of the detections above it, mean over classes."""
    for seed in range(6):
        evaluation = analysed(seed, ties=seed % 2 == 1)
        objects, found = plain(evaluation)
        values = []
        for k in range(4):
            best = optimal_lrp(objects, found, k, 0.1)
            rows = [
                row
                for row in rows_of(objects, found, 0.1)
                if best and row[0] == k and row[1] >= best[4]
            ]
            values += [calibration_error(rows, 25, localisation=True)] if rows else []
        assert analyze([evaluation]).analyses[0].calibration.la_ece == pytest.approx(
            sum(values) / len(values), abs=1e-12
        )


def test_the_same_seed_gives_the_same_bytes():
    first, again, other = (
        json_bytes(study_document(analyze(pair(), replicates=20, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("rows", "found"),
    [([], []), ([(0, 0, BOX)], []), ([], [(0, 0, 0.5, BOX)]), ([(0, 0, BOX)], [(0, 0, 90.0, BOX)])],
    ids=["nothing", "no detections", "no objects", "one hit with a score of 90"],
)
def test_little_is_analyzed_too(rows, found):
    data = truth(rows)
    document = study_document(analyze([scored(data, detections(data, found))], replicates=5))
    assert all(math.isfinite(number) for number in numbers(document))
    assert (document["runs"][0]["calibration"] is None) == bool(found and found[0][2] > 1)


def test_one_image_has_no_intervals():
    data = truth([(0, 0, BOX)], images=1)
    study = analyze([scored(data, detections(data, [(0, 0, 0.9, BOX)]))], replicates=10)
    assert study.replicates == 0
    assert study.analyses[0].tide_intervals == {}


def test_attributes_of_images_make_slices():
    light = attribute("light", ["day", "night"] * 6)
    found = [
        each
        for each in analyze([analysed(1)], [light]).analyses[0].slices
        if each.attribute == "light"
    ]
    assert [each.value for each in found] == ["day", "night"]


def test_refused():
    with pytest.raises(DetbenchError, match="nothing to analyze"):
        analyze([])
    with pytest.raises(DetbenchError, match="beta must be"):
        analyze([analysed(1)], beta=0)
    with pytest.raises(NotComparableError):
        analyze([analysed(1), analysed(2)])
