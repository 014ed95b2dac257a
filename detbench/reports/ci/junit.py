"""Gate JUnit: verdicts as JUnit XML, which every CI shows as tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from detbench.bench.gate.verdict import Outcome, Verdict
from detbench.bench.runs import Run
from detbench.reports.one_line import one_line

_TAGS: dict[Outcome, str | None] = {
    "passed": None,
    "failed": "failure",
    "inconclusive": "error",
    "skipped": "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = {"time": "0"}
"""Seconds of a test case: consumers expect them, and a rule takes none of its own."""


def gate_junit(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> bytes:
    """Return one test case for each verdict; a failed one is a failure, an inconclusive one an error.

    The elements and attributes are those of Jenkins' schema (xunit-plugin, junit-10.xsd). A sentence is both the `message`, which Jenkins
    shows, and the body, which GitLab does; test cases have different names, by which both tell them apart.
    """
    outcomes = [verdict.outcome for verdict in verdicts]
    sizes = {
        "tests": len(verdicts),
        "failures": outcomes.count("failed"),
        "errors": outcomes.count("inconclusive"),
    }
    counts = {key: str(count) for key, count in sizes.items()} | _TIME
    suites = ElementTree.Element("testsuites", {"name": "detbench gate", **counts})
    name = _text(f"{candidate.name} against {baseline.name}")
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": name, **counts, "skipped": str(outcomes.count("skipped"))}
    )
    for case_name, verdict in zip(
        _unique(_text(verdict.name) for verdict in verdicts), verdicts, strict=True
    ):
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": "detbench.gate", "name": case_name, **_TIME}
        )
        told = _text(verdict.sentence)
        if tag := _TAGS[verdict.outcome]:
            ElementTree.SubElement(
                case, tag, {"type": verdict.outcome, "message": told}
            ).text = told
        else:
            ElementTree.SubElement(case, "system-out").text = told
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _unique(names: Iterable[str]) -> list[str]:
    """Return names of which the second and later of a kind have a number behind them."""
    unique: list[str] = []
    for name in names:
        number, told_apart = 1, name
        while told_apart in unique:
            number += 1
            told_apart = f"{name} ({number})"
        unique.append(told_apart)
    return unique


def _text(text: str) -> str:
    """Return a text on one line, without the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", one_line(text))
