"""Numberings: what category ids mean by other rules, and orders that the classes of a detector can be in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.reading.rows import Rows

COCO_IDS = tuple(
    number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
)
"""The ids of COCO's 80 classes in its own files."""
NUMBERED = ("coco", "yolo")
"""Formats that write classes as numbers."""


@dataclass(frozen=True)
class Numbering:
    """Another meaning of the category ids."""

    id: str
    name: str
    classes: Ints
    """(names,) class of each id in the file, −1 where none."""


def numberings(case: Case) -> Iterator[Numbering]:
    """Yield every meaning of the ids in a file of numbered classes that differs from its own; nothing for files that name classes."""
    assert case.source is not None  # noqa: S101  the check asks for it
    if case.source.form not in NUMBERED:
        return
    names = case.source.classes.names
    places = {name.casefold(): place for place, name in enumerate(case.truth.class_names)}
    yield Numbering(
        "classes-permuted",
        "as their names",
        np.array([places.get(name.casefold(), -1) for name in names], np.int64),
    )
    ids = [int(name) if name.lstrip("-").isdigit() else None for name in names]
    own = {number: place for place, number in enumerate(_own_ids(case))}
    gaps = len(own) > 1 and max(own) - min(own) + 1 > len(own)
    by_position = "class-ids-80-91" if gaps else "classes-permuted"
    for first in (0, 1):
        inside = [
            number - first if number is not None and 0 <= number - first < len(own) else -1
            for number in ids
        ]
        yield Numbering(
            by_position,
            f"as {first}–{len(own) - 1 + first} without gaps",
            np.array(inside, np.int64),
        )
    if len(own) == len(COCO_IDS) and not gaps:
        official = {number: place for place, number in enumerate(COCO_IDS)}
        classes = np.array([official.get(number or 0, -1) for number in ids], np.int64)
        yield Numbering("class-ids-80-91", "as COCO's own ids, 1–90 with gaps", classes)
    for shift in (-1, 1):
        moved = [own.get(number + shift, -1) if number is not None else -1 for number in ids]
        yield Numbering(
            "classes-permuted", f"as {-shift:+d} away from the true ones", np.array(moved, np.int64)
        )


def _own_ids(case: Case) -> list[int]:
    assert case.source is not None  # noqa: S101  the check asks for it
    return (
        case.truth.category_ids.tolist()
        if case.source.form == "coco"
        else list(range(len(case.truth.class_names)))
    )


def orders(truth: GroundTruth) -> Iterator[tuple[str, Ints]]:
    """Yield name and table (K,) of orders: at each class of the file the one that it means."""
    kinds = len(truth.class_names)
    own = np.arange(kinds)
    as_texts = sorted(range(kinds), key=lambda k: str(truth.category_ids[k]))
    for how, by in (
        ("in the order of the alphabet", _alphabetical(truth)),
        ("by their ids sorted as texts", np.array(as_texts, np.int64)),
    ):
        if (by != own).any():
            yield how, by
            yield f"{how}, which is undone", np.argsort(by)
    yield "in the opposite order", own[::-1]
    for turn in range(1, kinds):
        yield (
            f"{turn} further in the list of classes"
            if turn <= kinds / 2
            else f"{kinds - turn} back in the list of classes",
            (own + turn) % kinds,
        )


def _alphabetical(truth: GroundTruth) -> Ints:
    return np.array(
        sorted(range(len(truth.class_names)), key=lambda k: truth.class_names[k]), np.int64
    )


def numbering_of(case: Case, how: str, table: Ints) -> Numbering:
    """Return the numbering that exchanges the classes of the file by a table (K,)."""
    assert case.source is not None  # noqa: S101  the check asks for it
    own = np.full(len(case.source.classes.names), -1, np.int64)
    own[case.source.classes.codes[case.rows.places]] = case.rows.classes
    return Numbering("classes-permuted", how, np.where(own >= 0, table[own], -1))


def exchanged(table: Ints, rows: Rows) -> Rows:
    """Return the rows with each class replaced by that at its place in the table (K,)."""
    return replace(rows, classes=np.where(rows.classes >= 0, table[rows.classes], -1))
