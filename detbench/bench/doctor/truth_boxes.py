"""Boxes of the ground truth: written in another format, outside their image, or there twice.

A format shows in the file itself: boxes read in the wrong one leave their images, and the right one keeps all of them inside. Where sizes
of images are not known, areas or the detections must agree with it; that the detections fit worse speaks against any other reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detbench.bench.doctor.case import AnnotationFile, Case
from detbench.bench.doctor.counterfactual import told_of_truth
from detbench.bench.doctor.findings import Finding, Severity
from detbench.bench.doctor.fit import sample_of
from detbench.bench.doctor.fixes import WRITTEN_ANEW, rewriting
from detbench.bench.doctor.formats import CLEARLY_BETTER, CORNERS, DECODERS, IDS, MUCH_BETTER, OWN, VOC_BASES, Alternative, Base, reread
from detbench.bench.doctor.truths import copies, where, with_boxes
from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.data.yolo_text import BORDER

FEWEST = 10
"""Objects from which on a format shows."""
CONSISTENT, INCONSISTENT = 0.99, 0.9
"""Share of boxes inside their image that the right format has at least, and the wrong one at most."""
AGREEING = 0.9
"""Share of boxes whose width · height is the `area`, within 2 %, that shows from which numbers it was computed."""
FAR, MANY_FAR = 0.1, 0.01
"""Part of the image's size by which an annotated box is far outside, and the share of those that is suspicious."""
SURELY_NO_FRACTION = 2.0
"""A label with a number above this is in pixels or percent; fractions that reach past the image are hardly above 1."""
MANY_CUT = 0.25
"""Share of labels outside 0..1 above which they were written wrongly and are not only to be cut."""
DOUBLED, MANY_DOUBLED = 0.01, 0.1
"""Share of copied annotations that is worth a warning, and that ruins recall; COCO's own files have next to none."""

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
    fits: tuple[float, float] = (0.0, 0.0)
    """Mean best overlap of the detections as they are, and read in the same way."""


def mended_truth(case: Case) -> tuple[Case, list[Finding]]:
    """Return the case with the boxes of its annotations read in the format that they are in, and the finding if it is another one."""
    file, truth = case.annotations, case.truth
    if file is None or len(truth) < FEWEST:
        return case, []
    usual, frame = _usual(file.form), _frame(case, file)
    trials = [trial for reading in _readings(file.form, frame) if (trial := _trial(case, file, reading)).inside >= CONSISTENT]
    if not trials:
        return case, []
    own = _with_fits(case, file, _Trial(usual, truth, _inside(truth), _agreement(truth, file)))
    best = max((_with_fits(case, file, trial) for trial in trials), key=lambda trial: (max(trial.fits), trial.agreeing))
    impossible = usual.frame == "pixels" and frame == "image"
    by_size = _sizes_known(truth) and (impossible or own.inside <= INCONSISTENT) and max(best.fits) >= max(own.fits)
    by_area = best.agreeing >= AGREEING and own.agreeing <= 1 - AGREEING
    by_fit = max(best.fits) >= max(max(own.fits) + CLEARLY_BETTER, max(own.fits) * MUCH_BETTER)
    if not (by_size or by_area or by_fit):
        return case, []
    return replace(case, truth=best.truth, truth_mended=True), [_format_finding(case, file, own, best)]


def _usual(form: str) -> Alternative:
    """Return how a kind of file is read."""
    base: Base = CORNERS if form == "voc" else (0, 0, 0, 0)
    return Alternative("", OWN[form], DECODERS[OWN[form]], "image" if form == "yolo" else "pixels", base)


def _readings(form: str, frame: _Frame) -> list[Alternative]:
    """Return every other reading of a kind of file whose numbers are pixels or fractions of the image."""
    usual = _usual(form)
    found = [
        Alternative(IDS[name] if frame == usual.frame else "box-normalised", name, decode, frame, base)
        for name, decode in DECODERS.items()
        for base in (VOC_BASES[name] if form == "voc" and frame == "pixels" else ((0, 0, 0, 0),))
        if (frame, name) != (usual.frame, usual.name)
    ]
    if form == "yolo" and frame == "image":
        found.append(Alternative(IDS["yxyx"], "cy, cx, h, w", lambda n: DECODERS["cxcywh"](n[:, [1, 0, 3, 2]]), frame))
    elif form == "yolo":
        found.append(Alternative("box-normalised", "percent, cxcywh", lambda n: DECODERS["cxcywh"](n / 100), "image"))
    return found


def _trial(case: Case, file: AnnotationFile, reading: Alternative) -> _Trial:
    boxes = reading.boxes(file.boxes[file.rows], _sizes(case.truth))
    if not np.isfinite(boxes).all():
        return _Trial(reading, case.truth, 0.0, 0.0)
    given = file.areas[file.rows]
    computed = _agreement(case.truth, file) >= AGREEING or not (given > 0).any()
    truth = with_boxes(case.truth, boxes, measured=np.isnan(given) | computed)
    return _Trial(reading, truth, _inside(truth), _agreement(truth, file))


def _sizes(truth: GroundTruth) -> Floats:
    """Return the size (G, 2) of each object's image."""
    return truth.image_sizes[groups_from_offsets(truth.offsets)]


def _inside(truth: GroundTruth) -> float:
    """Return the share of boxes that have an extent and lie within their image, of those of images of known size if there are any."""
    boxes, sizes = truth.boxes, _sizes(truth)
    outside = (boxes[:, :2] < -1).any(axis=1) | (boxes[:, 2:] > sizes + 1).any(axis=1)
    inside = np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1) & ~outside)
    known = np.asarray(np.isfinite(sizes).all(axis=1))
    return float(inside[known].mean() if known.any() else inside.mean())


def _sizes_known(truth: GroundTruth) -> bool:
    """Tell whether most boxes are of images of known size."""
    return float(np.mean(np.isfinite(_sizes(truth)).all(axis=1))) > 0.5


def _agreement(truth: GroundTruth, file: AnnotationFile) -> float:
    return float((np.abs(truth.box_areas - file.areas[file.rows]) <= 0.02 * np.abs(truth.box_areas)).mean())


def _frame(case: Case, file: AnnotationFile) -> _Frame:
    """Tell from the bulk of the numbers whether they are pixels or fractions of images that are larger."""
    written = file.boxes[file.rows]
    least, most = written.min(axis=1), written.max(axis=1)
    if file.form == "yolo":
        return "pixels" if (most > SURELY_NO_FRACTION).mean() > INCONSISTENT else "image"
    fractions = ((least >= -0.01) & (most <= 1.01)).mean() >= CONSISTENT
    return "image" if fractions and np.nan_to_num(case.truth.image_sizes).max(initial=0) > 10 else "pixels"


def _with_fits(case: Case, file: AnnotationFile, trial: _Trial) -> _Trial:
    """Return the trial with the fit of the detections, which are read in the same way where they are of the same kind of file."""
    sample = sample_of(replace(case, truth=trial.truth))
    alike = 0.0
    if case.source is not None and case.source.form == file.form:
        alike = sample.mean_overlap(trial.reading.boxes(sample.written, sample.sizes))
    return replace(trial, fits=(sample.mean_overlap(sample.boxes), alike))


def _format_finding(case: Case, file: AnnotationFile, own: _Trial, best: _Trial) -> Finding:
    frame, usual = best.reading.frame, own.reading.frame
    fractions = frame == "image" and usual == "pixels"
    where = "fractions of the image, " if fractions else "pixels, " if frame != usual else ""
    written = file.boxes[file.rows]
    within = "all" if written.min() >= 0 and written.max() <= 1.01 else "nearly all"
    other = f"{within} numbers lie within 0–1" if fractions else f"{own.inside:.0%} {_READ[file.form]}"
    inside = f"{best.inside:.0%} of them lie within their images when read so, {other}"
    as_they_are, alike = best.fits
    if alike > as_they_are:
        proof = told_of_truth(case, best.truth, "with the detections so read as well", reread(case, best.reading, case.rows))
    else:
        proof = told_of_truth(case, best.truth, "so read")
    evidence = f"the boxes of the ground truth are {where}{best.reading.name} ({inside}): {proof}"
    if file.form != "coco":
        return Finding(best.reading.id, "error", evidence, "", edit=WRITTEN_ANEW)
    steps = [rewriting(f"bbox=list((lambda p, q, r, s: {_WRITTEN[best.reading.name]})(*a['bbox']))")]
    if fractions:
        steps.insert(0, "z = {i['id']: (i['width'], i['height']) for i in d['images']}")
        steps.append(rewriting("bbox=[v * k for v, k in zip(a['bbox'], z[a['image_id']] * 2)]"))
    if np.array_equal(best.truth.areas, best.truth.box_areas):
        steps.append(rewriting("area=a['bbox'][2] * a['bbox'][3]"))
    return Finding(best.reading.id, "error", evidence, "", edit="; ".join(steps))


def check_truth_boxes(case: Case) -> list[Finding]:
    """Return which annotated boxes leave their image and which are there twice."""
    return [*(_refused(case) or _outside(case)), *_doubled(case)]


def _refused(case: Case) -> list[Finding]:
    """Labels of YOLO that are no fractions, where the others are."""
    file = case.annotations
    if file is None or file.outside is None or case.truth_mended:
        return []
    outside = np.where((file.sizes >= 0).all(axis=1), file.outside, 0.0)
    wrong = outside > BORDER
    if not wrong.any():
        return []
    first = file.place(int(wrong.argmax()))
    evidence = f"{wrong.sum():,} of {len(wrong):,} labels have a value outside 0..1 (the first: {first}), which `detbench eval` refuses"
    if outside.max() > FAR or wrong.mean() > MANY_CUT:
        return [Finding("outside-image", "error", evidence, "write these labels as fractions of the image, or take them out")]
    return [Finding("outside-image", "error", evidence, "", edit=WRITTEN_ANEW)]


def _outside(case: Case) -> list[Finding]:
    truth = case.truth
    sizes = _sizes(truth)
    boxes, margin = truth.boxes, FAR * sizes
    past, far = ((boxes[:, :2] < -by).any(axis=1) | (boxes[:, 2:] > sizes + by).any(axis=1) for by in (1.0, margin))
    beyond = ((boxes[:, :2] >= sizes) | (boxes[:, 2:] <= 0)).any(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not past.any():
        return []
    many = bool(beyond.any()) or far.mean() > MANY_FAR
    first = truth.image_ids[int(groups_from_offsets(truth.offsets)[(beyond if beyond.any() else past).argmax()])]
    evidence = (
        f"{past.sum():,} of {len(boxes):,} annotated boxes reach past the edge of their image, {far.sum():,} of them more than a tenth of "
        f"the image past its edge, and {beyond.sum():,} lie beyond it altogether (the first: image {first!r})"
    )
    fix = "check that sizes of images and boxes of the ground truth are of the same pictures" if many else "cut the boxes to the image"
    return [Finding("outside-image", "warning" if many else "note", evidence, fix)]


def _doubled(case: Case) -> list[Finding]:
    again = copies(case.truth)
    if not again.any():
        return []
    share, file = float(again.mean()), case.annotations
    severity: Severity = "error" if share > MANY_DOUBLED else "warning" if share > DOUBLED else "note"
    evidence = f"{again.sum():,} of {len(again):,} annotations have the class and box of another one of their image"
    fix = "keep one annotation of each"
    if severity == "note":
        return [Finding("annotations-doubled", severity, evidence, fix)]
    proof = told_of_truth(case, where(case.truth, ~again), "with one of each")
    edit = "d['annotations'] = [*{(a['image_id'], a['category_id'], *a['bbox']): a for a in d['annotations'][::-1]}.values()][::-1]"
    return [Finding("annotations-doubled", severity, f"{evidence}: {proof}", fix, edit=edit if file else "")]
