"""Verdicts: when a loss that is not significant is too large to pass."""

from dataclasses import replace

import pytest

from detbench.bench.gate.verdict import Effect, verdict_on
from tests.bench.gate.simulated_runs import rule_of

MAP = rule_of('measure = "mAP"\nminimum_effect = 0.005')


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
def test_a_huge_loss_is_ten_minimum_effects_or_half_of_the_baseline(rule, baseline, loss, outcome):
    not_significant = Effect(baseline, baseline - loss, -loss, -1, 0.01)
    assert verdict_on(rule, not_significant).outcome == outcome
    significant = replace(not_significant, high=-0.001)
    expected = "failed" if loss >= rule.min_loss(baseline) else "passed"
    assert verdict_on(rule, significant).outcome == expected
