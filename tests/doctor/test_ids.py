"""The ids are those of the specification, all of them are documented, and checks emit no other and each of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import detbench.doctor
from detbench.doctor.checks.box_formats import IDS
from detbench.doctor.findings import MEANINGS, findings_document
from tests.experiments.mistakes import MISTAKES

SPECIFIED = """
box-format-xyxy, box-format-cxcywh, box-format-yxyx, box-normalised, box-scale, letterbox-offset, pixel-offset, classes-permuted,
class-ids-80-91, image-ids-shifted, image-ids-unknown, images-missing, detections-doubled, scores-thresholded, score-range, score-is-class,
score-ties, not-finite, negative-size, zero-area, outside-image, too-many-detections, area-missing, area-zero, annotation-ids-duplicate,
annotation-id-zero, class-without-ground-truth, flags-lost, detections-empty, not-a-number, wrong-split
"""
"""As the request for the doctor lists them."""
ID = re.compile(r"[a-z]+(-[a-z0-9]+)+")


def written_in_checks() -> set[str]:
    """Return all texts of the shape of an id in the doctor's files but the table of meanings."""
    files = [
        file
        for file in Path(detbench.doctor.__file__).parent.rglob("*.py")
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
    ids = {word.strip() for word in SPECIFIED.split(",")}
    assert len(ids) == 31
    assert ids <= set(MEANINGS)
    assert ids <= {mistake.id for mistake in MISTAKES}


def test_checks_emit_every_id_and_no_other():
    emitted = written_in_checks() | set(IDS.values())
    assert set(MEANINGS) - emitted == set()
    finding_like = {
        each
        for each in emitted
        if each.split("-")[0] in {known.split("-")[0] for known in MEANINGS}
    }
    assert finding_like - set(MEANINGS) == set()


def test_every_id_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    table = page.partition("## Findings")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)) == sorted(MEANINGS)


def test_the_document_of_nothing():
    assert findings_document([]) == {"schema_version": 1, "findings": []}
