"""Checks of images: IDs that are unknown or read in another way, and images without detections."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.checks.images import check_missing_images
from detbench.data.checks.suspicion import score_text
from detbench.data.columns import Ints
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows, score_of_rest
from detbench.doctor.evidence.fit import fit_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import CLEARLY_BETTER, MUCH_BETTER
from detbench.doctor.readings.chance import best_reading, is_chance
from detbench.doctor.readings.id_rules import id_rules
from detbench.doctor.readings.id_votes import voted_readings
from detbench.doctor.readings.image_ids import IdReading, id_readings

MOSTLY_UNKNOWN = 0.5
"""Share of detections on unknown images, and of images without detections, from which on the split
is the wrong one."""
MIN_GAIN = 0.01
"""Gain in AP that proves a rule for image IDs where there are too few boxes to tell chance."""
GOOD_FIT = 0.5
"""Mean best IoU of boxes that are on their own images, or on images that look alike."""
ALIKE = 0.02
"""Mean best IoUs this close to each other differ only because of the sampled images."""


def check_id_rules(case: Case) -> Finding | None:
    """Return the rule that maps unknown image IDs one to one, if the boxes prove it."""
    rule = _best_rule(case)
    if rule is None or not _is_proven(case, rule):
        return None
    fix_rows = partial(rule.read, case)
    evidence = f"{_mapping(rule)}: {change_with_rows(case, fix_rows(case.rows), 'read so')}"
    return Finding("image-ids-shifted", "error", evidence, fix_rows=fix_rows)


def _best_rule(case: Case) -> IdReading | None:
    """Return the rule for unknown IDs under which the boxes fit best; None if there is no rule."""
    rules = id_rules(case)
    if len(rules) < 2:
        return rules[0] if rules else None
    return max(rules, key=lambda rule: fit_of(case.with_rows(rule.read(case, case.rows))))


def _mapping(rule: IdReading) -> str:
    n_known = int((rule.positions >= 0).sum())
    one_to_one = "one to one to images" if n_known > 1 else "to an image"
    return (
        f"image IDs seem to be {rule.name}, which maps {n_known:,} of {len(rule.positions):,} "
        f"{one_to_one}"
    )


def _is_proven(case: Case, rule: IdReading) -> bool:
    """Tell whether boxes lie on objects if their images are those that a rule maps them to.

    Only detections whose image changes are considered.
    """
    rows = rule.read(case, case.rows)
    changed = (rows.image_index != case.rows.image_index) & (rows.image_index >= 0)
    after, before = (case.with_rows(each.select(changed)) for each in (rows, case.rows))
    fit = fit_of(after)
    gain = case.quick_score.score(rows) - case.quick_score.score(case.rows)
    if gain < 0 or fit < fit_of(before) * float((before.rows.image_index >= 0).mean()):
        return False
    # Images of a fixed camera look alike, so that boxes fit on any of them.
    if fit >= GOOD_FIT:
        return True
    is_large_enough = bool(best_reading(after).fit)
    return not is_chance(after) if is_large_enough else gain > MIN_GAIN


def check_image_ids(case: Case) -> Finding | None:
    """Return the reading of image IDs that puts boxes onto objects, while their own does not."""
    if not len(case.rows):
        return None
    # One of many readings fits by chance; it must fit better than if images are mixed.
    before = fit_of(case)
    best = _likeliest(case, before * float((case.rows.image_index >= 0).mean()))
    if best is None or is_chance(case.with_rows(best.read(case, case.rows))):
        return None
    fix_rows = partial(best.read, case)
    rows = fix_rows(case.rows)
    evidence = (
        f"image IDs seem to be {best.name} "
        f"(mean best IoU {before:.2f} → {fit_of(case.with_rows(rows)):.2f}): "
        f"{change_with_rows(case, rows, 'read so')}"
    )
    return Finding("image-ids-shifted", "error", evidence, fix_rows=fix_rows)


def _likeliest(case: Case, before: float) -> IdReading | None:
    """Return the reading under which boxes fit clearly better than a mean best IoU of `before`.

    Fits are weighted by the share of known images. Of readings that fit alike, the one that knows
    most images is returned.
    """
    fits = []
    readings = list(id_readings(case))
    if before < GOOD_FIT:
        readings += voted_readings(case)
    for reading in readings:
        other = case.with_rows(reading.read(case, case.rows))
        share_known = float((other.rows.image_index >= 0).mean())
        fit = fit_of(other) * share_known
        if fit > max(before + CLEARLY_BETTER, before * MUCH_BETTER) and share_known > 0.5:
            fits.append((fit, share_known, reading))
    highest = max((fit for fit, _, _ in fits), default=0.0)
    alike = [(share, reading) for fit, share, reading in fits if fit >= highest - ALIKE]
    return max(alike, key=lambda pair: pair[0])[1] if alike else None


def check_unknown_images(case: Case) -> Finding | None:
    """Check for detections on images that the ground truth does not have."""
    rows = case.rows
    unknown = (rows.image_index < 0) & ~case.file.unnamed[rows.source_rows]
    if not unknown.any():
        return None
    names = case.file.images.names_of(rows.source_rows[unknown])
    images = f"{len(names):,} images" if len(names) > 1 else "an image"
    expected = ", ".join(map(repr, case.ground_truth.image_ids[:3]))
    evidence = (
        f"{unknown.sum():,} of {len(unknown):,} detections ({unknown.mean():.0%}) are on {images} "
        f"that the ground truth does not have (the first: {names[0]!r}; it has {expected} …)"
    )
    n_images = len(case.ground_truth.image_ids)
    n_seen = len(np.unique(rows.image_index[~unknown]))
    rule = next(iter(id_rules(case)), None)
    if unknown.mean() >= MOSTLY_UNKNOWN and n_seen < MOSTLY_UNKNOWN * n_images:
        fix = "choose the split of these detections (--split), or run the detector on this one"
        if rule is not None:
            evidence += (
                f"; {_mapping(rule)}, but then no box lies on an object better than by chance"
            )
        return Finding("wrong-split", "error", evidence, fix)
    if rule is not None:
        fix = "write image IDs as the ground truth has them, if they are these images"
        return Finding("image-ids-unknown", "error", f"{evidence}; {_mapping(rule)}", fix)
    rest = score_of_rest(case, _on_known_images(rows), "without them")
    return Finding("image-ids-unknown", "error", f"{evidence}: {rest}", fix_rows=_on_known_images)


def _on_known_images(rows: DetectionRows) -> DetectionRows:
    return rows.select(rows.image_index >= 0)


def check_missing(case: Case) -> Finding | None:
    """Check for images with objects that have no detection, and score the others alone."""
    image_index = case.scored.image_index[~case.duplicates]
    suspicion = check_missing_images(case.ground_truth, image_index)
    if suspicion is None:
        return None
    # The score on the images with detections shows how much the others cost.
    seen = np.unique(image_index)
    selection = case.with_ground_truth(case.ground_truth.select_images(seen))
    rows = _in_selection(case.scored, seen, len(case.ground_truth.image_ids))
    on_all, on_seen = case.quick_score.score(case.rows), selection.quick_score.score(rows)
    scope = case.quick_score.scope
    evidence = (
        f"{suspicion.evidence}: {case.quick_score.measure} is {score_text(on_all)} on all images "
        f"and {score_text(on_seen)} on those with detections{scope and f', each{scope}'}"
    )
    return Finding(suspicion.id, suspicion.severity, evidence, suspicion.fix)


def _in_selection(rows: DetectionRows, positions: Ints, n_images: int) -> DetectionRows:
    """Return rows for a selection of the images, all of which are on selected ones."""
    position_in_selection = np.full(n_images, -1, np.int64)
    position_in_selection[positions] = np.arange(len(positions))
    return replace(rows, image_index=position_in_selection[rows.image_index])
