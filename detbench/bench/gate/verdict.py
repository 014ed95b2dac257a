"""Verdict: what a rule decides about a candidate, from a difference and its interval.

- A candidate fails if it lost at least the minimum effect, and the loss is statistically
  significant: its interval excludes 0.
- A large loss that is not significant passes, and so does a small one that is. The verdict's
  sentence says so.
- A huge loss that is not significant is inconclusive: there are too few data to let it pass.
- A non-inferiority rule passes only if the interval lies below the minimum effect. Otherwise it is
  inconclusive.
- If nothing changed, every rule passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from detbench.bench.gate.formatting import change_text, minimum_effect_text, value_text
from detbench.bench.gate.rules import Rule

Outcome = Literal["passed", "failed", "inconclusive", "skipped"]
EXIT_CODES: dict[Outcome, int] = {"passed": 0, "failed": 1, "inconclusive": 3, "skipped": 3}

HUGE_EFFECTS, HUGE_SHARE = 10, 0.5
"""A loss is huge from this number of minimum effects, or from this share of the baseline if that is
less."""


@dataclass(frozen=True)
class Effect:
    """The difference in a measure between two runs, in the measure's unit."""

    baseline: float
    candidate: float
    difference: float
    """Candidate − baseline."""
    low: float
    """Lower end of the difference's interval; NaN without one. Both ends of an exact difference are
    equal."""
    high: float
    remark: str = ""
    """What else a reader must know; the end of the sentence."""

    @property
    def unchanged(self) -> bool:
        """Whether there is no difference, in no resample."""
        return self.difference == 0 and (math.isnan(self.low) or self.low == self.high == 0)


@dataclass(frozen=True)
class Verdict:
    """What a rule decided."""

    rule: Rule
    name: str
    """The rule's measure; that of one class for a rule on every class."""
    outcome: Outcome
    sentence: str
    effect: Effect | None = None
    """None if nothing was compared."""


class _Loss(NamedTuple):
    """The loss, above 0 if the candidate is worse, and the ends of its interval."""

    estimate: float
    low: float
    high: float


def verdict_without_comparison(
    rule: Rule, outcome: Outcome, reason: str, name: str = ""
) -> Verdict:
    """Return the verdict of a rule that has nothing to compare."""
    name = name or rule.text
    return Verdict(rule, name, outcome, f"{name}: {outcome}, {reason}")


def verdict_on(rule: Rule, effect: Effect, name: str = "", *, chance_loss: float = 0.0) -> Verdict:
    """Return the verdict of a rule on a difference.

    Args:
        rule: The rule.
        effect: The difference.
        name: Of the measure; empty for the rule's own.
        chance_loss: The loss that chance may cause, in the measure's unit. Smaller ones are never
            huge.
    """
    outcome, reason = _outcome(rule, effect, chance_loss)
    name = name or rule.text
    remark = f"; {effect.remark}" if effect.remark else ""
    sentence = f"{name}: {outcome}, {_effect_text(rule, effect)}: {reason}{remark}"
    return Verdict(rule, name, outcome, sentence, effect)


def overall_outcome(verdicts: Sequence[Verdict]) -> Outcome:
    """Return failed if any rule failed.

    Otherwise inconclusive if any is or none applied, otherwise passed.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    for outcome in ("failed", "inconclusive", "passed"):
        if outcome in outcomes:
            return outcome
    return "inconclusive"


def _outcome(rule: Rule, effect: Effect, chance_loss: float) -> tuple[Outcome, str]:
    """Return the outcome and its reason."""
    loss = _loss(rule, effect)
    min_loss, amount = rule.min_loss(effect.baseline), minimum_effect_text(rule)
    if effect.unchanged:
        return "passed", "nothing changed"
    if math.isnan(loss.low):
        return "inconclusive", "there are too few data for an interval"
    if loss.estimate >= min_loss and loss.low > 0:
        # Exact differences, such as those of model sizes, have no sampling error.
        is_exact = effect.low == effect.high
        return "failed", f"{'worse' if is_exact else 'significantly worse,'} by at least {amount}"
    if rule.non_inferiority and loss.high >= min_loss:
        return "inconclusive", f"a loss of {amount} is not ruled out, as non_inferiority requires"
    if loss.estimate >= max(_huge_loss(rule, effect.baseline), chance_loss):
        return "inconclusive", f"worse by far more than {amount}, but too few data for significance"
    return "passed", _reason_to_pass(loss, min_loss, amount)


def _reason_to_pass(loss: _Loss, min_loss: float, amount: str) -> str:
    if loss.low > 0:
        return f"significantly worse, but by less than {amount}"
    if loss.high < min_loss:
        return f"a loss of {amount} is ruled out"
    if loss.estimate >= min_loss:
        return f"worse by at least {amount}, but not significant"
    return f"no loss of {amount}, though the data do not rule it out"


def _loss(rule: Rule, effect: Effect) -> _Loss:
    if rule.higher_is_better:
        return _Loss(-effect.difference, -effect.high, -effect.low)
    return _Loss(effect.difference, effect.low, effect.high)


def _huge_loss(rule: Rule, baseline: float) -> float:
    min_loss = rule.min_loss(baseline)
    return max(min_loss, min(HUGE_EFFECTS * min_loss, HUGE_SHARE * abs(baseline)))


def _effect_text(rule: Rule, effect: Effect) -> str:
    """Return values, difference and interval, such as `90.35 → 87.72 (-2.63 points)`."""
    values = f"{value_text(rule, effect.baseline)} → {value_text(rule, effect.candidate)}"
    difference, low, high = (
        change_text(rule, effect.baseline, change)
        for change in (effect.difference, effect.low, effect.high)
    )
    if effect.low < effect.high:  # False for NaN too
        return f"{values} ({difference}, interval {low} to {high})"
    return f"{values} ({difference})"
