"""Gate GitHub: verdicts as annotations, the workflow commands that GitHub reads from a job's output."""

from __future__ import annotations

from collections.abc import Sequence

from detbench.bench.gate.verdict import Outcome, Verdict
from detbench.reports.one_line import one_line

_LEVELS: dict[Outcome, str] = {"failed": "error", "inconclusive": "warning"}


def workflow_commands(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each verdict that failed or is inconclusive.

    Escaped as in `@actions/core` (packages/core/src/command.ts), and on one line: what stands in a message or a property cannot start
    another command.
    """
    return [
        f"::{_LEVELS[verdict.outcome]} title={_property(f'detbench gate: {verdict.name}')}::{_data(verdict.sentence)}"
        for verdict in verdicts
        if verdict.outcome in _LEVELS
    ]


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25").replace("##[", "## [")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
