"""Class numbers: what the classes of a file mean if they are numbered by another rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case

_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IDS = tuple(number for number in range(1, 91) if number not in _GAPS)
"""The category IDs of COCO's 80 classes in its own files."""


@dataclass(frozen=True)
class ClassReading:
    """Another meaning of the class names or numbers of a file."""

    id: str
    """The finding that reports it."""
    how: str
    """How classes are read, as in: classes fit if they are read …"""
    class_index: Ints
    """(names,) the class that each name in the file means, −1 for none."""

    def read(self, case: Case, rows: DetectionRows) -> DetectionRows:
        """Return rows with the classes that this reading gives them."""
        codes = case.file.classes.codes[rows.source_rows]
        return replace(rows, class_index=self.class_index[codes])


def numberings(case: Case) -> Iterator[ClassReading]:
    """Yield every meaning of the class numbers that differs from their own.

    There are none for files that name classes.
    """
    if not case.file.has_class_numbers:
        return
    # A file may have names where its format has numbers.
    names = case.file.classes.names
    class_names = case.ground_truth.class_names
    index_of_name = {name.casefold(): k for k, name in enumerate(class_names)}
    by_name = [index_of_name.get(name.casefold()) for name in names]
    yield _reading("classes-permuted", "as their names", by_name)

    # Or numbers without gaps where those of the ground truth have gaps, or the other way round.
    numbers = [int(name) if name.lstrip("-").isdigit() else None for name in names]
    own_numbers = {number: k for k, number in enumerate(_own_numbers(case))}
    n_classes = len(own_numbers)
    has_gaps = n_classes > 1 and max(own_numbers) - min(own_numbers) + 1 > n_classes
    finding = "class-ids-80-91" if has_gaps else "classes-permuted"
    without_gaps = dict(enumerate(range(n_classes)))
    for first in (0, 1):
        yield _reading(
            finding,
            f"as numbers {first}–{n_classes - 1 + first} without gaps",
            [_look_up(without_gaps, number, -first) for number in numbers],
        )
    if n_classes == len(COCO_IDS) and not has_gaps:
        official = {number: k for k, number in enumerate(COCO_IDS)}
        yield _reading(
            "class-ids-80-91",
            "as COCO's own IDs, 1–90 with gaps",
            [_look_up(official, number) for number in numbers],
        )
    # Or the numbers of other classes, from counting a background class or not.
    for shift in (-1, 1):
        yield _reading(
            "classes-permuted",
            f"as numbers {-shift:+d} away from the true ones",
            [_look_up(own_numbers, number, shift) for number in numbers],
        )


def _look_up(classes: dict[int, int], number: int | None, shift: int = 0) -> int | None:
    return None if number is None else classes.get(number + shift)


def _reading(finding: str, how: str, classes: Sequence[int | None]) -> ClassReading:
    index = [-1 if k is None else k for k in classes]
    return ClassReading(finding, how, np.array(index, np.int64))


def _own_numbers(case: Case) -> list[int]:
    """Return the number by which the case's format writes each class."""
    if case.file.has_category_ids:
        numbers: list[int] = case.ground_truth.category_ids.tolist()
        return numbers
    return list(range(len(case.ground_truth.class_names)))


def orders(ground_truth: GroundTruth) -> Iterator[tuple[str, Ints]]:
    """Yield orders that a detector's K classes can be in, other than that of the ground truth.

    Yields:
        How classes are read, and a table (K,): at each class of the file, the class that it means.
    """
    n_classes = len(ground_truth.class_names)
    own = np.arange(n_classes)
    # Frameworks sort class names, or IDs that are folder names, on one side only.
    for how, order in (
        ("alphabetical order", _alphabetical(ground_truth)),
        ("the order of their IDs as texts", _as_texts(ground_truth)),
    ):
        if (order != own).any():
            yield f"in {how}", order
            yield f"with {how} undone", np.argsort(order)
    yield "in reverse order", own[::-1]
    for shift in range(1, n_classes):
        is_forward = shift <= n_classes / 2
        step = f"{shift} further" if is_forward else f"{n_classes - shift} back"
        yield f"as the class {step} in the list", (own + shift) % n_classes


def _alphabetical(ground_truth: GroundTruth) -> Ints:
    names = ground_truth.class_names
    return np.array(sorted(range(len(names)), key=lambda k: names[k]), np.int64)


def _as_texts(ground_truth: GroundTruth) -> Ints:
    category_ids = ground_truth.category_ids
    order = sorted(range(len(category_ids)), key=lambda k: str(category_ids[k]))
    return np.array(order, np.int64)


def order_reading(case: Case, how: str, table: Ints) -> ClassReading:
    """Return the reading that exchanges the classes of a file by a table (K,)."""
    own = np.full(len(case.file.classes.names), -1, np.int64)
    own[case.file.classes.codes[case.rows.source_rows]] = case.rows.class_index
    return ClassReading("classes-permuted", how, np.where(own >= 0, table[own], -1))


def exchange_classes(table: Ints, rows: DetectionRows) -> DetectionRows:
    """Return rows with each class replaced by the one at its position in a table (K,)."""
    has_class = rows.class_index >= 0
    return replace(rows, class_index=np.where(has_class, table[rows.class_index], -1))
