"""The finding IDs are those of the specification, all are documented, and checks emit no others."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import detbench.data.checks
import detbench.doctor
from detbench.doctor.findings import MEANINGS, findings_document
from detbench.doctor.readings.box_formats import FORMAT_IDS
from tests.experiments.mistakes import MISTAKES

SPECIFIED = """
box-format-xyxy, box-format-cxcywh, box-format-yxyx, box-normalized, box-scale, letterbox-offset,
pixel-offset, classes-permuted, class-ids-80-91, image-ids-shifted, image-ids-unknown,
images-missing, detections-doubled, scores-thresholded, score-range, score-is-class, score-ties,
not-finite, negative-size, zero-area, outside-image, too-many-detections, area-missing, area-zero,
annotation-ids-duplicate, annotation-id-zero, class-without-ground-truth, flags-lost,
detections-empty, not-a-number, wrong-split
"""
"""As the request for the doctor lists them, in American spelling."""
ID = re.compile(r"[a-z]+(-[a-z0-9]+)+")
ROOMS = (detbench.doctor, detbench.data.checks)


def texts_like_ids() -> set[str]:
    """Return all texts in the checks that look like an ID, except in the table of meanings."""
    files = [
        file
        for room in ROOMS
        for file in Path(room.__file__).parent.rglob("*.py")
        if file.name != "findings.py"
    ]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ID.fullmatch(node.value)
    }


def test_every_specified_id_is_there_and_planted():
    specified = {word.strip() for word in SPECIFIED.split(",")}
    assert len(specified) == 31
    assert specified <= set(MEANINGS)
    assert specified <= {mistake.id for mistake in MISTAKES}


def test_checks_emit_every_id_and_no_other():
    emitted = texts_like_ids() | set(FORMAT_IDS.values())
    assert set(MEANINGS) - emitted == set()
    first_words = {finding_id.split("-")[0] for finding_id in MEANINGS}
    finding_like = {text for text in emitted if text.split("-")[0] in first_words}
    assert finding_like - set(MEANINGS) == set()


def test_every_id_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    table = page.partition("## Findings")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)
    assert sorted(documented) == sorted(MEANINGS)


def test_the_document_without_findings():
    assert findings_document([]) == {"schema_version": 2, "findings": []}
