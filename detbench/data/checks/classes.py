"""Checks of classes: detections that lie on objects of another class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detbench.data.checks.suspicion import Suspicion
from detbench.data.columns import Flags, Ints
from detbench.wording import first_few

MIN_PLACED = 3
"""Well-placed detections that a class must have before anything is concluded about it."""
MAX_OWN = 0.2
"""Share of well-placed detections on objects of their own class up to which a class is mistaken.
Small real detectors have .25 and more."""
MIN_ON_ONE_CLASS = 0.5
"""Share of them on objects of one other class."""
MANY_PLACED = 10
"""Well-placed detections of a mistaken class that show a swap even if those of its partner are too
few."""

LISTED_CLASSES = 5
"""Class names that the evidence lists."""


@dataclass(frozen=True, eq=False)
class MistakenClasses:
    """Classes whose well-placed detections lie on objects of another class."""

    confusion: Ints
    """(K, K) well-placed detections: rows are the detection's class, columns the object's."""
    n_detections: Ints
    """(K,) detections of each class, well placed or not."""

    @cached_property
    def meant(self) -> dict[int, int]:
        """The class that each mistaken class means.

        Mistaken classes count if they are half of all classes with enough detections, or if they
        form circles, like two swapped ones.
        """
        # Each class may mean the class on whose objects most of its detections lie.
        target = self._others.argmax(axis=1)
        meant = {int(k): int(target[k]) for k in np.flatnonzero(self._mistaken)}
        if self._are_most(meant):
            return meant
        # Otherwise only circles count: in a chain, one class would have to mean two.
        self._add_partners(meant)
        while ends := [k for k, c in meant.items() if c not in meant or k not in meant.values()]:
            for k in ends:
                del meant[k]
        return meant

    @property
    def is_complete(self) -> bool:
        """Whether `meant` is likely to hold all mistaken classes.

        If most classes are mistaken, so may be those with too few well-placed detections.
        """
        meant = self.meant
        undecided = bool((~self._decided & (self.n_detections > 0)).any())
        if self._are_most(meant):
            return set(meant) == set(meant.values()) and not undecided
        return 2 * len(meant) < self._decided.sum() or not undecided

    @property
    def share(self) -> float:
        """Share of the mistaken classes' well-placed detections on objects of the class meant."""
        own, target = list(self.meant), list(self.meant.values())
        return float(self.confusion[own, target].sum() / self.confusion[own].sum())

    @cached_property
    def _totals(self) -> Ints:
        return np.asarray(self.confusion.sum(axis=1))

    @cached_property
    def _own(self) -> Ints:
        return np.asarray(self.confusion.diagonal())

    @cached_property
    def _others(self) -> Ints:
        return np.asarray(self.confusion - np.diag(self._own))

    @cached_property
    def _decided(self) -> Flags:
        return np.asarray(self._totals >= MIN_PLACED)

    @cached_property
    def _mistaken(self) -> Flags:
        few_own = self._own <= MAX_OWN * self._totals
        on_one_class = self._others.max(axis=1) >= MIN_ON_ONE_CLASS * self._totals
        return np.asarray(self._decided & few_own & on_one_class)

    def _are_most(self, meant: dict[int, int]) -> bool:
        """Tell whether half of the classes are mistaken, each for another one."""
        one_to_one = len(set(meant.values())) == len(meant)
        return one_to_one and len(meant) > 1 and bool(2 * len(meant) >= self._decided.sum())

    def _add_partners(self, meant: dict[int, int]) -> None:
        """Complete swaps of which only one class has enough well-placed detections."""
        for k, c in list(meant.items()):
            undecided = self._totals[c] < MIN_PLACED
            mistaken = undecided or self._own[c] <= MAX_OWN * self._totals[c]
            if self._totals[k] >= MANY_PLACED and c not in meant and mistaken:
                meant[c] = k


def check_permuted_classes(
    class_names: tuple[str, ...], mistaken: MistakenClasses
) -> Suspicion | None:
    """Check for classes whose well-placed detections lie on objects of one other class each."""
    meant = mistaken.meant
    if not meant:
        return None
    arrows = first_few(
        [f"{class_names[k]} → {class_names[c]}" for k, c in meant.items()], LISTED_CLASSES
    )
    evidence = (
        f"{mistaken.share:.0%} of the well-placed detections of {len(meant)} classes lie on "
        f"objects of another class ({arrows})"
    )
    fix = (
        "compare the order of the class names that the detector was trained with, and the category "
        "IDs (80 or 91), with the ground truth"
    )
    return Suspicion("classes-permuted", "error", evidence, fix)
