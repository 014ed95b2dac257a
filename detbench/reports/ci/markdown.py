"""Gate as Markdown, for a pull request and for the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from detbench.bench.gate.verdict import Outcome, Verdict, overall_outcome
from detbench.bench.runs import Run
from detbench.reports.terminal.gate import HEADINGS, gate_rows, headline, sentences
from detbench.wording import one_line

_SIGNS: dict[Outcome, str] = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "skipped": "➖"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|~!@&])")
_LINKS = re.compile(r"://|(?i:www)\.|\\#(?=\d)|(?i:gh)-(?=\d)")
_ZERO_WIDTH_SPACE = "\u200b"


def gate_markdown(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> str:
    """Return a heading, a table, and a sentence for each verdict other than passed."""
    outcome = overall_outcome(verdicts)
    alignment = "|---|" + "--:|" * (len(HEADINGS) - 2) + "---|"
    rows = [f"| {' | '.join(map(escaped, cells))} |" for cells in gate_rows(verdicts)]
    parts = [
        f"### {_SIGNS[outcome]} detbench gate {outcome}",
        escaped(headline(baseline, candidate, verdicts)),
        "\n".join([f"| {' | '.join(HEADINGS)} |", alignment, *rows]),
        "\n".join(
            f"- {_SIGNS[outcome]} {escaped(sentence)}" for outcome, sentence in sentences(verdicts)
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is: no marks, HTML, mentions or links.

    GitHub makes links of addresses and mentions even if they are escaped. A zero-width space breaks
    them up.
    """
    marked = (
        _SPECIAL.sub(r"\\\1", one_line(text))
        .replace("\\@", f"@{_ZERO_WIDTH_SPACE}")
        .replace("\\&", "&amp;")
        .replace("\\<", "&lt;")
    )
    return _LINKS.sub(_broken_link, marked)


def _broken_link(match: re.Match[str]) -> str:
    start = match[0]
    if start == "://":
        return f":{_ZERO_WIDTH_SPACE}//"
    return f"{start}{_ZERO_WIDTH_SPACE}"
