"""Gate table: verdicts in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from detbench.bench.gate.formatting import change_text, minimum_effect_text, value_text
from detbench.bench.gate.verdict import Effect, Outcome, Verdict, overall_outcome
from detbench.bench.runs import Run
from detbench.reports.terminal.table import ABSENT, plain_table
from detbench.wording import one_line

HEADINGS = ("rule", "baseline", "candidate", "difference", "interval", "min. effect", "verdict")
_LEFT_ALIGNED = {"rule", "verdict"}
_STYLES: dict[Outcome, str] = {
    "passed": "green",
    "failed": "bold red",
    "inconclusive": "yellow",
    "skipped": "dim",
}


def gate_table(verdicts: Sequence[Verdict]) -> Table:
    """Return a row per verdict, except skipped ones; classes that passed share a row."""
    table = plain_table()
    for heading in HEADINGS:
        table.add_column(
            heading,
            justify="left" if heading in _LEFT_ALIGNED else "right",
            overflow="fold" if heading == "rule" else "ellipsis",
        )
    for row in gate_rows(verdicts):
        *cells, outcome = row
        style = _STYLES[outcome]  # type: ignore[index]
        table.add_row(*(Text(one_line(cell)) for cell in cells), Text(outcome, style))
    return table


def gate_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Return the cells under HEADINGS; the last cell is the outcome."""
    rows = []
    compared = [verdict for verdict in verdicts if verdict.outcome != "skipped"]
    for (_, outcome, is_folded), group in groupby(compared, key=_folding_key):
        members = list(group)
        if is_folded and len(members) > 1:
            rule = members[0].rule
            label = f"{rule.text}: {len(members)} classes"
            rows.append((label, *[ABSENT] * 4, minimum_effect_text(rule), outcome))
        else:
            rows.extend(_cells(verdict) for verdict in members)
    return rows


def gate_lines(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> list[str]:
    """Return the outcome in one line, and the `sentences`, indented."""
    details = [f"  {one_line(sentence)}" for _, sentence in sentences(verdicts)]
    return [one_line(headline(baseline, candidate, verdicts)), *details]


def sentences(verdicts: Sequence[Verdict]) -> list[tuple[Outcome, str]]:
    """Return a sentence per rule that failed or is inconclusive, and one per reason to skip."""
    problems: list[tuple[Outcome, str]] = [
        (verdict.outcome, verdict.sentence)
        for verdict in verdicts
        if verdict.outcome in {"failed", "inconclusive"}
    ]
    skipped: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == "skipped":
            reason = verdict.sentence.removeprefix(f"{verdict.name}: skipped, ")
            skipped.setdefault(reason, []).append(verdict.name)
    return problems + [
        ("skipped", f"skipped, {reason}: {'; '.join(names)}") for reason, names in skipped.items()
    ]


def headline(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> str:
    """Return the overall outcome with the number of verdicts of each kind."""
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = ", ".join(
        f"{outcomes.count(outcome)} {outcome}" for outcome in _STYLES if outcome in outcomes
    )
    names = f"{candidate.name} against {baseline.name}"
    return f"{overall_outcome(verdicts)}: {names}: {counts or 'no rules'}"


def _folding_key(verdict: Verdict) -> tuple[int, Outcome, bool]:
    """Return the rule, the outcome, and whether this is one of several classes that passed."""
    is_class = verdict.name != verdict.rule.text
    return id(verdict.rule), verdict.outcome, is_class and verdict.outcome == "passed"


def _cells(verdict: Verdict) -> tuple[str, ...]:
    rule, effect = verdict.rule, verdict.effect
    ending = (minimum_effect_text(rule), verdict.outcome)
    if effect is None:
        return (verdict.name, *[ABSENT] * 4, *ending)
    values = (value_text(rule, effect.baseline), value_text(rule, effect.candidate))
    difference = change_text(rule, effect.baseline, effect.difference)
    return (verdict.name, *values, difference, _interval_text(verdict, effect), *ending)


def _interval_text(verdict: Verdict, effect: Effect) -> str:
    """Return the ends of the interval without their unit, which the difference has."""
    if not effect.low < effect.high:  # NaN or exact
        return ABSENT
    low, high = (
        change_text(verdict.rule, effect.baseline, end).rsplit(" ", 1)[0]
        for end in (effect.low, effect.high)
    )
    return f"{low} to {high}"
