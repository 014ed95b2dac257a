"""Gate as JUnit XML, which every CI shows as tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from detbench.bench.gate.verdict import Outcome, Verdict
from detbench.bench.runs import Run
from detbench.wording import one_line

_TAGS: dict[Outcome, str | None] = {
    "passed": None,
    "failed": "failure",
    "inconclusive": "error",
    "skipped": "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = {"time": "0"}
"""Seconds of a test case. Consumers expect the attribute, although a rule takes no time."""


def gate_junit(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> bytes:
    """Return one test case per verdict: failed is a failure, inconclusive an error.

    Elements and attributes are those of Jenkins' schema (xunit-plugin, junit-10.xsd). A sentence is
    both the `message`, which Jenkins shows, and the text, which GitLab shows. Test cases have
    unique names, since both identify them by name.
    """
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(outcomes.count("failed")),
        "errors": str(outcomes.count("inconclusive")),
        **_TIME,
    }
    suites = ElementTree.Element("testsuites", {"name": "detbench gate", **counts})
    suite_attributes = {
        "name": _xml_text(f"{candidate.name} against {baseline.name}"),
        **counts,
        "skipped": str(outcomes.count("skipped")),
    }
    suite = ElementTree.SubElement(suites, "testsuite", suite_attributes)
    names = _unique(_xml_text(verdict.name) for verdict in verdicts)
    for name, verdict in zip(names, verdicts, strict=True):
        _add_test_case(suite, name, verdict)
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_test_case(suite: ElementTree.Element, name: str, verdict: Verdict) -> None:
    attributes = {"classname": "detbench.gate", "name": name, **_TIME}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    sentence = _xml_text(verdict.sentence)
    if tag := _TAGS[verdict.outcome]:
        element = ElementTree.SubElement(case, tag, {"type": verdict.outcome, "message": sentence})
    else:
        element = ElementTree.SubElement(case, "system-out")
    element.text = sentence


def _unique(names: Iterable[str]) -> list[str]:
    """Return names; the second and later ones of a kind have a number."""
    unique_names: list[str] = []
    for name in names:
        number, unique_name = 1, name
        while unique_name in unique_names:
            number += 1
            unique_name = f"{name} ({number})"
        unique_names.append(unique_name)
    return unique_names


def _xml_text(text: str) -> str:
    """Return a text on one line, without the characters that XML does not allow."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", one_line(text))
