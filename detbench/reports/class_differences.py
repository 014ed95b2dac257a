"""Pairs: what the images say of the differences between detectors that are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detbench.metrics.uncertainty.difference import difference
from detbench.metrics.uncertainty.replicates import Resampled


class ClassPair(NamedTuple):
    """A detector and a reference in one class; NaN where it cannot be told."""

    detector: str
    reference: str
    class_name: str
    difference: float
    """AP of the detector less that of the reference."""
    low: float
    high: float
    p: float
    p_fdr: float
    """Corrected for the number of classes (Benjamini–Hochberg)."""
    told_apart: bool
    """Whether p_fdr is low enough to say that the two differ."""


_ENDS = ["difference", "difference_low", "difference_high", "p"]
PAIR_COLUMNS = ["group", "measure", "better", "worse", *_ENDS, "told_apart"]
"""`group`, then the fields of `Pair`."""
CLASS_PAIR_COLUMNS = ["group", "detector", "reference", "class", *_ENDS, "p_fdr", "told_apart"]
"""`group`, then the fields of `ClassPair`."""


def class_differences(
    detectors: Sequence[Resampled], baseline: str | None, best: str
) -> Iterator[ClassPair]:
    """Yield the difference of each class and detector to the baseline, or to the best where the baseline is none of them."""
    name = baseline if baseline in {each.name for each in detectors} else best
    reference = next(each for each in detectors if each.name == name)
    for each in detectors:
        if each is not reference:
            for row in difference(reference, each).classes:
                found = row.interval
                differs = row.p_fdr <= 1 - found.confidence
                yield ClassPair(
                    each.name,
                    name,
                    row.name,
                    found.estimate,
                    found.low,
                    found.high,
                    row.p,
                    row.p_fdr,
                    differs,
                )
