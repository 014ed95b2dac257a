"""Format of the ground truth's boxes: the reading of their four numbers that the dataset itself and the detections agree with.

A format shows in the file itself: boxes read in the wrong one leave their images, and the right one keeps all of them inside. Where sizes
of images are not known, areas or the detections must agree with it; that the detections fit worse speaks against any other reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import AnnotationFile, Case
from detbench.doctor.checks.box_formats import (
    CLEARLY_BETTER,
    CORNERS,
    DECODERS,
    IDS,
    MUCH_BETTER,
    OWN,
    VOC_BASES,
    Alternative,
    Base,
    reread,
)
from detbench.doctor.evidence.counterfactual import told_of_truth
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import WRITTEN_ANEW, rewriting
from detbench.doctor.fixes.ground_truths import (
    CONSISTENT,
    image_sizes,
    inside,
    sizes_exchanged,
    with_boxes,
)

FEWEST = 10
"""Objects from which on a format shows."""
INCONSISTENT = 0.9
"""Share of boxes inside their image that the wrong format has at most."""
GOOD = 0.4
"""Mean best overlap from which on detections speak for a reading though the boxes lie within their images as they are."""
AGREEING = 0.9
"""Share of boxes whose width · height is the `area`, within 2 %, that shows from which numbers it was computed."""
SURELY_NO_FRACTION = 2.0
"""A label with a number above this is in pixels or percent; fractions that reach past the image are hardly above 1."""

_WRITTEN = {
    "xywh": "(p, q, r, s)",
    "xyxy": "(p, q, r - p, s - q)",
    "cxcywh": "(p - r / 2, q - s / 2, r, s)",
    "yxyx": "(q, p, s - q, r - p)",
    "yxhw": "(q, p, s, r)",
}
"""What x, y, width and height are of four numbers p, q, r, s in each format, in Python."""


_Frame = Literal["image", "pixels"]
_READ = {
    "coco": "as x, y, width and height in pixels",
    "voc": "as corners in pixels",
    "yolo": "as centre, width and height in fractions of the image",
}
"""How each kind of file is read."""


@dataclass(frozen=True)
class _Trial:
    """The ground truth under one reading of its boxes."""

    reading: Alternative
    truth: GroundTruth
    inside: float
    """Share of boxes that have an extent and lie within their image."""
    agreeing: float
    """Share of boxes whose width · height is the area given."""
    as_they_are: float = 0.0
    """Mean best overlap of the detections."""
    alike: float = 0.0
    """The same where they are read in the same way; 0 where they are of another kind of file."""

    @property
    def fit(self) -> float:
        """The better of the two."""
        return max(self.as_they_are, self.alike)


def mended_truth(case: Case) -> tuple[Case, list[Finding]]:
    """Return the case with the boxes of its annotations read in the format that they are in, and the finding if it is another one."""
    file, truth = case.annotations, case.truth
    if file is None or len(truth) < FEWEST:
        return case, []
    usual, frame = _usual(file.form), _frame(case, file)
    trials = [
        trial
        for reading in _readings(file.form, frame)
        if (trial := _trial(case, file, reading, frame)).inside >= CONSISTENT
    ]
    if not trials:
        return case, []
    own = _with_fits(case, file, _Trial(usual, truth, inside(truth), _agreement(truth, file)))
    best = max(
        (_with_fits(case, file, trial) for trial in trials),
        key=lambda trial: (trial.fit, trial.agreeing),
    )
    if own.as_they_are > best.as_they_are and sizes_exchanged(truth):
        return case, []
    known, impossible = _sizes_known(truth), usual.frame == "pixels" and frame == "image"
    by_size = known and (impossible or own.inside <= INCONSISTENT) and best.fit >= own.fit
    by_area = best.agreeing >= AGREEING and own.agreeing <= 1 - AGREEING
    better = best.fit >= max(own.fit + CLEARLY_BETTER, own.fit * MUCH_BETTER)
    by_fit = better and (not known or best.fit >= GOOD)
    if not (by_size or by_area or by_fit):
        return case, []
    return replace(case, truth=best.truth, truth_mended=True), [
        _format_finding(case, file, own, best)
    ]


def _usual(form: str) -> Alternative:
    """Return how a kind of file is read."""
    base: Base = CORNERS if form == "voc" else (0, 0, 0, 0)
    return Alternative(
        "", OWN[form], DECODERS[OWN[form]], "image" if form == "yolo" else "pixels", base
    )


def _readings(form: str, frame: _Frame) -> list[Alternative]:
    """Return every other reading of a kind of file whose numbers are pixels or fractions of the image."""
    usual = _usual(form)
    found = [
        Alternative(
            IDS[name] if frame == usual.frame else "box-normalised", name, decode, frame, base
        )
        for name, decode in DECODERS.items()
        for base in (VOC_BASES[name] if form == "voc" and frame == "pixels" else ((0, 0, 0, 0),))
        if (frame, name) != (usual.frame, usual.name)
    ]
    if form == "yolo" and frame == "image":
        found.append(
            Alternative(
                IDS["yxyx"], "cy, cx, h, w", lambda n: DECODERS["cxcywh"](n[:, [1, 0, 3, 2]]), frame
            )
        )
        found.append(
            Alternative(
                IDS["yxyx"], "cy, cx, w, h", lambda n: DECODERS["cxcywh"](n[:, [1, 0, 2, 3]]), frame
            )
        )
    elif form == "yolo":
        found.append(
            Alternative(
                "box-normalised", "percent, cxcywh", lambda n: DECODERS["cxcywh"](n / 100), "image"
            )
        )
    return found


def _trial(case: Case, file: AnnotationFile, reading: Alternative, frame: _Frame) -> _Trial:
    """Return the ground truth under a reading; labels of YOLO that are fractions among others in pixels stay what they are."""
    written = file.boxes[file.rows]
    boxes = reading.boxes(written, image_sizes(case.truth))
    if file.form == "yolo" and frame == "pixels":
        fractions = written.max(axis=1) <= 1
        boxes[fractions] = case.truth.boxes[fractions]
    if not np.isfinite(boxes).all():
        return _Trial(reading, case.truth, 0.0, 0.0)
    given = file.areas[file.rows]
    computed = _agreement(case.truth, file) >= AGREEING or not (given > 0).any()
    truth = with_boxes(case.truth, boxes, measured=np.isnan(given) | computed)
    return _Trial(reading, truth, inside(truth), _agreement(truth, file))


def _sizes_known(truth: GroundTruth) -> bool:
    """Tell whether most boxes are of images of known size."""
    return float(np.mean(np.isfinite(image_sizes(truth)).all(axis=1))) > 0.5


def _agreement(truth: GroundTruth, file: AnnotationFile) -> float:
    return float(
        (np.abs(truth.box_areas - file.areas[file.rows]) <= 0.02 * np.abs(truth.box_areas)).mean()
    )


def _frame(case: Case, file: AnnotationFile) -> _Frame:
    """Tell from the bulk of the numbers whether they are pixels or fractions of images that are larger."""
    written = file.boxes[file.rows]
    least, most = written.min(axis=1), written.max(axis=1)
    if file.form == "yolo":
        return "pixels" if (most > SURELY_NO_FRACTION).mean() > INCONSISTENT else "image"
    fractions = ((least >= -0.01) & (most <= 1.01)).mean() >= CONSISTENT
    return (
        "image"
        if fractions and np.nan_to_num(case.truth.image_sizes).max(initial=0) > 10
        else "pixels"
    )


def _with_fits(case: Case, file: AnnotationFile, trial: _Trial) -> _Trial:
    """Return the trial with the fit of the detections, which are read in the same way where they are of the same kind of file."""
    sample = sample_of(replace(case, truth=trial.truth))
    alike = 0.0
    if case.source is not None and case.source.form == file.form:
        alike = sample.mean_overlap(trial.reading.boxes(sample.written, sample.sizes))
    return replace(trial, as_they_are=sample.mean_overlap(sample.boxes), alike=alike)


def _format_finding(case: Case, file: AnnotationFile, own: _Trial, best: _Trial) -> Finding:
    frame, usual = best.reading.frame, own.reading.frame
    fractions = frame == "image" and usual == "pixels"
    where = "fractions of the image, " if fractions else "pixels, " if frame != usual else ""
    written = file.boxes[file.rows]
    within = "all" if written.min() >= 0 and written.max() <= 1.01 else "nearly all"
    other = (
        f"{within} numbers lie within 0–1" if fractions else f"{own.inside:.0%} {_READ[file.form]}"
    )
    inside = f"{best.inside:.0%} of them lie within their images when read so, {other}"
    if best.alike > best.as_they_are:
        proof = told_of_truth(
            case,
            best.truth,
            "with the detections so read as well",
            reread(case, best.reading, case.rows),
        )
    else:
        proof = told_of_truth(case, best.truth, "so read")
    evidence = f"the boxes of the ground truth are {where}{best.reading.name} ({inside}): {proof}"
    if file.form != "coco":
        return Finding(best.reading.id, "error", evidence, "", edit=WRITTEN_ANEW)
    steps = [
        rewriting(f"bbox=list((lambda p, q, r, s: {_WRITTEN[best.reading.name]})(*a['bbox']))")
    ]
    if fractions:
        steps.insert(0, "z = {i['id']: (i['width'], i['height']) for i in d['images']}")
        steps.append(rewriting("bbox=[v * k for v, k in zip(a['bbox'], z[a['image_id']] * 2)]"))
    if np.array_equal(best.truth.areas, best.truth.box_areas):
        steps.append(rewriting("area=a['bbox'][2] * a['bbox'][3]"))
    return Finding(best.reading.id, "error", evidence, "", edit="; ".join(steps))
