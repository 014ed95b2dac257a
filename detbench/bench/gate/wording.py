"""Wording: values, differences and amounts of a measure as people read them."""

from __future__ import annotations

from detbench.bench.gate.naming import Kind
from detbench.bench.gate.rules import Rule

_UNITS: dict[Kind, tuple[float, str]] = {
    "accuracy": (100.0, "points"),
    "latency": (1.0, "ms"),
    "throughput": (1.0, "pictures/s"),
    "memory": (1e-6, "MB"),
    "model_size": (1e-6, "MB"),
}
"""By what values are multiplied to be read, and what they are then."""
_DIGITS = 4


def value_text(rule: Rule, value: float) -> str:
    """Return a value of the rule's measure, without its unit; accuracy in 0..100."""
    factor, _ = _UNITS[rule.measure.kind]
    return (
        f"{factor * value:.2f}"
        if rule.measure.kind == "accuracy"
        else f"{factor * value:,.{_DIGITS}g}"
    )


def change_text(rule: Rule, baseline: float, change: float) -> str:
    """Return a signed change of the measure: a share of the baseline where the rule is about shares, else in the measure's unit."""
    if rule.relative and baseline:
        return f"{100 * change / abs(baseline):+.2f} %"
    factor, unit = _UNITS[rule.measure.kind]
    return (
        f"{factor * change:+.2f} {unit}"
        if rule.measure.kind == "accuracy"
        else f"{factor * change:+.{_DIGITS}g} {unit}"
    )


def least_text(rule: Rule) -> str:
    """Return the rule's minimum effect."""
    if rule.relative:
        return f"{100 * rule.minimum_effect:g} %"
    factor, unit = _UNITS[rule.measure.kind]
    return f"{factor * rule.minimum_effect:g} {unit}"
