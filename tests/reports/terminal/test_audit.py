"""Lines of the audit: the largest differences from pycocotools."""

from __future__ import annotations

from detbench.metrics.scoring.audit import audit
from detbench.reports.terminal.audit import audit_lines
from tests.metrics.scored import random_pair


def test_audit():
    ground_truth, detections = random_pair(0)
    first, second, third = audit_lines("finder", audit(ground_truth, detections))
    assert first == "finder: the same boxes scored by pycocotools, COCO protocol"
    assert second == "  largest absolute difference of the 12 numbers: 0"
    arrays = "precision, recall and scores arrays"
    assert third == f"  {arrays}: equal bit for bit, largest absolute difference 0"
