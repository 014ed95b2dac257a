"""A study against the statistics it is made of, and its record."""

from __future__ import annotations

import json
import math

import pytest

from detbench.bench.analysis_record import study_document
from detbench.bench.analyze import analyze
from detbench.bench.runs import json_bytes
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.lrp import lrp
from detbench.metrics.ranked import rank
from detbench.metrics.slices import attribute
from detbench.metrics.tide import tide
from tests.metrics.analysed import analysed
from tests.metrics.scored import detections, random_pair, scored, truth

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
        assert {name: cost["value"] for name, cost in run["tide"]["costs"].items()} == expected.costs
        assert run["tide"]["base"] == expected.base
        assert run["lrp"]["mean"] == lrp(rank(evaluation)).means
        assert run["value"] == evaluation.average_precision
        counts = run["confusion"]["counts"]
        assert sum(map(sum, counts[:-1])) == len(evaluation.ground_truth)
        assert run["corrected"]["as annotated"] == run["value"]
        assert sum(each["objects"] for each in run["recall"]["size"]) == len(evaluation.ground_truth)
    assert all(math.isfinite(number) for number in numbers(document))


def test_intervals_hold_the_values_and_only_come_with_replicates():
    with_draws, without = analyze(pair(), replicates=60), analyze(pair())
    for drawn, plain in zip(study_document(with_draws)["runs"], study_document(without)["runs"], strict=True):
        low, high = drawn["tide"]["base_interval"]
        assert low <= drawn["tide"]["base"] <= high
        assert plain["tide"]["base_interval"] is None
        for name, cost in drawn["tide"]["costs"].items():
            assert cost["interval"][0] - 1e-9 <= cost["value"] <= cost["interval"][1] + 0.1
            assert cost["value"] == plain["tide"]["costs"][name]["value"]
        assert len(drawn["lrp"]["mean_error_interval"]) == 2
        assert plain["lrp"]["mean_error_interval"] is None
        assert any(found["p"] is not None for found in drawn["slices"])
        assert all(found["p"] is None for found in plain["slices"])


def test_the_same_seed_gives_the_same_bytes():
    first, again, other = (json_bytes(study_document(analyze(pair(), replicates=20, seed=seed))) for seed in (1, 1, 2))
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
    found = [each for each in analyze([analysed(1)], [light]).analyses[0].slices if each.attribute == "light"]
    assert [each.value for each in found] == ["day", "night"]


def test_refused():
    with pytest.raises(DetbenchError, match="nothing to analyze"):
        analyze([])
    with pytest.raises(DetbenchError, match="beta above 0"):
        analyze([analysed(1)], beta=0)
    with pytest.raises(NotComparableError):
        analyze([analysed(1), analysed(2)])
