"""Verdict: what a rule says of a candidate, from a difference and its interval.

A candidate fails where it lost at least the minimum effect, and the interval of its loss leaves 0 out. A loss that is large but not sure,
and one that is sure but small, pass, and the sentence says so. One that would be a disaster if it were sure is inconclusive: the data
are too few to let it pass. A rule that demands proof passes only where the whole interval lies below the minimum effect, and is
inconclusive otherwise. Where nothing changed, every rule passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detbench.bench.gate.rules import Rule
from detbench.bench.gate.wording import change_text, least_text, value_text

Outcome = Literal["passed", "failed", "inconclusive", "skipped"]
EXIT_CODES: dict[Outcome, int] = {"passed": 0, "failed": 1, "inconclusive": 3, "skipped": 3}

HUGE_EFFECTS, HUGE_SHARE = 10, 0.5
"""A loss is huge from so many minimum effects or this share of the baseline on, whichever is less."""


@dataclass(frozen=True)
class Effect:
    """How a measure differs between two runs, in the measure's unit."""

    baseline: float
    candidate: float
    difference: float
    """Candidate − baseline."""
    low: float
    """Lower end of the difference's interval; NaN where there is none. Exact differences have two equal ends."""
    high: float
    remark: str = ""
    """What else must be known of it; ends up in the sentence."""

    @property
    def unchanged(self) -> bool:
        """Whether there is no difference at all, in no draw."""
        return self.difference == 0 and (math.isnan(self.low) or self.low == self.high == 0)


@dataclass(frozen=True)
class Verdict:
    """What a rule says."""

    rule: Rule
    name: str
    """The rule's measure; of a rule for every class, that of one of them."""
    outcome: Outcome
    sentence: str
    effect: Effect | None = None
    """None where nothing was compared."""


def unjudged(rule: Rule, outcome: Outcome, reason: str, name: str = "") -> Verdict:
    """Return the verdict of a rule that has nothing to compare."""
    return Verdict(rule, name or rule.text, outcome, f"{name or rule.text}: {outcome}, {reason}")


def judged(rule: Rule, effect: Effect, name: str = "", *, by_chance: float = 0.0) -> Verdict:
    """Return the verdict of a rule on a difference; a loss of less than `by_chance`, in the measure's unit, is not a huge one."""
    loss, surely, at_most = _losses(rule, effect)
    least, amount = rule.least(effect.baseline), least_text(rule)
    outcome: Outcome
    if effect.unchanged:
        outcome, why = "passed", "nothing changed"
    elif math.isnan(surely):
        outcome, why = "inconclusive", "there are too few data for an interval"
    elif loss >= least and surely > 0:
        outcome, why = (
            "failed",
            f"worse by {amount} or more" + (", beyond chance" if effect.low < effect.high else ""),
        )
    elif rule.prove and at_most >= least:
        outcome, why = (
            "inconclusive",
            f"that it is worse by {amount} is not ruled out, which this rule demands",
        )
    elif loss >= max(_huge(rule, effect.baseline), by_chance):
        outcome, why = (
            "inconclusive",
            f"worse by far more than {amount}, and the data are too few to say whether by chance",
        )
    else:
        outcome, why = "passed", _why_passed(loss, surely, at_most, least, amount)
    shown = name or rule.text
    remark = f"; {effect.remark}" if effect.remark else ""
    return Verdict(
        rule, shown, outcome, f"{shown}: {outcome}, {_change(rule, effect)}: {why}{remark}", effect
    )


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Return failed if any rule failed, else inconclusive if any is or none could be applied, else passed."""
    outcomes = {verdict.outcome for verdict in verdicts}
    for outcome in ("failed", "inconclusive", "passed"):
        if outcome in outcomes:
            return outcome
    return "inconclusive"


def _losses(rule: Rule, effect: Effect) -> tuple[float, float, float]:
    """Return the loss (above 0 is worse) with the ends of its interval."""
    if rule.higher_is_better:
        return -effect.difference, -effect.high, -effect.low
    return effect.difference, effect.low, effect.high


def _huge(rule: Rule, baseline: float) -> float:
    least = rule.least(baseline)
    return max(least, min(HUGE_EFFECTS * least, HUGE_SHARE * abs(baseline)))


def _why_passed(loss: float, surely: float, at_most: float, least: float, amount: str) -> str:
    if surely > 0:
        return f"worse, but by less than {amount}"
    if at_most < least:
        return f"that it is worse by {amount} is ruled out"
    if loss >= least:
        return f"worse by {amount} or more, which may be chance"
    return f"not worse by {amount}, as far as the data can tell"


def _change(rule: Rule, effect: Effect) -> str:
    """Return the values, the difference and its interval, in a few words."""
    values = f"{value_text(rule, effect.baseline)} → {value_text(rule, effect.candidate)}"
    difference, low, high = (
        change_text(rule, effect.baseline, change)
        for change in (effect.difference, effect.low, effect.high)
    )
    known = not math.isnan(effect.low) and effect.low < effect.high
    return (
        f"{values} ({difference}, interval {low} to {high})"
        if known
        else f"{values} ({difference})"
    )
