"""Audit: no difference from pycocotools, and the size of one that was planted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detbench.metrics.scoring import audit as module
from detbench.metrics.scoring.audit import audit
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import detections, random_pair, truth

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("seed", range(4))
def test_the_same_boxes_score_the_same(seed, capfd):
    ground_truth, detector = random_pair(seed)
    ground_truth = replace(ground_truth, iscrowd=[n % 5 == 0 for n in range(len(ground_truth))])
    outcome = audit(ground_truth, detector)
    assert outcome.identical
    assert (outcome.array_difference, outcome.summary_difference) == (0, 0)
    assert outcome.ours == outcome.pycocotools == evaluate(ground_truth, detector, "coco").summary
    assert capfd.readouterr() == ("", ""), "pycocotools prints; an audit does not"


@pytest.mark.parametrize(
    ("objects", "rows"),
    [
        ([], []),
        ([], [(0, 0, 0.9, BOX)]),
        ([(0, 0, BOX)], []),
        ([(0, 0, BOX), (1, 0, BOX)], [(0, 0, 0.9, (60, 60, 10, 10)), (1, 0, 0.8, BOX)]),
        ([(0, 0, BOX)], [(0, 0, 0.5, BOX)] * 102),
        ([(0, 0, BOX)], [(0, 0, -3.0, BOX), (0, 1, 0.0, BOX)]),
    ],
    ids=["nothing", "no objects", "no detections", "inverted", "too many", "odd scores"],
)
def test_odd_input_scores_the_same(objects, rows):
    ground_truth = truth(objects)
    outcome = audit(ground_truth, detections(ground_truth, rows))
    assert outcome.identical
    assert outcome.summary_difference == 0
    assert set(outcome.pycocotools) == set(outcome.ours)
    if not objects:
        assert set(outcome.pycocotools.values()) == {None}


def test_a_difference_is_found_and_measured(monkeypatch):
    """The reference gets one detection less."""
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX)])
    both = detections(ground_truth, [(0, 0, 0.9, BOX), (1, 0, 0.8, BOX)])
    one = detections(ground_truth, [(0, 0, 0.9, BOX)])
    original = module._pycocotools
    monkeypatch.setattr(module, "_pycocotools", lambda ground_truth, _: original(ground_truth, one))
    outcome = audit(ground_truth, both)
    assert not outcome.identical
    assert outcome.array_difference == 1.0, "precision 0 where it is 1"
    assert outcome.pycocotools["AP"] == pytest.approx(51 / 101)
    pairs = zip(outcome.ours.values(), outcome.pycocotools.values(), strict=True)
    largest = max(abs(ours - theirs) for ours, theirs in pairs if ours is not None)
    assert outcome.summary_difference == largest
    assert outcome.summary_difference == 0.5, "recall 1 and 1 / 2"
