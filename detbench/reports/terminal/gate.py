"""Gate table: verdicts for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from detbench.bench.gate.verdict import Outcome, Verdict, overall
from detbench.bench.gate.wording import change_text, least_text, value_text
from detbench.bench.runs import Run
from detbench.reports.one_line import one_line
from detbench.reports.terminal.table import ABSENT, plain_table

_STYLES: dict[Outcome, str] = {
    "passed": "green",
    "failed": "bold red",
    "inconclusive": "yellow",
    "skipped": "dim",
}
HEADINGS = ("rule", "baseline", "candidate", "difference", "interval", "fails from", "verdict")


def gate_table(verdicts: Sequence[Verdict]) -> Table:
    """Return a row for each verdict but the skipped ones; classes that passed are counted in one row of their rule."""
    table = plain_table()
    for heading in HEADINGS:
        left = heading in {"rule", "verdict"}
        table.add_column(
            heading,
            justify="left" if left else "right",
            overflow="fold" if heading == "rule" else "ellipsis",
        )
    for row in gate_rows(verdicts):
        *cells, outcome = row
        table.add_row(*(Text(one_line(cell)) for cell in cells), Text(outcome, _STYLES[outcome]))  # type: ignore[index]
    return table


def gate_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Return the cells under HEADINGS."""
    rows = []
    shown = [verdict for verdict in verdicts if verdict.outcome != "skipped"]
    for (_, outcome, folded), group in groupby(shown, key=_fold):
        same = list(group)
        if folded and len(same) > 1:
            rows.append(
                (
                    f"{same[0].rule.text}: {len(same)} classes",
                    *[ABSENT] * 4,
                    least_text(same[0].rule),
                    outcome,
                )
            )
        else:
            rows.extend(_cells(verdict) for verdict in same)
    return rows


def gate_lines(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> list[str]:
    """Return the outcome in a line, and what `sentences` says, indented."""
    told = [f"  {one_line(sentence)}" for _, sentence in sentences(verdicts)]
    return [one_line(headline(baseline, candidate, verdicts)), *told]


def sentences(verdicts: Sequence[Verdict]) -> list[tuple[Outcome, str]]:
    """Return a sentence for each rule that failed or is inconclusive, and one that names those skipped for the same reason."""
    told: list[tuple[Outcome, str]] = [
        (verdict.outcome, verdict.sentence)
        for verdict in verdicts
        if verdict.outcome in {"failed", "inconclusive"}
    ]
    skipped: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == "skipped":
            skipped.setdefault(
                verdict.sentence.removeprefix(f"{verdict.name}: skipped, "), []
            ).append(verdict.name)
    return told + [
        ("skipped", f"skipped, {reason}: {'; '.join(names)}") for reason, names in skipped.items()
    ]


def headline(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> str:
    """Return the outcome with its counts."""
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = ", ".join(
        f"{outcomes.count(outcome)} {outcome}" for outcome in _STYLES if outcome in outcomes
    )
    return f"{overall(verdicts)}: {candidate.name} against {baseline.name}: {counts or 'no rules'}"


def _fold(verdict: Verdict) -> tuple[int, Outcome, bool]:
    return (
        id(verdict.rule),
        verdict.outcome,
        verdict.name != verdict.rule.text and verdict.outcome == "passed",
    )


def _cells(verdict: Verdict) -> tuple[str, ...]:
    rule, effect = verdict.rule, verdict.effect
    if effect is None:
        return (verdict.name, *[ABSENT] * 4, least_text(rule), verdict.outcome)
    change, low, high = (
        change_text(rule, effect.baseline, each)
        for each in (effect.difference, effect.low, effect.high)
    )
    span = (
        f"{low.rsplit(' ', 1)[0]} to {high.rsplit(' ', 1)[0]}"
        if effect.low < effect.high
        else ABSENT
    )
    values = (value_text(rule, effect.baseline), value_text(rule, effect.candidate))
    return (verdict.name, *values, change, span, least_text(rule), verdict.outcome)
