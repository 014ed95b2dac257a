"""Gate formatting: values, changes and minimum effects of a rule's measure as people read them."""

from __future__ import annotations

from detbench.bench.gate.measures import Kind
from detbench.bench.gate.rules import Rule

_UNITS: dict[Kind, tuple[float, str]] = {
    "accuracy": (100.0, "points"),
    "latency": (1.0, "ms"),
    "throughput": (1.0, "images/s"),
    "memory": (1e-6, "MB"),
    "model_size": (1e-6, "MB"),
}
"""The factor that values are multiplied with for reading, and the unit that they have then."""
_DIGITS = 4


def value_text(rule: Rule, value: float) -> str:
    """Return a value of the rule's measure, without its unit; accuracy as 0..100."""
    factor, _ = _UNITS[rule.measure.kind]
    if rule.measure.kind == "accuracy":
        return f"{factor * value:.2f}"
    return f"{factor * value:,.{_DIGITS}g}"


def change_text(rule: Rule, baseline: float, change: float) -> str:
    """Return a signed change, for a relative rule in percent of the baseline."""
    if rule.relative and baseline:
        return f"{100 * change / abs(baseline):+.2f}%"
    factor, unit = _UNITS[rule.measure.kind]
    if rule.measure.kind == "accuracy":
        return f"{factor * change:+.2f} {unit}"
    return f"{factor * change:+.{_DIGITS}g} {unit}"


def minimum_effect_text(rule: Rule) -> str:
    """Return the rule's minimum effect."""
    if rule.relative:
        return f"{100 * rule.minimum_effect:g}%"
    factor, unit = _UNITS[rule.measure.kind]
    return f"{factor * rule.minimum_effect:g} {unit}"
