"""Checks of classes: swapped, shifted, numbered by another rule, unknown, or not annotated."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.checks.classes import LISTED_CLASSES, MANY_PLACED, check_permuted_classes
from detbench.data.checks.scores import is_ordered_by_score
from detbench.data.columns import Flags, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows, score_of_rest
from detbench.doctor.findings import Finding
from detbench.doctor.readings.class_numbers import (
    ClassReading,
    exchange_classes,
    numberings,
    order_reading,
    orders,
)
from detbench.metrics.scoring.placement import (
    WELL_PLACED_IOU,
    best_iou,
    class_confusion,
    well_placed,
)
from detbench.wording import first_few

AGREEMENT_GAIN = 0.15
"""Increase in the share of well-placed detections that are of their object's class which shows
another reading of the classes to be right."""
OVERFITTED = 0.1
"""How much less an order may agree than classes that are chosen one by one: these fit the sample by
chance, too."""
MIN_AP_GAIN = 0.01
"""Gain in AP that another reading must bring: some reading always agrees with the few hits of a
detector that finds nothing."""
MIN_UNANNOTATED, MIN_UNANNOTATED_SHARE = 5, 0.03
"""Detections of a class without annotations that lie on no object, among as many highest-scoring
ones as there are objects, above which its annotations seem to be lost: in number and as a share."""
ABOVE_FALSE = 1.5
"""How many times more of them there must be than of any annotated class: a detector of many false
positives has as many of each class."""

Placed = tuple[Ints, Ints]
"""Well-placed detections (P,), and the classes of their objects (P,)."""


def check_classes(case: Case) -> Finding | None:
    """Return what is wrong with the classes: the likeliest cause only."""
    if not len(case.rows):
        return None
    placed = well_placed(case.ground_truth, case.rows)
    return (
        _check_spelling(case)
        or _check_numbering(case, placed)
        or _check_permutation(case, placed)
        or _check_unknown_classes(case)
    )


def _check_spelling(case: Case) -> Finding | None:
    """Check for unknown classes that have the name of a class, or nearly so.

    It takes no boxes to see what they mean: the format has numbers there, or another spelling.
    """
    unknown = case.rows.class_index < 0
    class_names = case.ground_truth.class_names
    spellings = Counter(map(_spelling, class_names))
    index = {_spelling(name): k for k, name in enumerate(class_names)}
    meant = np.array(
        [
            index[_spelling(name)] if spellings[_spelling(name)] == 1 else -1
            for name in case.file.classes.names
        ],
        np.int64,
    )
    codes = case.file.classes.codes
    renamed = unknown & (meant[codes[case.rows.source_rows]] >= 0)
    if not renamed.any():
        return None

    def fix_rows(rows: DetectionRows) -> DetectionRows:
        by_name = meant[codes[rows.source_rows]]
        return replace(rows, class_index=np.where(rows.class_index < 0, by_name, rows.class_index))

    names = case.file.classes.names_of(case.rows.source_rows[renamed])
    how = "as names, not numbers" if case.file.has_class_numbers else "in another spelling"
    change = change_with_rows(case, fix_rows(case.rows), "with the classes of these names")
    evidence = (
        f"{renamed.sum():,} of {len(renamed):,} detections state their class {how} "
        f"({first_few(names, LISTED_CLASSES)}): {change}"
    )
    return Finding("classes-permuted", "error", evidence, fix_rows=fix_rows)


def _spelling(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum()) or name


def _check_numbering(case: Case, placed: Placed) -> Finding | None:
    """Check for classes that the file numbers or orders by another rule."""
    detections, object_classes = placed
    if len(detections) < MANY_PLACED:
        return None
    codes = case.file.classes.codes[case.rows.source_rows]
    before = float((case.rows.class_index[detections] == object_classes).mean())
    # Readings are ranked by agreement plus the share of detections whose class they know.
    best, best_rank, after = None, 0.0, before
    for reading in (*numberings(case), *_likeliest_order(case, placed)):
        agreement = float((reading.class_index[codes[detections]] == object_classes).mean())
        share_known = float((reading.class_index[codes] >= 0).mean())
        if agreement > before + AGREEMENT_GAIN and agreement + share_known > best_rank:
            best, best_rank, after = reading, agreement + share_known, agreement
    if best is None:
        return None
    fix_rows = partial(best.read, case)
    quick_score = case.quick_score
    if quick_score.score(fix_rows(case.rows)) - quick_score.score(case.rows) < MIN_AP_GAIN:
        return None
    evidence = (
        f"classes fit the objects if they are read {best.how} "
        f"({before:.0%} → {after:.0%} of well-placed detections are of their object's class): "
        f"{change_with_rows(case, fix_rows(case.rows), 'read so')}"
    )
    return Finding(best.id, "error", evidence, fix_rows=fix_rows)


def _likeliest_order(case: Case, placed: Placed) -> list[ClassReading]:
    """Return the order of the classes that fits clearly better than all others, if there is one.

    It must not agree less than classes that are chosen one by one, either.
    """
    # The same order can have several names, of which the last is kept.
    order_names = {tuple(table.tolist()): how for how, table in orders(case.ground_truth)}
    ranked = sorted(
        ((_agreement(case, placed, table), table) for table in order_names), reverse=True
    )
    if not ranked:
        return []
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    mistaken = class_confusion(case.ground_truth, case.rows, placed)
    one_by_one = _agreement(case, placed, _table(case, mistaken.meant))
    agreement, table = ranked[0]
    if agreement < max(second + AGREEMENT_GAIN, one_by_one - OVERFITTED):
        return []
    return [order_reading(case, order_names[table], np.array(table, np.int64))]


def _agreement(case: Case, placed: Placed, table: tuple[int, ...] | Ints) -> float:
    """Return the share of well-placed detections that are of their object's class.

    Args:
        case: The case.
        placed: Its well-placed detections.
        table: (K,) the class that each class means.
    """
    detections, object_classes = placed
    # Unknown classes, −1, pick the element that is appended.
    classes = np.append(table, -1)[case.rows.class_index[detections]]
    return float((classes == object_classes).mean())


def _table(case: Case, meant: dict[int, int]) -> Ints:
    """Return a table (K,) of the class that each class means."""
    table = np.arange(len(case.ground_truth.class_names))
    table[list(meant)] = list(meant.values())
    return table


def _check_permutation(case: Case, placed: Placed) -> Finding | None:
    """Check for classes whose well-placed detections lie on objects of one other class each."""
    if not is_ordered_by_score(case.scored):
        return None
    mistaken = class_confusion(case.ground_truth, case.rows, placed)
    suspicion = check_permuted_classes(case.ground_truth.class_names, mistaken)
    if suspicion is None:
        return None
    # A weak detector may look mistaken: exchanging its classes must improve the score.
    fix_rows = partial(exchange_classes, _table(case, mistaken.meant))
    exchanged = fix_rows(case.rows)
    if case.quick_score.score(exchanged) <= case.quick_score.score(case.rows):
        return None
    change = change_with_rows(case, exchanged, "with these classes exchanged")
    evidence = f"{suspicion.evidence}: {change}"
    absent = [k for k in mistaken.meant if not (case.rows.class_index == k).any()]
    if absent:
        name = case.ground_truth.class_names[absent[0]]
        evidence += f"; no detection is of {name}: two classes seem to be written as one"
    elif not mistaken.is_complete:
        evidence += (
            "; other classes may be exchanged, too, but too few of their boxes lie on objects"
        )
    else:
        return Finding(suspicion.id, "error", evidence, fix_rows=fix_rows)
    return Finding(suspicion.id, "error", evidence, suspicion.fix)


def _check_unknown_classes(case: Case) -> Finding | None:
    """Check for detections of classes that the ground truth does not have."""
    unknown = (case.rows.class_index < 0) & ~case.file.unnamed[case.rows.source_rows]
    if not unknown.any():
        return None
    ground_truth, has_ids = case.ground_truth, case.file.has_category_ids
    names = case.file.classes.names_of(case.rows.source_rows[unknown])
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    expected = ground_truth.category_ids.tolist() if has_ids else ground_truth.class_names
    evidence = (
        f"{unknown.sum():,} of {len(unknown):,} detections are of classes that the ground truth "
        f"does not have ({listed}; it has {', '.join(map(str, expected[:5]))} …)"
    )
    if not unknown.all():
        evidence += f": {score_of_rest(case, _of_known_classes(case.rows), 'without them')}"
    finding = "class-ids-80-91" if has_ids else "classes-permuted"
    return Finding(finding, "error", evidence, fix_rows=_of_known_classes)


def _of_known_classes(rows: DetectionRows) -> DetectionRows:
    return rows.select(rows.class_index >= 0)


def check_unannotated(case: Case) -> Finding | None:
    """Check for classes without objects.

    If many of the highest-scoring detections are of them, their annotations seem to be lost.
    """
    names = case.ground_truth.class_names
    counts = np.bincount(case.ground_truth.class_index[case.regular], minlength=len(names))
    unannotated = counts == 0
    if not unannotated.any() or unannotated.all():
        return None
    evidence = (
        f"{unannotated.sum():,} of {len(names):,} classes have no ground truth and are left out of "
        "every mean"
    )
    n_objects = int(counts.sum())
    detected, n_considered = _highest_scoring_classes(case, n_objects)
    lost: Flags = unannotated & (detected > MIN_UNANNOTATED)
    lost &= detected > MIN_UNANNOTATED_SHARE * n_considered
    lost &= detected > ABOVE_FALSE * detected[~unannotated].max(initial=0)
    if lost.any() and (len(case.scored) < 2 or is_ordered_by_score(case.scored)):
        share = detected[lost].sum() / n_considered
        listed = first_few([names[k] for k in np.flatnonzero(lost)], LISTED_CLASSES)
        evidence += (
            f"; {share:.0%} of the {n_considered:,} highest-scoring detections are of {listed} and "
            "lie on no object: their annotations seem to be lost"
        )
        fix = "check that the annotations of these classes are in the file"
        return Finding("class-without-ground-truth", "warning", evidence, fix)
    listed = first_few([names[k] for k in np.flatnonzero(unannotated)], LISTED_CLASSES)
    fix = "compare means only over the same classes; this is normal for small sets"
    return Finding("class-without-ground-truth", "note", f"{evidence}: {listed}", fix)


def _highest_scoring_classes(case: Case, limit: int) -> tuple[Ints, int]:
    """Return how many of the highest-scoring detections each class (K,) has, and their number.

    Detections on objects of any class are not counted: these are confusions.
    """
    rows = case.scored.select(np.argsort(-case.scored.scores, kind="stable")[:limit])
    is_on_object = best_iou(case.ground_truth, rows, any_class=True) >= WELL_PLACED_IOU
    classes = rows.class_index[~is_on_object]
    counts = np.bincount(classes, minlength=len(case.ground_truth.class_names))
    return counts, len(rows)
