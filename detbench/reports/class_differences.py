"""Class differences: how much each detector differs from a reference in each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detbench.metrics.uncertainty.difference import difference
from detbench.metrics.uncertainty.replicates import Replicates


class ClassPair(NamedTuple):
    """A detector and the reference in one class; NaN if unknown."""

    detector: str
    reference: str
    class_name: str
    difference: float
    """AP of the detector minus AP of the reference."""
    low: float
    high: float
    p: float
    p_fdr: float
    """Corrected for the number of classes (Benjamini–Hochberg)."""
    significant: bool
    """Whether p_fdr is at most 1 − confidence."""


_DIFFERENCE_COLUMNS = ["difference", "difference_low", "difference_high", "p"]
PAIR_COLUMNS = ["group", "measure", "better", "worse", *_DIFFERENCE_COLUMNS, "significant"]
"""`group`, then the fields of a pair of the ranking."""
CLASS_PAIR_COLUMNS = [
    "group",
    "detector",
    "reference",
    "class",
    *_DIFFERENCE_COLUMNS,
    "p_fdr",
    "significant",
]
"""`group`, then the fields of `ClassPair`."""


def class_differences(
    detectors: Sequence[Replicates], baseline: str | None, best: str
) -> Iterator[ClassPair]:
    """Yield the difference between each detector and the reference, class by class.

    The reference is the detector named `baseline`, or `best` if there is none of that name.
    """
    by_name = {detector.name: detector for detector in detectors}
    reference = by_name.get(baseline or best, by_name[best])
    for detector in detectors:
        if detector is reference:
            continue
        for row in difference(reference, detector).classes:
            interval = row.interval
            yield ClassPair(
                detector=detector.name,
                reference=reference.name,
                class_name=row.name,
                difference=interval.estimate,
                low=interval.low,
                high=interval.high,
                p=row.p,
                p_fdr=row.p_fdr,
                significant=row.p_fdr <= 1 - interval.confidence,
            )
