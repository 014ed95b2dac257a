"""Comparability: runs on other data, under other protocols, or prepared in another way."""

from dataclasses import replace

import pytest

from detbench.bench.gate.gate import gate
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.voc import VOC2007
from tests.bench.gate.simulated_runs import random_images, rule_of, run_of

IMAGES = random_images()
MAP = rule_of('measure = "mAP"\nminimum_effect = 0.005')


@pytest.mark.parametrize(
    ("candidate", "difference"),
    [
        (
            run_of(random_images(151)),
            "different images (0 only in the first, 1 only in the second, 150 in both)",
        ),
        (run_of(random_images(seed=2)), "different annotations on the same images"),
        (
            run_of(random_images(classes=("cat", "dog", "cat 2"))),
            "different classes on the same images",
        ),
        (
            run_of(IMAGES, protocol=replace(VOC2007, strict_overlap=True)),
            "different strict_overlap in protocol voc2007 (False and True)",
        ),
        (run_of(IMAGES, protocol="voc2012"), "different protocols (voc2007 and voc2012)"),
    ],
)
def test_runs_that_are_not_comparable_are_inconclusive(candidate, difference):
    (verdict,) = gate(run_of(IMAGES), candidate, [MAP])
    assert (verdict.outcome, verdict.sentence) == (
        "inconclusive",
        f"mAP: inconclusive, baseline and candidate have {difference}",
    )


def run_prepared(fit, digest):
    settings = {"digest": digest, "preprocessing": {"fit": fit, "size": 640}}
    return run_of(IMAGES, replace(run_of(IMAGES).detections, settings=settings))


def test_one_model_with_different_preprocessing_is_inconclusive():
    baseline = run_prepared("letterbox", "sha256:1")
    (verdict,) = gate(baseline, run_prepared("stretch", "sha256:1"), [MAP])
    assert verdict.outcome == "inconclusive"
    assert verdict.sentence.endswith(
        "the model is the same, but its preprocessing differs:"
        " fit was letterbox in the baseline and stretch in the candidate"
    )
    (verdict,) = gate(baseline, run_prepared("stretch", "sha256:2"), [MAP], resamples=20)
    assert verdict.outcome == "passed", "two models may differ in preprocessing"


def test_measures_that_neither_run_has_are_skipped_and_named():
    run = run_of(IMAGES)
    (verdict,) = gate(run, run, [rule_of('measure = "AP75"\nminimum_effect = 0.05')])
    assert (verdict.outcome, verdict.sentence) == (
        "skipped",
        "AP75: skipped, neither run has this measure (protocol voc2007)",
    )
    run = run_of(IMAGES, protocol=COCO)
    (verdict,) = gate(run, run, [rule_of('measure = "APm"\nminimum_effect = 0.05')], resamples=20)
    assert verdict.outcome == "passed"
