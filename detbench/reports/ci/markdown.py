"""Gate Markdown: verdicts for a pull request and for the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from detbench.bench.gate.verdict import Outcome, Verdict, overall
from detbench.bench.runs import Run
from detbench.reports.one_line import one_line
from detbench.reports.terminal.gate import HEADINGS, gate_rows, headline, sentences

_SIGNS: dict[Outcome, str] = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "skipped": "➖"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|~!@&])")
_LINKS = re.compile(r"://|(?i:www)\.|\\#(?=\d)|(?i:gh)-(?=\d)")


def gate_markdown(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> str:
    """Return a heading, a table of the verdicts, and a sentence for each that did not simply pass."""
    outcome = overall(verdicts)
    rows = [f"| {' | '.join(map(escaped, cells))} |" for cells in gate_rows(verdicts)]
    told = [f"- {_SIGNS[each]} {escaped(sentence)}" for each, sentence in sentences(verdicts)]
    parts = [
        f"### {_SIGNS[outcome]} detbench gate {outcome}",
        escaped(headline(baseline, candidate, verdicts)),
        "\n".join(
            [f"| {' | '.join(HEADINGS)} |", "|---|" + "--:|" * (len(HEADINGS) - 2) + "---|", *rows]
        ),
        *(["\n".join(told)] if told else []),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return a text in which Markdown sees neither marks nor HTML nor mentions nor addresses to link, on one line.

    GitHub links addresses and mentions whatever is escaped; a space without width parts them.
    """
    marked = (
        _SPECIAL.sub(r"\\\1", one_line(text))
        .replace("\\@", "@\u200b")
        .replace("\\&", "&amp;")
        .replace("\\<", "&lt;")
    )
    return _LINKS.sub(
        lambda found: (
            f"{found[0][0]}\u200b{found[0][1:]}" if found[0] == "://" else f"{found[0]}\u200b"
        ),
        marked,
    )
