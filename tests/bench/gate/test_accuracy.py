"""Rules on accuracy: what fails, what passes, what cannot be told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules
from detbench.bench.gate.verdict import Effect, judged, overall
from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.protocol import COCO, VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.bootstrap import bootstrap
from detbench.metrics.uncertainty.copies import with_copies
from tests.bench.gate.made import images, run
from tests.bench.gate.test_rules import one
from tests.metrics.scored import detections, perfect, truth

TRUTH = images()
MAP = one('measure = "mAP"\nminimum_effect = 0.005')
BOX = [10, 10, 60, 60]


def outcomes(baseline, candidate, *rules, replicates=200):
    return {
        verdict.name: verdict
        for verdict in gate(baseline, candidate, rules or default_rules(), replicates=replicates)
    }


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012", "coco"])
def test_identical_detections_differ_by_exactly_nothing(protocol):
    one_run = run(TRUTH, protocol=protocol)
    verdicts = gate(one_run, one_run, default_rules(), replicates=50)
    assert overall(verdicts) == "passed"
    compared = [verdict for verdict in verdicts if verdict.effect]
    assert len(compared) == {"voc2007": 5, "voc2012": 5, "coco": 4}[protocol]
    assert {(v.effect.difference, v.effect.low, v.effect.high, v.outcome) for v in compared} == {
        (0, 0, 0, "passed")
    }
    assert all("nothing changed" in verdict.sentence for verdict in compared)


def test_a_much_worse_candidate_fails_and_a_better_one_passes():
    worse, better = run(TRUTH, 0.5), run(TRUTH, 0.9)
    lost = outcomes(better, worse)
    assert lost["mAP"].outcome == lost["mAP.area"].outcome == "failed"
    effect = lost["mAP"].effect
    assert effect.difference == pytest.approx(effect.candidate - effect.baseline)
    assert effect.low < effect.difference < effect.high < 0
    assert effect.baseline == better.evaluation().summary["mAP"]
    assert "mAP: failed, " in lost["mAP"].sentence
    assert "worse by 0.5 points or more, beyond chance" in lost["mAP"].sentence
    won = outcomes(worse, better)
    assert {verdict.outcome for verdict in won.values() if verdict.effect} == {"passed"}


def test_the_interval_is_that_of_a_slow_bootstrap_with_students_t():
    ground_truth = images(10)
    first, second = (
        evaluate(ground_truth, run(ground_truth, quality).detections, "voc2007")
        for quality in (0.9, 0.5)
    )
    drawn = []
    for b in range(40):
        positions = np.sort(np.random.default_rng([3, b]).integers(0, 10, 10))
        copied, found = with_copies(ground_truth, [first.detections, second.detections], positions)
        a, z = (evaluate(copied, each, "voc2007").summary["mAP"] for each in found)
        drawn.append(z - a)
    (verdict,) = gate(run(ground_truth, 0.9), run(ground_truth, 0.5), [MAP], replicates=40, seed=3)
    reach = 2.821 * np.std(drawn, ddof=1) * math.sqrt(10 / 9)
    assert verdict.effect.high - verdict.effect.difference == pytest.approx(reach, rel=2e-3)
    assert verdict.effect.difference - verdict.effect.low == pytest.approx(reach, rel=2e-3)


def test_a_loss_that_is_large_but_may_be_chance_passes_with_a_remark_unless_proof_is_asked_for():
    baseline, candidate = run(TRUTH, 0.80, seed=3), run(TRUTH, 0.80, seed=4)
    if candidate.evaluation().summary["mAP"] > baseline.evaluation().summary["mAP"]:
        baseline, candidate = candidate, baseline
    (verdict,) = gate(baseline, candidate, [MAP], replicates=100)
    assert 0.005 < -verdict.effect.difference < 0.05
    assert verdict.outcome == "passed"
    assert "worse by 0.5 points or more, which may be chance" in verdict.sentence
    (verdict,) = gate(baseline, candidate, [replace(MAP, prove=True)], replicates=100)
    assert verdict.outcome == "inconclusive"
    assert (
        "that it is worse by 0.5 points is not ruled out, which this rule demands"
        in verdict.sentence
    )


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_huge_loss_on_very_few_images_is_inconclusive_and_its_interval_stays_within_what_is_possible(
    count,
):
    few = truth([(n, 0, BOX) for n in range(count)], images=count)
    verdicts = outcomes(run(few, perfect(few)), run(few, detections(few, [(0, 0, 0.9, BOX)])))
    compared = [verdict for verdict in verdicts.values() if verdict.effect]
    assert {verdict.outcome for verdict in compared} == {"inconclusive"}
    assert all(-1 <= verdict.effect.low < verdict.effect.high <= 1 for verdict in compared)
    assert (
        "worse by far more than 0.5 points, and the data are too few to say whether by chance"
        in verdicts["mAP"].sentence
    )
    assert overall(list(verdicts.values())) == "inconclusive"


@pytest.mark.parametrize(
    ("rule", "baseline", "loss", "outcome"),
    [
        (MAP, 0.7, 0.049, "passed"),
        (MAP, 0.7, 0.051, "inconclusive"),
        (MAP, 0.02, 0.009, "passed"),
        (MAP, 0.02, 0.011, "inconclusive"),
        (replace(MAP, minimum_effect=0.1), 0.7, 0.34, "passed"),
        (replace(MAP, minimum_effect=0.1), 0.7, 0.36, "inconclusive"),
        (replace(MAP, minimum_effect=0.5), 0.7, 0.45, "passed"),
        (replace(MAP, minimum_effect=0.03, relative=True), 0.5, 0.14, "passed"),
        (replace(MAP, minimum_effect=0.03, relative=True), 0.5, 0.16, "inconclusive"),
    ],
)
def test_an_unproven_loss_is_too_large_to_pass_from_ten_effects_or_half_of_the_baseline_on(
    rule, baseline, loss, outcome
):
    unproven = Effect(baseline, baseline - loss, -loss, -1, 0.01)
    assert judged(rule, unproven).outcome == outcome
    assert judged(rule, replace(unproven, high=-0.001)).outcome == (
        "failed" if loss >= rule.least(baseline) else "passed"
    )


def test_what_chance_takes_from_one_of_many_classes_is_no_huge_loss():
    every_class = one('measure = "AP[*]"\nminimum_effect = 0.05\nconfidence = 0.9995')
    sentences = []
    for seed in range(5):
        crowd = images(60, tuple("abcdefghij"), seed=seed)
        verdicts = gate(
            run(crowd, 0.3, seed=2 * seed),
            run(crowd, 0.3, seed=2 * seed + 1),
            [every_class],
            replicates=100,
        )
        assert {verdict.outcome for verdict in verdicts} <= {"passed", "skipped"}
        sentences += [
            v.sentence
            for v in verdicts
            if v.effect and v.effect.difference <= -0.5 * v.effect.baseline
        ]
    assert sentences
    assert all(
        "worse by 5 points or more, which may be chance" in sentence for sentence in sentences
    )


def test_what_chance_takes_on_few_images_is_no_huge_loss():
    sentences = []
    for seed in range(6):
        few = images(20, seed=seed)
        (verdict,) = gate(
            run(few, 0.3, seed=2 * seed), run(few, 0.3, seed=2 * seed + 1), [MAP], replicates=100
        )
        assert verdict.outcome == "passed"
        sentences += [verdict.sentence] if verdict.effect.difference < -0.05 else []
    assert sentences
    assert all(
        "worse by 0.5 points or more, which may be chance" in sentence for sentence in sentences
    )


def test_a_huge_loss_of_a_class_that_chance_hardly_makes_but_no_proof_stops_is_inconclusive():
    few = truth([(n, n % 4, BOX) for n in range(48)], ("cat", "dog", "cow", "hen"), 48)
    lost = detections(few, [(n, n % 4, 0.9, BOX) for n in range(48) if n % 4 != 1 or n < 20])
    rule = one('measure = "AP[*]"\nminimum_effect = 0.05\nconfidence = 0.9999')
    verdicts = outcomes(run(few, perfect(few)), run(few, lost), rule)
    effect = verdicts["AP[dog]"].effect
    assert effect.high > 0 > effect.difference
    assert verdicts["AP[dog]"].outcome == "inconclusive"


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize("prove", [False, True])
@pytest.mark.parametrize("found", ["perfect", "nothing"])
def test_identical_detections_pass_every_rule_whatever_the_images(count, prove, found):
    few = truth([(n, 0, BOX) for n in range(count)], images=count)
    nothing = Detections.from_rows(
        few, image_index=[], class_index=[], scores=[], boxes=np.zeros((0, 4)), name="nothing"
    )
    same = run(few, perfect(few) if found == "perfect" else nothing)
    for measure in ("mAP", "AP[*]", "AP[cat]"):
        for effect in ("0.005", '"3%"'):
            rule = replace(one(f'measure = "{measure}"\nminimum_effect = {effect}'), prove=prove)
            verdicts = gate(same, same, [rule], replicates=100)
            assert overall(verdicts) == "passed", verdicts
            assert [
                (verdict.effect.difference, "nothing changed" in verdict.sentence)
                for verdict in verdicts
            ] == [(0, True)]


def test_a_sure_but_small_loss_passes():
    worse, better = run(TRUTH, 0.5), run(TRUTH, 0.9)
    (verdict,) = gate(better, worse, [replace(MAP, minimum_effect=0.9)], replicates=100)
    assert (verdict.outcome, "worse, but by less than 90 points" in verdict.sentence) == (
        "passed",
        True,
    )
    (verdict,) = gate(better, worse, [replace(MAP, minimum_effect=0.9, prove=True)], replicates=100)
    assert verdict.outcome == "passed"


def test_one_class_that_is_lost_is_found():
    found = run(TRUTH, 0.9).detections
    lost = np.flatnonzero(found.class_index != 1)
    image = np.repeat(np.arange(len(TRUTH.image_ids)), np.diff(found.offsets))
    without = Detections.from_rows(
        TRUTH,
        image_index=image[lost],
        class_index=found.class_index[lost],
        scores=found.scores[lost],
        boxes=found.boxes[lost],
        name="no dogs",
    )
    verdicts = outcomes(run(TRUTH, found), run(TRUTH, without))
    assert verdicts["AP[dog]"].outcome == "failed"
    assert verdicts["AP[cat]"].outcome == verdicts["AP[cow]"].outcome == "passed"
    named = outcomes(
        run(TRUTH, found), run(TRUTH, without), one('measure = "AP[dog]"\nminimum_effect = "5%"')
    )
    assert named["AP[dog]"].effect.candidate == 0
    assert named["AP[dog]"].outcome == "failed"


def test_classes_that_few_images_show_and_classes_that_are_not_there():
    ground_truth = truth(
        [(n, 0, BOX) for n in range(12)] + [(0, 1, BOX)], ("cat", "dog", "cow"), 12
    )
    without_dog = detections(ground_truth, [(n, 0, 0.9, BOX) for n in range(12)])
    rules = [
        one(f'measure = "{measure}"\nminimum_effect = 0.05') for measure in ("AP[*]", "AP[cow]")
    ]
    found = outcomes(
        run(ground_truth, perfect(ground_truth)), run(ground_truth, without_dog), *rules
    )
    assert found["AP[cat]"].outcome == "passed"
    assert (
        found["AP[dog]"].outcome,
        "10 images, or groups of them, must show the class" in found["AP[dog]"].sentence,
    ) == ("skipped", True)
    assert (found["AP[cow]"].outcome, found["AP[cow]"].sentence) == (
        "skipped",
        "AP[cow]: skipped, there is nothing of it to find",
    )


@pytest.mark.parametrize(
    ("measure", "protocol", "problem"),
    [
        (
            "AP[dgo]",
            "voc2007",
            "the rule on AP[dgo] cannot be asked: there is no class 'dgo'; did you mean 'dog'? The classes are cat, dog, cow",
        ),
        ("AP50[zebra]", "coco", "there is no class 'zebra'; The classes are cat, dog, cow"),
        (
            "AR1000",
            "coco",
            "the rule on AR1000 cannot be asked: there is no measure 'AR1000'; did you mean 'AR100'? The measures are AP, AP50",
        ),
        ("AR7[dog]", "voc2007", "there is no measure 'AR7'; the measures are mAP"),
    ],
)
def test_a_mistyped_class_or_measure_is_misuse(measure, protocol, problem):
    same = run(TRUTH, protocol=protocol)
    with pytest.raises(DetbenchError) as found:
        gate(same, same, [one(f'measure = "{measure}"\nminimum_effect = 0.05')], replicates=100)
    assert problem.lower() in str(found.value).lower()


def test_measures_that_neither_run_has_are_skipped_and_named():
    one_run = run(TRUTH)
    (verdict,) = gate(one_run, one_run, [one('measure = "AP75"\nminimum_effect = 0.05')])
    assert (verdict.outcome, verdict.sentence) == (
        "skipped",
        "AP75: skipped, neither run has it (protocol voc2007)",
    )
    sizes = gate(
        run(TRUTH, protocol=COCO),
        run(TRUTH, protocol=COCO),
        [one('measure = "APm"\nminimum_effect = 0.05')],
        replicates=20,
    )
    assert sizes[0].outcome == "passed"


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (
            run(images(151)),
            "the runs are of different images: 0 only in the baseline, 1 only in the candidate, 150 in both",
        ),
        (run(images(seed=2)), "the runs are of the same images with different annotations"),
        (
            run(images(classes=("cat", "dog", "cat 2"))),
            "the runs are of different classes on the same images",
        ),
        (
            run(TRUTH, protocol=replace(VOC2007, strict_overlap=True)),
            "protocol voc2007 was not the same in both: strict_overlap False and True",
        ),
        (
            run(TRUTH, protocol="voc2012"),
            "the baseline was scored by protocol voc2007, the candidate by voc2012",
        ),
    ],
)
def test_what_is_not_alike_is_inconclusive(candidate, reason):
    (verdict,) = gate(run(TRUTH), candidate, [MAP])
    assert (verdict.outcome, verdict.sentence) == ("inconclusive", f"mAP: inconclusive, {reason}")


def test_one_model_prepared_in_two_ways_is_inconclusive_and_two_models_are_not():
    def prepared(fit, digest):
        found = replace(
            run(TRUTH).detections,
            settings={"digest": digest, "preprocessing": {"fit": fit, "size": 640}},
        )
        return run(TRUTH, found)

    (verdict,) = gate(prepared("letterbox", "sha256:1"), prepared("stretch", "sha256:1"), [MAP])
    assert verdict.outcome == "inconclusive"
    assert (
        "one model with two ways of preprocessing: fit was letterbox in the baseline and stretch in the candidate"
        in verdict.sentence
    )
    (verdict,) = gate(
        prepared("letterbox", "sha256:1"), prepared("stretch", "sha256:2"), [MAP], replicates=20
    )
    assert verdict.outcome == "passed"


def test_groups_are_the_evidence():
    baseline, candidate = run(TRUTH, 0.9), run(TRUTH, 0.7)

    def in_groups(groups):
        return replace(baseline, ground_truth=replace(TRUTH, groups=groups))

    whole, alone, thirds = (
        gate(in_groups(groups), candidate, [MAP], replicates=200)[0].effect
        for groups in (None, np.arange(150), np.arange(150) // 50)
    )
    assert whole == alone
    assert thirds.difference == whole.difference
    in_thirds = replace(candidate, ground_truth=in_groups(np.arange(150) // 50).ground_truth)
    drawn = bootstrap(
        [each.evaluation() for each in (in_groups(np.arange(150) // 50), in_thirds)], replicates=200
    )
    spread = (drawn[1][0].values - drawn[0][0].values).std(ddof=1)
    assert thirds.high - thirds.difference == pytest.approx(
        6.965 * math.sqrt(3 / 2) * spread, rel=1e-3
    )
    (of_one,) = gate(in_groups(np.zeros(150, np.int64)), candidate, [MAP])
    assert of_one.outcome == "inconclusive"
    with pytest.raises(
        NotComparableError,
        match="baseline and candidate are in different groups; say which with --groups",
    ):
        gate(in_groups(np.arange(150) // 30), in_thirds, [MAP])
    assert gate(in_groups(np.arange(150) // 30), in_thirds, []) == []
    (of_the_candidate,) = gate(baseline, in_thirds, [MAP], replicates=200)
    assert of_the_candidate.effect == thirds


@pytest.mark.parametrize("count", [0, 1])
def test_zero_images_and_one(count):
    few = truth([(0, 0, BOX)] * count, images=count)
    nothing = Detections.from_rows(
        few, image_index=[], class_index=[], scores=[], boxes=np.zeros((0, 4)), name="nothing"
    )
    (verdict,) = gate(run(few, perfect(few)), run(few, nothing), [MAP])
    assert verdict.outcome == "inconclusive"
    assert (
        "there are 0 images" if count == 0 else "too few data for an interval"
    ) in verdict.sentence
    (same,) = gate(run(few, perfect(few)), run(few, perfect(few)), [MAP])
    assert same.outcome == ("passed" if count else "inconclusive")
