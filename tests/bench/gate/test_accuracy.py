"""Rules on accuracy: what fails, passes and is inconclusive, overall and per class."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules
from detbench.bench.gate.verdict import overall_outcome
from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.uncertainty.bootstrap import bootstrap
from tests.bench.gate.simulated_runs import random_images, rule_of, run_of
from tests.metrics.scored import detections, perfect, truth
from tests.metrics.uncertainty.test_replicates import slow_values

IMAGES = random_images()
MAP = rule_of('measure = "mAP"\nminimum_effect = 0.005')
EVERY_CLASS = rule_of('measure = "AP[*]"\nminimum_effect = 0.05\nconfidence = 0.9995')
BOX = [10, 10, 60, 60]


def verdicts_by_name(baseline, candidate, *rules, resamples=200):
    verdicts = gate(baseline, candidate, rules or default_rules(), resamples=resamples)
    return {verdict.name: verdict for verdict in verdicts}


def one_box_per_image(count):
    return truth([(n, 0, BOX) for n in range(count)], images=count)


def no_detections(ground_truth):
    columns = {"image_index": [], "class_index": [], "scores": [], "boxes": np.zeros((0, 4))}
    return Detections.from_rows(ground_truth, name="nothing", **columns)


@pytest.mark.parametrize(("protocol", "n_compared"), [("voc2007", 5), ("voc2012", 5), ("coco", 4)])
def test_identical_detections_differ_by_exactly_nothing(protocol, n_compared):
    run = run_of(IMAGES, protocol=protocol)
    verdicts = gate(run, run, default_rules(), resamples=50)
    assert overall_outcome(verdicts) == "passed"
    compared = [verdict for verdict in verdicts if verdict.effect]
    assert len(compared) == n_compared
    for verdict in compared:
        effect = verdict.effect
        assert effect.difference == effect.low == effect.high == 0
        assert verdict.outcome == "passed"
        assert "nothing changed" in verdict.sentence


def test_a_much_worse_candidate_fails_and_a_better_one_passes():
    worse, better = run_of(IMAGES, 0.5), run_of(IMAGES, 0.9)
    lost = verdicts_by_name(better, worse)
    assert lost["mAP"].outcome == lost["mAP.area"].outcome == "failed"
    effect = lost["mAP"].effect
    assert effect.difference == pytest.approx(effect.candidate - effect.baseline)
    assert effect.low < effect.difference < effect.high < 0
    assert effect.baseline == better.evaluation().summary["mAP"]
    assert lost["mAP"].sentence.startswith("mAP: failed, ")
    assert lost["mAP"].sentence.endswith(": significantly worse, by at least 0.5 points")
    gained = verdicts_by_name(worse, better)
    assert {verdict.outcome for verdict in gained.values() if verdict.effect} == {"passed"}


def test_the_interval_is_that_of_a_slow_bootstrap_with_students_t():
    images = random_images(10)
    better, worse = run_of(images, 0.9), run_of(images, 0.5)
    differences = []
    for b in range(40):
        positions = np.sort(np.random.default_rng([3, b]).integers(0, 10, 10))
        first, second = (
            slow_values(images, run.detections, "voc2007", positions)[0] for run in (better, worse)
        )
        differences.append(second - first)
    (verdict,) = gate(better, worse, [MAP], resamples=40, seed=3)
    t_of_9_degrees = 2.821
    margin = t_of_9_degrees * np.std(differences, ddof=1) * math.sqrt(10 / 9)
    assert verdict.effect.high - verdict.effect.difference == pytest.approx(margin, rel=2e-3)
    assert verdict.effect.difference - verdict.effect.low == pytest.approx(margin, rel=2e-3)


def test_a_large_loss_that_is_not_significant_passes_unless_it_must_be_ruled_out():
    baseline, candidate = run_of(IMAGES, 0.80, seed=3), run_of(IMAGES, 0.80, seed=4)
    if candidate.evaluation().summary["mAP"] > baseline.evaluation().summary["mAP"]:
        baseline, candidate = candidate, baseline
    (verdict,) = gate(baseline, candidate, [MAP], resamples=100)
    assert 0.005 < -verdict.effect.difference < 0.05
    assert verdict.outcome == "passed"
    assert "worse by at least 0.5 points, but not significant" in verdict.sentence
    strict = replace(MAP, non_inferiority=True)
    (verdict,) = gate(baseline, candidate, [strict], resamples=100)
    assert verdict.outcome == "inconclusive"
    assert "a loss of 0.5 points is not ruled out, as non_inferiority" in verdict.sentence


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_huge_loss_on_very_few_images_is_inconclusive(count):
    few = one_box_per_image(count)
    candidate = run_of(few, detections(few, [(0, 0, 0.9, BOX)]))
    verdicts = verdicts_by_name(run_of(few, perfect(few)), candidate)
    compared = [verdict for verdict in verdicts.values() if verdict.effect]
    assert {verdict.outcome for verdict in compared} == {"inconclusive"}
    assert all(-1 <= verdict.effect.low < verdict.effect.high <= 1 for verdict in compared)
    assert verdicts["mAP"].sentence.endswith(
        "worse by far more than 0.5 points, but too few data for significance"
    )
    assert overall_outcome(list(verdicts.values())) == "inconclusive"


def test_what_chance_takes_from_one_of_many_classes_is_no_huge_loss():
    sentences = []
    for seed in range(5):
        images = random_images(60, tuple("abcdefghij"), seed=seed)
        baseline, candidate = (run_of(images, 0.3, seed=2 * seed + n) for n in range(2))
        verdicts = gate(baseline, candidate, [EVERY_CLASS], resamples=100)
        assert {verdict.outcome for verdict in verdicts} <= {"passed", "skipped"}
        sentences += [
            verdict.sentence
            for verdict in verdicts
            if verdict.effect and verdict.effect.difference <= -0.5 * verdict.effect.baseline
        ]
    assert sentences
    expected = "worse by at least 5 points, but not significant"
    assert all(expected in sentence for sentence in sentences)


def test_what_chance_takes_on_few_images_is_no_huge_loss():
    sentences = []
    for seed in range(6):
        images = random_images(20, seed=seed)
        baseline, candidate = (run_of(images, 0.3, seed=2 * seed + n) for n in range(2))
        (verdict,) = gate(baseline, candidate, [MAP], resamples=100)
        assert verdict.outcome == "passed"
        sentences += [verdict.sentence] if verdict.effect.difference < -0.05 else []
    assert sentences
    expected = "worse by at least 0.5 points, but not significant"
    assert all(expected in sentence for sentence in sentences)


def test_a_huge_loss_of_a_class_beyond_chance_is_inconclusive_if_not_significant():
    rows = [(n, n % 4) for n in range(48)]
    images = truth([(n, k, BOX) for n, k in rows], ("cat", "dog", "cow", "hen"), 48)
    kept = [(n, k, 0.9, BOX) for n, k in rows if k != 1 or n < 20]
    rule = replace(EVERY_CLASS, confidence=0.9999)
    candidate = run_of(images, detections(images, kept))
    verdict = verdicts_by_name(run_of(images, perfect(images)), candidate, rule)["AP[dog]"]
    assert verdict.effect.high > 0 > verdict.effect.difference
    assert verdict.outcome == "inconclusive"


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize("non_inferiority", [False, True])
@pytest.mark.parametrize("detect", [perfect, no_detections])
def test_identical_detections_pass_every_rule_on_any_images(count, non_inferiority, detect):
    images = one_box_per_image(count)
    run = run_of(images, detect(images))
    for measure in ("mAP", "AP[*]", "AP[cat]"):
        for effect in ("0.005", '"3%"'):
            rule = rule_of(f'measure = "{measure}"\nminimum_effect = {effect}')
            rule = replace(rule, non_inferiority=non_inferiority)
            [verdict] = gate(run, run, [rule], resamples=100)
            assert overall_outcome([verdict]) == "passed", verdict
            assert verdict.effect.difference == 0
            assert "nothing changed" in verdict.sentence


def test_a_significant_but_small_loss_passes():
    worse, better = run_of(IMAGES, 0.5), run_of(IMAGES, 0.9)
    rule = replace(MAP, minimum_effect=0.9)
    (verdict,) = gate(better, worse, [rule], resamples=100)
    assert verdict.outcome == "passed"
    assert "significantly worse, but by less than 90 points" in verdict.sentence
    (verdict,) = gate(better, worse, [replace(rule, non_inferiority=True)], resamples=100)
    assert verdict.outcome == "passed"


def test_a_lost_class_fails():
    detector = run_of(IMAGES, 0.9).detections
    rows = np.flatnonzero(detector.class_index != 1)
    image_index = np.repeat(np.arange(len(IMAGES.image_ids)), np.diff(detector.offsets))
    without_dogs = Detections.from_rows(
        IMAGES,
        image_index=image_index[rows],
        class_index=detector.class_index[rows],
        scores=detector.scores[rows],
        boxes=detector.boxes[rows],
        name="no dogs",
    )
    baseline, candidate = run_of(IMAGES, detector), run_of(IMAGES, without_dogs)
    verdicts = verdicts_by_name(baseline, candidate)
    assert verdicts["AP[dog]"].outcome == "failed"
    assert verdicts["AP[cat]"].outcome == verdicts["AP[cow]"].outcome == "passed"
    rule = rule_of('measure = "AP[dog]"\nminimum_effect = "5%"')
    verdict = verdicts_by_name(baseline, candidate, rule)["AP[dog]"]
    assert verdict.effect.candidate == 0
    assert verdict.outcome == "failed"


def test_classes_in_few_images_and_classes_without_ground_truth_are_skipped():
    cats = [(n, 0, BOX) for n in range(12)]
    images = truth([*cats, (0, 1, BOX)], ("cat", "dog", "cow"), 12)
    only_cats = detections(images, [(n, 0, 0.9, BOX) for n in range(12)])
    rules = [
        rule_of(f'measure = "{measure}"\nminimum_effect = 0.05') for measure in ("AP[*]", "AP[cow]")
    ]
    verdicts = verdicts_by_name(run_of(images, perfect(images)), run_of(images, only_cats), *rules)
    assert verdicts["AP[cat]"].outcome == "passed"
    assert verdicts["AP[dog]"].sentence == (
        "AP[dog]: skipped, fewer than 10 images, or groups of them, show the class"
    )
    assert verdicts["AP[cow]"].sentence == "AP[cow]: skipped, there is no ground truth for it"


@pytest.mark.parametrize(
    ("measure", "protocol", "problem"),
    [
        (
            "AP[dgo]",
            "voc2007",
            "unknown class 'dgo'; did you mean 'dog'? The classes are cat, dog, cow",
        ),
        ("AP50[zebra]", "coco", "unknown class 'zebra'; the classes are cat, dog, cow"),
        (
            "AR1000",
            "coco",
            "unknown measure 'AR1000'; did you mean 'AR100'? The measures are AP, AP50",
        ),
        ("AR7[dog]", "voc2007", "unknown measure 'AR7'; the measures are mAP"),
    ],
)
def test_a_mistyped_class_or_measure_is_an_error(measure, protocol, problem):
    run = run_of(IMAGES, protocol=protocol)
    problem = f"the rule on {measure} names the {problem}"
    with pytest.raises(DetbenchError, match=re.escape(problem)):
        gate(run, run, [rule_of(f'measure = "{measure}"\nminimum_effect = 0.05')])


def in_groups(run, groups):
    return replace(run, ground_truth=replace(run.ground_truth, groups=groups))


def test_groups_are_resampled_together():
    baseline, candidate = run_of(IMAGES, 0.9), run_of(IMAGES, 0.7)
    thirds = np.arange(150) // 50
    ungrouped, single, grouped = (
        gate(in_groups(baseline, groups), candidate, [MAP], resamples=200)[0].effect
        for groups in (None, np.arange(150), thirds)
    )
    assert ungrouped == single, "groups of one image change nothing"
    assert grouped.difference == ungrouped.difference
    runs = [in_groups(run, thirds) for run in (baseline, candidate)]
    [first], [second] = bootstrap([run.evaluation() for run in runs], resamples=200)
    spread = (second.values - first.values).std(ddof=1)
    t_of_2_degrees = 6.965
    margin = t_of_2_degrees * math.sqrt(3 / 2) * spread
    assert grouped.high - grouped.difference == pytest.approx(margin, rel=1e-3)
    (verdict,) = gate(in_groups(baseline, np.zeros(150, np.int64)), candidate, [MAP])
    assert verdict.outcome == "inconclusive", "one group"


def test_groups_of_one_run_apply_to_both_and_different_ones_are_refused():
    baseline, candidate = run_of(IMAGES, 0.9), run_of(IMAGES, 0.7)
    thirds, fifths = np.arange(150) // 50, np.arange(150) // 30
    effects = [
        gate(first, second, [MAP], resamples=200)[0].effect
        for first, second in (
            (in_groups(baseline, thirds), candidate),
            (baseline, in_groups(candidate, thirds)),
        )
    ]
    assert effects[0] == effects[1]
    with pytest.raises(NotComparableError, match="different groups of images; name a file with"):
        gate(in_groups(baseline, fifths), in_groups(candidate, thirds), [MAP])
    assert gate(in_groups(baseline, fifths), in_groups(candidate, thirds), []) == []


@pytest.mark.parametrize(
    ("count", "reason", "outcome_if_equal"),
    [(0, "there are no images", "inconclusive"), (1, "too few data for an interval", "passed")],
)
def test_zero_images_and_one(count, reason, outcome_if_equal):
    few = truth([(0, 0, BOX)] * count, images=count)
    (verdict,) = gate(run_of(few, perfect(few)), run_of(few, no_detections(few)), [MAP])
    assert verdict.outcome == "inconclusive"
    assert reason in verdict.sentence
    (verdict,) = gate(run_of(few, perfect(few)), run_of(few, perfect(few)), [MAP])
    assert verdict.outcome == outcome_if_equal
