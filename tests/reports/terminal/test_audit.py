"""Lines of the audit: the largest differences from pycocotools."""

from __future__ import annotations

from dataclasses import replace

from detbench.metrics.scoring.audit import audit
from detbench.metrics.scoring.file_audit import FileAudit
from detbench.reports.terminal.audit import audit_lines
from tests.metrics.scored import random_pair


def test_audit():
    ground_truth, detections = random_pair(0)
    first, second, third = audit_lines("finder", audit(ground_truth, detections))
    assert first == "finder: the same boxes scored by pycocotools, COCO protocol"
    assert second == "  largest absolute difference of the 12 numbers: 0"
    arrays = "precision, recall and scores arrays"
    assert third == f"  {arrays}: equal bit for bit, largest absolute difference 0"


def test_files_that_pycocotools_reads_alike_need_no_lines_of_their_own():
    ground_truth, detections = random_pair(0)
    outcome = audit(ground_truth, detections)
    alike = FileAudit(outcome.pycocotools, 0.0, True, None, ())
    lines = audit_lines("finder", replace(outcome, files=alike))
    assert lines[0] == "finder: the files as they are, scored by pycocotools, COCO protocol"
    assert lines[1:] == audit_lines("finder", outcome)[1:]


def test_a_difference_of_the_files_is_shown_with_all_numbers_and_its_cause():
    ground_truth, detections = random_pair(0)
    outcome = audit(ground_truth, detections)
    theirs = outcome.pycocotools | {"AP": 0.25, "APs": None}
    differing = FileAudit(theirs, 0.125, False, None, ("first", "second"))
    lines = audit_lines("finder", replace(outcome, files=differing))
    assert lines[:3] == audit_lines("finder", outcome)
    heading, pycocotools, ours, difference, cause = lines[3:]
    assert heading == "finder: the files as they are, which pycocotools reads otherwise"
    assert pycocotools.startswith("  pycocotools: AP 0.2500, AP50 ")
    assert "APs –" in pycocotools
    assert ours.startswith(f"  detbench: AP {outcome.ours['AP']:.4f}, ")
    assert len(pycocotools.split(", ")) == len(ours.split(", ")) == 12
    assert difference == "  largest absolute difference of the 12 numbers: 0.125"
    assert cause == "  cause: first; second. Without this, pycocotools gives the same numbers."


def test_an_unknown_cause_is_said_to_be_unknown():
    ground_truth, detections = random_pair(0)
    outcome = audit(ground_truth, detections)
    differing = FileAudit(outcome.pycocotools, 0.125, False, None, ())
    *_, cause = audit_lines("finder", replace(outcome, files=differing))
    assert cause.startswith("  cause: unknown; ")


def test_an_error_of_pycocotools_is_shown():
    ground_truth, detections = random_pair(0)
    outcome = audit(ground_truth, detections)
    failed = FileAudit(None, None, False, "KeyError: 'area'", ())
    *_, last = audit_lines("finder", replace(outcome, files=failed))
    assert last == "  pycocotools stops: KeyError: 'area'"
