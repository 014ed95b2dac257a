"""Classes: swapped, shifted, numbered in another way, or of names that the ground truth does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.counterfactual import average_precision, told
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fit import best_of_each, paired_iou
from detbench.bench.doctor.fixes import mending
from detbench.bench.doctor.rows import Rows
from detbench.bench.doctor.scores import score_is_class
from detbench.data.columns import Ints, rows_of_groups

COCO_IDS = tuple(number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
"""The ids of COCO's 80 classes in its own files."""
SAMPLED_IMAGES = 600
"""Images that are looked at: enough for some tens of objects of a rare class."""
BOXES = 10
"""Best boxes of an image that are looked at."""
WELL_PLACED = 0.5
AGREEMENT_GAIN = 0.15
"""How much more of the well-placed detections must have the class of their object under another numbering."""
FEWEST = 3
"""Well-placed detections that a class must have to tell anything."""
FEW_OWN = 0.2
"""Share of well-placed detections on objects of their own class up to which a class is mistaken; small real detectors have .25 and more."""
MANY_PLACED = 10
"""Well-placed detections of a mistaken class that tell, without its partner's, that the two are swapped."""
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


@dataclass(frozen=True)
class Numbering:
    """Another meaning of the category ids."""

    id: str
    name: str
    classes: Ints
    """(names,) class of each id in the file, −1 where none."""


def check_classes(case: Case) -> Finding | None:
    """Return what is wrong with the classes, the likeliest cause only."""
    if not len(case.rows):
        return None
    rows, truths = placed(case)
    return _numbering(case, rows, truths) or _permutation(case, rows, truths) or _unknown(case)


def _numbering(case: Case, rows: Ints, truths: Ints) -> Finding | None:
    if case.source is None or case.source.form != "coco" or not len(rows):
        return None
    before = float((case.rows.classes[rows] == truths).mean())
    best, after = None, before + AGREEMENT_GAIN
    for each in _numberings(case):
        agreement = float((each.classes[case.source.classes.codes[rows]] == truths).mean())
        if agreement > after:
            best, after = each, agreement
    if best is None:
        return None
    mend = partial(_renumbered, case, best)
    evidence = (
        f"category ids fit when taken as {best.name} ({before:.0%} → {after:.0%} of well-placed detections are of their object's class): "
        f"{told(case, mend(case.rows), 'so read')}"
    )
    return Finding(best.id, "error", evidence, mending(case, best.id), mend)


def _numberings(case: Case) -> Iterator[Numbering]:
    assert case.source is not None  # noqa: S101  the caller asks for it
    ids = [int(name) if name.lstrip("-").isdigit() else None for name in case.source.classes.names]
    own = {number: place for place, number in enumerate(case.truth.category_ids.tolist())}
    gaps = len(own) > 1 and max(own) - min(own) + 1 > len(own)
    by_position = "class-ids-80-91" if gaps else "classes-permuted"
    for first in (0, 1):
        inside = [number - first if number is not None and 0 <= number - first < len(own) else -1 for number in ids]
        yield Numbering(by_position, f"{first}–{len(own) - 1 + first} without gaps", np.array(inside, np.int64))
    if len(own) == len(COCO_IDS) and not gaps:
        places = {number: place for place, number in enumerate(COCO_IDS)}
        yield Numbering(
            "class-ids-80-91", "COCO's own, 1–90 with gaps", np.array([places.get(number or 0, -1) for number in ids], np.int64)
        )
    for shift in (-1, 1):
        moved = [own.get(number + shift, -1) if number is not None else -1 for number in ids]
        yield Numbering("classes-permuted", f"{-shift:+d} away from the true ones", np.array(moved, np.int64))


def _renumbered(case: Case, numbering: Numbering, rows: Rows) -> Rows:
    assert case.source is not None  # noqa: S101  there are no ids without a source
    return replace(rows, classes=numbering.classes[case.source.classes.codes])


def _permutation(case: Case, rows: Ints, truths: Ints) -> Finding | None:
    """Classes whose well-placed detections lie on objects of one other class each, in a circle or nearly all of them."""
    if score_is_class(case.scored) or not len(case.scored) or case.scored.scores.min() == case.scored.scores.max():
        return None
    kinds = len(case.truth.class_names)
    known = case.rows.classes[rows] >= 0
    confusion = np.zeros((kinds, kinds), np.int64)
    np.add.at(confusion, (case.rows.classes[rows][known], truths[known]), 1)
    meant = _meant(confusion)
    if not meant:
        return None
    table = np.arange(kinds)
    table[list(meant)] = list(meant.values())
    mend = partial(_exchanged, table)
    names = case.truth.class_names
    listed = ", ".join(f"{names[k]} → {names[c]}" for k, c in list(meant.items())[:5]) + (
        f" and {len(meant) - 5} more" if len(meant) > 5 else ""
    )
    share = confusion[list(meant), list(meant.values())].sum() / confusion[list(meant)].sum()
    evidence = f"{share:.0%} of the well-placed detections of {len(meant)} classes lie on objects of another class ({listed})"
    if case.source is None:
        return Finding("classes-permuted", "error", evidence, "check the order of the classes and the category ids (80 or 91)", mend)
    if average_precision(case, mend(case.rows)) <= average_precision(case, case.rows):
        return None
    evidence += f": {told(case, mend(case.rows), 'with these exchanged')}"
    return Finding("classes-permuted", "error", evidence, mending(case, "classes-permuted"), mend)


def _meant(confusion: Ints) -> dict[int, int]:
    """Return the class meant by each mistaken class: those that form circles, or all where they are half of the classes or more."""
    totals, own = confusion.sum(axis=1), confusion.diagonal()
    others = confusion - np.diag(own)
    target = others.argmax(axis=1)
    there = others.max(axis=1)
    mistaken = (totals >= FEWEST) & (own <= FEW_OWN * totals) & (there >= MOSTLY_ONE * totals)
    meant = {int(k): int(target[k]) for k in np.flatnonzero(mistaken)}
    if len(set(meant.values())) == len(meant) and 2 * len(meant) >= (totals >= FEWEST).sum() and len(meant) > 1:
        return meant
    for k, c in list(meant.items()):
        if totals[k] >= MANY_PLACED and c not in meant and (totals[c] < FEWEST or own[c] <= FEW_OWN * totals[c]):
            meant[c] = k
    while open_ends := [k for k, c in meant.items() if c not in meant or k not in meant.values()]:
        for k in open_ends:
            del meant[k]
    return meant


def _exchanged(table: Ints, rows: Rows) -> Rows:
    return replace(rows, classes=np.where(rows.classes >= 0, table[rows.classes], -1))


def _unknown(case: Case) -> Finding | None:
    """Detections of classes that the ground truth does not name."""
    unknown = case.rows.classes < 0
    if case.source is None or not unknown.any():
        return None
    names = case.source.classes.of(unknown)
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    known = (
        ", ".join(map(str, case.truth.category_ids[:5].tolist())) if case.source.form == "coco" else ", ".join(case.truth.class_names[:5])
    )
    evidence = (
        f"{unknown.sum():,} of {len(unknown):,} detections are of classes that the ground truth does not have ({listed}; it has {known} …)"
    )
    finding = "class-ids-80-91" if case.source.form == "coco" else "classes-permuted"
    return Finding(finding, "error", evidence, mending(case, finding), _of_known)


def _of_known(rows: Rows) -> Rows:
    return rows.where(rows.classes >= 0)


def check_absent(case: Case) -> Finding | None:
    """Classes without objects; where a detector is as sure of them as of others, their annotations are lost."""
    counts = np.bincount(case.truth.class_index[case.regular], minlength=len(case.truth.class_names))
    absent = counts == 0
    if not absent.any() or not counts.any():
        return None
    rows = case.scored
    sure = rows.classes[np.argsort(-rows.scores, kind="stable")[: int(counts.sum())]]
    found = np.bincount(sure, minlength=len(counts))
    lost = absent & (found > SURE_OF_ABSENT[0]) & (found > SURE_OF_ABSENT[1] * len(sure))
    ties = len(rows) > 1 and (rows.scores.min() == rows.scores.max() or score_is_class(rows))
    names = [case.truth.class_names[k] for k in np.flatnonzero(lost if lost.any() and not ties else absent)]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    evidence = f"{absent.sum():,} of {len(absent):,} classes have no ground truth and are left out of every mean"
    if lost.any() and not ties:
        share = found[lost].sum() / len(sure)
        evidence += f"; yet {share:.0%} of the {len(sure):,} surest detections are of {listed}: their annotations seem to be lost"
        return Finding("class-without-ground-truth", "warning", evidence, "check that the annotations of these classes are in the file")
    return Finding(
        "class-without-ground-truth", "note", f"{evidence}: {listed}", "normal for small sets; compare means only over the same classes"
    )
