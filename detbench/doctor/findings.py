"""Findings: what the doctor says, and the table of all ids it knows with what each of them means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from detbench.doctor.reading.rows import Rows

SCHEMA_VERSION = 1
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

MEANINGS = {
    "box-format-xyxy": "boxes are corners (x1, y1, x2, y2) where the format wants x, y, width, height; or the other way round in VOC files",
    "box-format-cxcywh": "boxes begin with their centre where the format wants a corner",
    "box-format-yxyx": "boxes are corners with y before x",
    "box-normalised": "coordinates are fractions of the image where the format wants pixels; or pixels in YOLO files",
    "box-scale": "coordinates are pixels of an image of another size, as the model saw it",
    "letterbox-offset": "the border that letterboxing added was not taken off again",
    "pixel-offset": "all boxes lie one pixel off: 0-based coordinates where 1-based are due, or the other way round",
    "classes-permuted": "classes are swapped or shifted",
    "class-ids-80-91": "category ids without gaps (0–79 or 1–80) where the ground truth has gaps (1–90), or the other way round",
    "image-ids-shifted": "image ids are shifted, are positions in a list, or name the wrong images",
    "image-ids-unknown": "some image ids are not in the ground truth",
    "images-missing": "images with objects have no detections, more than a detector leaves empty",
    "detections-doubled": "the same boxes are there twice or more",
    "scores-thresholded": "detections of low scores were dropped, though hits are among them",
    "score-range": "scores are not within 0–1: percentages, logits or something else",
    "score-is-class": "the score column holds the class",
    "score-column": "the score stands at the other end of the line in text files",
    "score-ties": "many or all scores are equal, so that the order of the file decides",
    "not-finite": "NaN or infinite numbers",
    "negative-size": "widths or heights below zero",
    "zero-area": "boxes without width or height",
    "outside-image": "boxes reach past the edge of their image or lie beyond it",
    "too-many-detections": "more detections of an image than a protocol scores",
    "area-missing": "annotations without the area that decides between small, medium and large",
    "area-zero": "annotations whose area is 0, though their box has one, or below",
    "annotation-ids-duplicate": "annotations share an id, or have none, where tools look them up by it",
    "annotations-doubled": "the same object is annotated twice or more",
    "image-ids-duplicate": "images of the ground truth share an id",
    "category-ids-duplicate": "categories of the ground truth share an id",
    "annotation-id-zero": "an annotation has id 0, which pycocotools takes for unmatched",
    "class-without-ground-truth": "classes of which nothing is annotated",
    "flags-lost": "crowd or difficult objects became ordinary ones",
    "detections-empty": "there are no detections, or none of some class's file",
    "not-a-number": "a text, or nothing, stands where a number belongs",
    "wrong-split": "detections are of images that the ground truth does not have",
}
"""Every id and its meaning. Ids are stable: scripts compare them."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, how bad it is, how that shows, and what to do about it."""

    id: str
    severity: Severity
    evidence: str
    fix: str
    """A command, or advice in words; empty where `mend` or `edit` is there, until the commands of all findings are known."""
    mend: Callable[[Rows], Rows] | None = field(default=None, compare=False, repr=False)
    """Turns the detections into what they should be, where that is known."""
    edit: str = field(default="", repr=False)
    """Python statement that turns a COCO annotations file, decoded as `d`, into what it should be; VOC and YOLO are written anew."""

    def __str__(self) -> str:
        return f"{self.evidence}; {self.fix}"

    @property
    def is_command(self) -> bool:
        """Whether the fix can be pasted into a shell."""
        return self.fix.startswith(("detbench ", "python "))

    def record(self) -> dict[str, str]:
        """Return the finding as JSON-ready values; advice in words becomes a shell's comment, so that every fix can be pasted."""
        fix = self.fix if self.is_command else f"# {self.fix}"
        return {"id": self.id, "severity": self.severity, "evidence": self.evidence, "fix": fix}


def findings_document(findings: list[Finding]) -> dict[str, Any]:
    """Return the JSON document of `detbench doctor`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": [finding.record() for finding in findings],
    }
