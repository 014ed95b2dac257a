"""Check of image IDs and boxes together: if both are wrong, neither shows while the other is."""

from __future__ import annotations

from functools import partial

import numpy as np

from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.checks.images import ALIKE
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import CLEARLY_BETTER, MUCH_BETTER, REREAD_IDS
from detbench.doctor.readings.chance import FittedReading, best_reading, is_chance
from detbench.doctor.readings.image_ids import IdReading, id_readings

POOR = 0.35
"""Mean best IoU under any reading of the boxes up to which this is looked for. Boxes of other
images have .25, public detectors .4. If images have more objects than boxes are considered, it is
the same part of what can be reached."""
SAMPLED_IMAGES = 300
"""Images whose detections are read in all ways."""
OTHER_FINDINGS = (*REREAD_IDS, "letterbox-", "image-ids-shifted")
"""Findings after which either side is read in another way already."""
_SEED = 4


def check_images_and_boxes(case: Case) -> Finding | None:
    """Return the reading of image IDs with which another reading of the boxes fits the objects."""
    if not len(case.rows) or any(each.startswith(OTHER_FINDINGS) for each in case.fixed):
        return None
    # Nothing is wrong with the IDs if the boxes fit under their own, in whatever format they are.
    sampled = case.with_rows(_of_sampled_images(case))
    sample = sample_of(sampled)
    poor = POOR * min(1.0, len(sample.boxes) / max(len(sample.objects), 1))
    if sample.mean_best_iou(sample.boxes) > poor:
        return None
    own_fit = best_reading(sampled).fit
    if own_fit > poor:
        return None
    best = _likeliest(sampled, own_fit * float((sampled.rows.image_index >= 0).mean()))
    if best is None:
        return None
    # One of hundreds of combinations fits by chance; it must fit better than on mixed images.
    ids, boxes = best
    if is_chance(sampled.with_rows(ids.read(case, sampled.rows))):
        return None
    fix_rows = partial(ids.read, case)
    read = boxes.fix_rows(fix_rows(case.rows))
    if case.quick_score.score(read) < case.quick_score.score(case.rows):
        return None
    change = change_with_rows(case, read, "with both read so")
    evidence = f"image IDs seem to be {ids.name}, and boxes {boxes.name}: {change}"
    return Finding("image-ids-shifted", "error", evidence, fix_rows=fix_rows)


def _likeliest(case: Case, before: float) -> tuple[IdReading, FittedReading] | None:
    """Return the readings that fit clearly better than a mean best IoU of `before` together.

    Fits are weighted by the share of known images. Of readings that fit alike, the one that knows
    most images is returned.
    """
    fits = []
    for ids in id_readings(case):
        other = case.with_rows(ids.read(case, case.rows))
        share_known = float((other.rows.image_index >= 0).mean())
        if share_known > 0.5:
            boxes = best_reading(other)
            fits.append((boxes.fit * share_known, share_known, ids, boxes))
    highest = max((fit for fit, *_ in fits), default=0.0)
    if highest <= max(before + CLEARLY_BETTER, before * MUCH_BETTER):
        return None
    alike = [each for each in fits if each[0] >= highest - ALIKE]
    _, _, ids, boxes = max(alike, key=lambda each: each[1])
    return ids, boxes


def _of_sampled_images(case: Case) -> DetectionRows:
    """Return the rows of images that are sampled by the names that the file has for them."""
    n_names = len(case.file.images.names)
    sampled = np.zeros(n_names, np.bool_)
    sampled[np.random.default_rng(_SEED).permutation(n_names)[:SAMPLED_IMAGES]] = True
    return case.rows.select(sampled[case.file.images.codes[case.rows.source_rows]])
