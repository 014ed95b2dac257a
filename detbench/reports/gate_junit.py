"""Gate JUnit: verdicts as JUnit XML, which every CI shows as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from detbench.bench.gate.verdict import Outcome, Verdict
from detbench.bench.runs import Run

_TAGS: dict[Outcome, str | None] = {"passed": None, "failed": "failure", "inconclusive": "error", "skipped": "skipped"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def gate_junit(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> bytes:
    """Return one test case for each verdict; a failed one is a failure, an inconclusive one an error."""
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {"failures": outcomes.count("failed"), "errors": outcomes.count("inconclusive"), "skipped": outcomes.count("skipped")}
    sizes = {"tests": str(len(verdicts)), **{key: str(count) for key, count in counts.items()}}
    suites = ElementTree.Element("testsuites", {"name": "detbench gate", **sizes})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": _text(f"{candidate.name} against {baseline.name}"), **sizes})
    for verdict in verdicts:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "detbench.gate", "name": _text(verdict.name)})
        if tag := _TAGS[verdict.outcome]:
            ElementTree.SubElement(case, tag, {"message": _text(verdict.sentence)})
        else:
            ElementTree.SubElement(case, "system-out").text = _text(verdict.sentence)
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _text(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
