"""Verdicts as Markdown, JUnit XML and annotations: no name breaks their format."""

import re
from xml.etree import ElementTree

import pytest

from detbench.bench.gate.gate import gate, gate_document
from detbench.reports.ci.github import workflow_commands
from detbench.reports.ci.junit import gate_junit
from detbench.reports.ci.markdown import escaped, gate_markdown
from tests.bench.gate.simulated_runs import rule_of
from tests.reports.gate_cases import two_runs, verdicts_on


@pytest.fixture(scope="module")
def runs():
    return two_runs()


@pytest.fixture(scope="module")
def verdicts(runs):
    return verdicts_on(runs)


def test_markdown_keeps_its_columns_whatever_a_class_is_called(runs, verdicts):
    text = gate_markdown(*runs, verdicts)
    assert text.startswith("### ❌ detbench gate failed\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + sum(verdict.outcome != "skipped" for verdict in verdicts)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
    assert "<img" not in text
    assert "@team" not in text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a|b", r"a\|b"),
        ("x\n# y", r"x \# y"),
        ("<b>", r"&lt;b\>"),
        ("a&amp;b", "a&amp;amp;b"),
        ("https://x.test", "https:\u200b//x.test"),
        ("WWW.x.test", "WWW.\u200bx.test"),
        ("#12 and GH-12", "\\#\u200b12 and GH-\u200b12"),
    ],
)
def test_escaped(text, wanted):
    assert escaped(text) == wanted


def test_junit_counts_and_holds_every_verdict(runs, verdicts):
    root = ElementTree.fromstring(gate_junit(*runs, verdicts))  # noqa: S314
    cases = root.findall("./testsuite/testcase")
    assert len(cases) == len(verdicts) == int(root.attrib["tests"])
    tags = [case[0].tag for case in cases]
    assert tags.count("failure") == int(root.attrib["failures"]) >= 3
    assert (tags.count("error"), int(root.attrib["errors"])) == (1, 1)
    assert tags.count("skipped") == int(root[0].attrib["skipped"])
    assert cases[0][0].attrib["message"] == cases[0][0].text == verdicts[0].sentence
    assert any("\N{REPLACEMENT CHARACTER}" in case.attrib["name"] for case in cases)


JENKINS = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "time", "tests", "failures", "errors", "skipped"}, {"testcase"}),
    "testcase": ({"name", "time", "classname"}, {"failure", "error", "skipped", "system-out"}),
    **dict.fromkeys(("failure", "error", "skipped"), ({"type", "message"}, set())),
    "system-out": (set(), set()),
}
"""Attributes and members of elements in Jenkins' schema (xunit-plugin, junit-10.xsd)."""


def test_junit_has_what_jenkins_and_gitlab_read(runs, verdicts):
    root = ElementTree.fromstring(gate_junit(*runs, verdicts))  # noqa: S314
    for element in root.iter():
        attributes, members = JENKINS[element.tag]
        assert set(element.attrib) == attributes
        assert {member.tag for member in element} <= members
        assert len(element) == 1 or element.tag != "testcase"
    assert all(
        re.fullmatch(r"[0-9]{1,3}(\.[0-9]*)?", element.attrib["time"])
        for element in root.iter()
        if "time" in element.attrib
    )
    assert all(
        element.text == element.attrib["message"]
        for element in root.iter()
        if "message" in element.attrib
    )
    assert not [
        name for element in root.iter("testcase") if "\n" in (name := element.attrib["name"])
    ]


def test_rules_on_one_measure_have_different_names_in_junit(runs):
    rules = [rule_of(f'measure = "mAP"\nminimum_effect = {effect}') for effect in (0.01, 0.1, 0.9)]
    root = ElementTree.fromstring(gate_junit(*runs, gate(*runs, rules, resamples=20)))  # noqa: S314
    assert [case.attrib["name"] for case in root.iter("testcase")] == ["mAP", "mAP (2)", "mAP (3)"]
    assert [case[0].tag for case in root.iter("testcase")] == ["failure", "failure", "system-out"]


def test_annotations_are_one_line_each_and_cannot_start_another_command(verdicts):
    lines = workflow_commands(verdicts)
    assert len(lines) == sum(verdict.outcome in {"failed", "inconclusive"} for verdict in verdicts)
    assert all(
        re.fullmatch(r"::(error|warning) title=detbench gate%3A [^\r\n:,]*::[^\r\n]*", line)
        for line in lines
    )
    nasty = next(line for line in lines if "team" in line)
    assert "%0A" not in nasty
    assert "100%25%2C [x]%3A *" in nasty.split("::")[1]
    assert not [line for line in lines if "##[" in line]


def test_the_document_has_the_numbers_of_the_verdicts(runs, verdicts):
    document = gate_document(*runs, verdicts)
    assert document["outcome"] == "failed"
    first = document["verdicts"][0]
    assert (first["measure"], first["outcome"], first["minimum_effect"], first["confidence"]) == (
        "mAP",
        "failed",
        0.005,
        0.9985,
    )
    assert first["difference"] == pytest.approx(first["candidate"] - first["baseline"])
    assert first["interval"][0] < first["difference"] < first["interval"][1] < 0
    skipped = next(verdict for verdict in document["verdicts"] if verdict["outcome"] == "skipped")
    assert (skipped["baseline"], skipped["interval"]) == (None, None)
