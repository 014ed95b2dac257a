"""Findings: what the doctor reports, and the table of all finding IDs with their meanings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from detbench.data.checks.suspicion import Suspicion
from detbench.data.detection_rows import DetectionRows

SCHEMA_VERSION = 2

MEANINGS = {
    "box-format-xyxy": "boxes are corners x1, y1, x2, y2 where the format expects x, y, width, "
    "height; or the other way round in VOC files",
    "box-format-cxcywh": "boxes begin with their center where the format expects a corner",
    "box-format-yxyx": "boxes are corners with y before x",
    "box-format-xxyy": "boxes are left and right, then top and bottom",
    "box-format-mixed": "some files, classes or images have boxes of another format or unit than "
    "the rest",
    "box-y-flipped": "y is measured from the bottom of the image, or is that of the lower edge of "
    "the box",
    "box-normalized": "coordinates are fractions, percent or thousandths of the image where the "
    "format expects pixels; or another unit in YOLO files",
    "box-scale": "coordinates are pixels of an image of another size, such as the model's input",
    "letterbox-offset": "the border that letterboxing adds was not removed",
    "pixel-offset": "all boxes are off by one pixel: 0-based coordinates where 1-based ones are "
    "expected, or the other way round",
    "classes-permuted": "classes are swapped or shifted",
    "class-ids-80-91": "category IDs without gaps (0–79 or 1–80) where the ground truth has gaps "
    "(1–90), or the other way round",
    "image-ids-shifted": "image IDs are shifted, are positions in a list, or name the wrong images",
    "image-ids-unknown": "some image IDs are not in the ground truth",
    "images-missing": "more images with objects have no detections than a detector leaves empty",
    "detections-doubled": "the same boxes occur twice or more",
    "scores-thresholded": "detections of low scores were dropped, though hits are among them",
    "score-range": "scores are not within 0–1: percentages, logits or something else",
    "score-is-class": "the score column holds the class",
    "score-column": "the score is at the other end of the line in text files",
    "score-ties": "many or all scores are equal, so that the order of the file decides",
    "not-finite": "numbers are NaN or infinite",
    "negative-size": "widths or heights are below zero",
    "zero-area": "boxes have no width or no height",
    "boxes-collapsed": "boxes are smaller than a pixel, while objects are not",
    "outside-image": "boxes reach past the edge of their image or lie outside it",
    "too-many-detections": "an image has more detections than a protocol scores",
    "area-missing": "annotations lack the area that decides between small, medium and large",
    "area-zero": "annotations have area 0 though their box has one, or an area below 0",
    "annotation-ids-duplicate": "annotations share an ID, or have none; tools look them up by it",
    "annotations-doubled": "the same object is annotated twice or more",
    "image-ids-duplicate": "images of the ground truth share an ID",
    "category-ids-duplicate": "categories of the ground truth share an ID",
    "annotation-id-zero": "an annotation has ID 0, which pycocotools treats as unmatched",
    "class-without-ground-truth": "classes have no annotations",
    "labels-missing": "images have no objects, though detectors find as much on them as on others",
    "flags-lost": "crowd or difficult objects became ordinary ones",
    "many-crowds": "so many objects are crowds that single objects seem to be flagged",
    "difficult-counted": "difficult objects count, though the tools of most formats ignore them",
    "objects-not-found": "almost no object has a detection on it",
    "detections-empty": "there are no detections, or no file for some class",
    "not-a-number": "a text, or nothing, is in place of a number",
    "wrong-split": "detections are of images that the ground truth does not have",
}
"""Every ID and its meaning. IDs are stable: scripts compare them."""

WRITE_AGAIN = "write the file again"
"""Beginning of the advice if no fix can save a file; fixes of its other findings are withheld."""
CocoDocument = dict[str, Any]
"""A decoded file of COCO annotations, valid or not."""


@dataclass(frozen=True)
class Finding(Suspicion):
    """A suspicion with proof, and with a fix if one is known.

    `fix` is advice in words, or a command once all findings are known. A finding concerns the
    detections or the ground truth, so that at most one of `fix_rows` and `fix_document` is set.
    """

    fix: str = ""
    fix_rows: Callable[[DetectionRows], DetectionRows] | None = field(
        default=None, compare=False, repr=False
    )
    """Returns the detections without the fault."""
    fix_document: Callable[[CocoDocument], None] | None = field(
        default=None, compare=False, repr=False
    )
    """Removes the fault from COCO annotations, in place. Ground truth of VOC and YOLO is written
    anew as a whole instead: there, this only tells that doing so removes the fault."""

    @classmethod
    def from_suspicion(cls, suspicion: Suspicion) -> Finding:
        """Return a cheap check's suspicion as a finding."""
        return cls(suspicion.id, suspicion.severity, suspicion.evidence, suspicion.fix)

    @property
    def is_command(self) -> bool:
        """Whether the fix can be pasted into a shell."""
        return self.fix.startswith("detbench ")

    def record(self) -> dict[str, str]:
        """Return the finding as JSON-ready values.

        Advice in words becomes a shell comment, so that every fix can be pasted.
        """
        fix = self.fix if self.is_command else f"# {self.fix}"
        return {"id": self.id, "severity": self.severity, "evidence": self.evidence, "fix": fix}


def written_anew(_: CocoDocument) -> None:
    """Stand for the fix of VOC and YOLO ground truth, which is written anew as a whole."""


def findings_document(findings: list[Finding]) -> dict[str, Any]:
    """Return the JSON document of `detbench doctor`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": [finding.record() for finding in findings],
    }
