"""Gate on GitHub: verdicts as annotations, through workflow commands in a job's output."""

from __future__ import annotations

from collections.abc import Sequence

from detbench.bench.gate.verdict import Outcome, Verdict
from detbench.wording import one_line

_LEVELS: dict[Outcome, str] = {"failed": "error", "inconclusive": "warning"}


def workflow_commands(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line for each verdict that failed or is inconclusive.

    Messages and properties are escaped as in `@actions/core` (packages/core/src/command.ts), and on
    one line, so that a name in them cannot start another command.
    """
    commands = []
    for verdict in verdicts:
        if verdict.outcome in _LEVELS:
            level = _LEVELS[verdict.outcome]
            title = _escaped_property(f"detbench gate: {verdict.name}")
            commands.append(f"::{level} title={title}::{_escaped_message(verdict.sentence)}")
    return commands


def _escaped_message(text: str) -> str:
    return one_line(text).replace("%", "%25").replace("##[", "## [")


def _escaped_property(text: str) -> str:
    return _escaped_message(text).replace(":", "%3A").replace(",", "%2C")
