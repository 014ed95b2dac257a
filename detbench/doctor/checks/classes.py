"""Classes: swapped, shifted, numbered in another way, or of names that the ground truth does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.columns import Ints, rows_of_groups
from detbench.doctor.case import Case
from detbench.doctor.checks.numberings import Numbering, exchanged, numbering_of, numberings, orders
from detbench.doctor.checks.scores import score_is_class
from detbench.doctor.evidence.counterfactual import average_precision, left, told
from detbench.doctor.evidence.fit import best_of_each, paired_iou
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

SAMPLED_IMAGES = 600
"""Images that are looked at: enough for some tens of objects of a rare class."""
BOXES = 10
"""Best boxes of an image that are looked at."""
WELL_PLACED = 0.5
AGREEMENT_GAIN = 0.15
"""How much more of the well-placed detections must have the class of their object under another numbering."""
OVERFITTED = 0.1
"""How much less than classes that were found out one by one an order may agree: these fit the sample by chance, too."""
FEWEST = 3
"""Well-placed detections that a class must have to tell anything."""
FEW_OWN = 0.2
"""Share of well-placed detections on objects of their own class up to which a class is mistaken; small real detectors have .25 and more."""
MANY_PLACED = 10
"""Well-placed detections of a mistaken class that tell, without its partner's, that the two are swapped."""
WORTHWHILE = 0.01
"""Gain in AP that another numbering must bring: some numbering always agrees with the few hits of a detector that finds nothing."""
MOSTLY_ONE = 0.5
"""Share of them on objects of one other class."""
SURE_OF_ABSENT = (5, 0.03)
"""Detections of an absent class among the surest (as many as there are objects), in number and share, that show that it is not absent."""


def placed(case: Case) -> tuple[Ints, Ints]:
    """Return detection and class of object for each object's best-scoring detection that lies on it by half, whatever its class."""
    rows, truth = case.rows, case.truth
    usable = np.flatnonzero(rows.finite & (rows.image >= 0))
    if len(truth.image_ids) > SAMPLED_IMAGES:
        chosen = np.zeros(len(truth.image_ids), np.bool_)
        chosen[np.random.default_rng(3).choice(len(chosen), SAMPLED_IMAGES, replace=False)] = True
        usable = usable[chosen[rows.image[usable]]]
    best = best_of_each(rows.image, rows.scores, usable, BOXES)
    counts = np.diff(truth.offsets)[rows.image[best]]
    d, o = np.repeat(best, counts), rows_of_groups(truth.offsets, rows.image[best])
    on = (paired_iou(rows.boxes[d], truth.boxes[o]) >= WELL_PLACED) & case.regular[o]
    d, o = d[on], o[on]
    order = np.lexsort((-rows.scores[d], o))
    first = np.flatnonzero(np.diff(o[order], prepend=-1))
    return d[order][first], truth.class_index[o[order][first]].astype(np.int64)


def check_classes(case: Case) -> Finding | None:
    """Return what is wrong with the classes, the likeliest cause only."""
    if not len(case.rows):
        return None
    rows, truths = placed(case)
    return _numbering(case, rows, truths) or _permutation(case, rows, truths) or _unknown(case)


def _numbering(case: Case, rows: Ints, truths: Ints) -> Finding | None:
    """Classes that the file numbers or orders by another rule."""
    if case.source is None or not len(rows):
        return None
    codes = case.source.classes.codes[case.rows.places]
    before = float((case.rows.classes[rows] == truths).mean())
    best, worth, after = None, 0.0, before
    for each in (*numberings(case), *_likeliest_order(case, rows, truths)):
        agreement, known = (
            float((each.classes[codes[rows]] == truths).mean()),
            float((each.classes[codes] >= 0).mean()),
        )
        if agreement > before + AGREEMENT_GAIN and agreement + known > worth:
            best, worth, after = each, agreement + known, agreement
    if best is None:
        return None
    mend = partial(_renumbered, case, best)
    gain = average_precision(case, mend(case.rows)) - average_precision(case, case.rows)
    if len(rows) < MANY_PLACED or gain < WORTHWHILE:
        return None
    evidence = (
        f"classes fit when taken {best.name} ({before:.0%} → {after:.0%} of well-placed detections are of their object's class): "
        f"{told(case, mend(case.rows), 'so read')}"
    )
    return Finding(best.id, "error", evidence, mending(case, best.id), mend)


def _renumbered(case: Case, numbering: Numbering, rows: Rows) -> Rows:
    assert case.source is not None  # noqa: S101  the check asks for it
    return replace(rows, classes=numbering.classes[case.source.classes.codes[rows.places]])


def _likeliest_order(case: Case, rows: Ints, truths: Ints) -> list[Numbering]:
    """Return the order of the classes that fits clearly better than all other orders, and no worse than classes found out one by one."""
    tables = {tuple(table.tolist()): how for how, table in orders(case.truth)}
    agreements = sorted(
        ((_agreement(case, rows, truths, table), table) for table in tables), reverse=True
    )
    second = agreements[1][0] if len(agreements) > 1 else 0.0
    found_out = _agreement(
        case, rows, truths, _table(len(case.truth.class_names), _likely(case, rows, truths)[0])
    )
    if not agreements or agreements[0][0] < max(second + AGREEMENT_GAIN, found_out - OVERFITTED):
        return []
    table = agreements[0][1]
    return [numbering_of(case, tables[table], np.array(table, np.int64))]


def _agreement(case: Case, rows: Ints, truths: Ints, table: Sequence[int] | Ints) -> float:
    """Return the share of these rows that have the class of their object when classes are exchanged by a table (K,)."""
    return float((np.append(table, -1)[case.rows.classes[rows]] == truths).mean())


def _likely(case: Case, rows: Ints, truths: Ints) -> tuple[dict[int, int], bool, Ints]:
    """Return the classes meant, whether these are all, and the confusion (K, K) of well-placed detections that shows it."""
    kinds = len(case.truth.class_names)
    known = case.rows.classes[rows] >= 0
    confusion = np.zeros((kinds, kinds), np.int64)
    np.add.at(confusion, (case.rows.classes[rows][known], truths[known]), 1)
    return *meant_classes(confusion, np.bincount(case.scored.classes, minlength=kinds)), confusion


def _table(kinds: int, meant: dict[int, int]) -> Ints:
    table = np.arange(kinds)
    table[list(meant)] = list(meant.values())
    return table


def _permutation(case: Case, rows: Ints, truths: Ints) -> Finding | None:
    """Classes whose well-placed detections lie on objects of one other class each, in a circle or nearly all of them."""
    if (
        score_is_class(case.scored)
        or not len(case.scored)
        or case.scored.scores.min() == case.scored.scores.max()
    ):
        return None
    meant, whole, confusion = _likely(case, rows, truths)
    if not meant:
        return None
    names = case.truth.class_names
    listed = ", ".join(f"{names[k]} → {names[c]}" for k, c in list(meant.items())[:5]) + (
        f" and {len(meant) - 5} more" if len(meant) > 5 else ""
    )
    share = confusion[list(meant), list(meant.values())].sum() / confusion[list(meant)].sum()
    evidence = f"{share:.0%} of the well-placed detections of {len(meant)} classes lie on objects of another class ({listed})"
    compare = "compare the order of the class names that the detector was trained with, and the category ids (80 or 91), with the ground truth"
    if case.source is None:
        return Finding("classes-permuted", "error", evidence, compare)
    mend = partial(exchanged, _table(len(names), meant))
    if average_precision(case, mend(case.rows)) <= average_precision(case, case.rows):
        return None
    evidence += f": {told(case, mend(case.rows), 'with these exchanged')}"
    if unwritten := [k for k in meant if not (case.rows.classes == k).any()]:
        evidence += f"; but nothing is written of {names[unwritten[0]]}: two classes seem to be written as one"
        return Finding("classes-permuted", "error", evidence, compare)
    if not whole:
        partly = "that is a part of it: of other classes too few boxes lie on objects to tell which they mean"
        return Finding("classes-permuted", "error", f"{evidence}; {partly}", compare)
    return Finding("classes-permuted", "error", evidence, mending(case, "classes-permuted"), mend)


def meant_classes(confusion: Ints, detections: Ints) -> tuple[dict[int, int], bool]:
    """Return the class meant by each mistaken class, and whether that is all, given well-placed detections and all of each class.

    Mistaken classes count that form circles, or all where they are half of the classes or more. It is not all where classes are left of
    which nothing can be told although those that tell something are mistaken for the most part.
    """
    totals, own = confusion.sum(axis=1), confusion.diagonal()
    others = confusion - np.diag(own)
    target = others.argmax(axis=1)
    there = others.max(axis=1)
    telling = totals >= FEWEST
    mistaken = telling & (own <= FEW_OWN * totals) & (there >= MOSTLY_ONE * totals)
    meant = {int(k): int(target[k]) for k in np.flatnonzero(mistaken)}
    if (
        len(set(meant.values())) == len(meant)
        and 2 * len(meant) >= telling.sum()
        and len(meant) > 1
    ):
        circles = set(meant) == set(meant.values())
        return meant, circles and not (~telling & (detections > 0)).any()
    for k, c in list(meant.items()):
        if (
            totals[k] >= MANY_PLACED
            and c not in meant
            and (totals[c] < FEWEST or own[c] <= FEW_OWN * totals[c])
        ):
            meant[c] = k
    while open_ends := [k for k, c in meant.items() if c not in meant or k not in meant.values()]:
        for k in open_ends:
            del meant[k]
    return meant, 2 * len(meant) < telling.sum() or not (~telling & (detections > 0)).any()


def _unknown(case: Case) -> Finding | None:
    """Detections of classes that the ground truth does not name."""
    if case.source is None:
        return None
    unknown = (case.rows.classes < 0) & ~case.source.nameless[case.rows.places]
    if not unknown.any():
        return None
    names = case.source.classes.of(case.rows.places[unknown])
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    known = (
        ", ".join(map(str, case.truth.category_ids[:5].tolist()))
        if case.source.form == "coco"
        else ", ".join(case.truth.class_names[:5])
    )
    count = f"{unknown.sum():,} of {len(unknown):,} detections"
    evidence = (
        f"{count} are of classes that the ground truth does not have ({listed}; it has {known} …)"
    )
    if not unknown.all():
        evidence += f": {left(case, _of_known(case.rows), 'left out')}"
    finding = "class-ids-80-91" if case.source.form == "coco" else "classes-permuted"
    return Finding(finding, "error", evidence, mending(case, finding), _of_known)


def _of_known(rows: Rows) -> Rows:
    return rows.where(rows.classes >= 0)


def check_absent(case: Case) -> Finding | None:
    """Classes without objects; where a detector is as sure of them as of others, their annotations are lost."""
    counts = np.bincount(
        case.truth.class_index[case.regular], minlength=len(case.truth.class_names)
    )
    absent = counts == 0
    if not absent.any() or absent.all():
        return None
    rows = case.scored
    sure = rows.classes[np.argsort(-rows.scores, kind="stable")[: int(counts.sum())]]
    found = np.bincount(sure, minlength=len(counts))
    lost = absent & (found > SURE_OF_ABSENT[0]) & (found > SURE_OF_ABSENT[1] * len(sure))
    ties = len(rows) > 1 and (rows.scores.min() == rows.scores.max() or score_is_class(rows))
    names = [
        case.truth.class_names[k]
        for k in np.flatnonzero(lost if lost.any() and not ties else absent)
    ]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    evidence = f"{absent.sum():,} of {len(absent):,} classes have no ground truth and are left out of every mean"
    if lost.any() and not ties:
        share = found[lost].sum() / len(sure)
        evidence += f"; yet {share:.0%} of the {len(sure):,} surest detections are of {listed}: their annotations seem to be lost"
        return Finding(
            "class-without-ground-truth",
            "warning",
            evidence,
            "check that the annotations of these classes are in the file",
        )
    return Finding(
        "class-without-ground-truth",
        "note",
        f"{evidence}: {listed}",
        "normal for small sets; compare means only over the same classes",
    )
