"""Difference: how much better one detector is than another on the same images, and whether the images can tell.

The null hypothesis of p is that the measures of both are equal on images of this kind, whatever else differs between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    VALUE_METHOD,
    Interval,
    Method,
    intervals,
    p_values,
    standard_error,
)
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from detbench.metrics.uncertainty.replicates import REPLICATES, Resampled, resample


@dataclass(frozen=True)
class ClassDifference:
    """Candidate − baseline for one class; NaN where it cannot be told."""

    name: str
    interval: Interval
    p: float
    """For this class alone."""
    p_holm: float
    """Corrected so that a single false call among all classes is unlikely."""
    p_fdr: float
    """Corrected (Benjamini–Hochberg) so that few of the classes that are called are called falsely."""


@dataclass(frozen=True)
class Difference:
    """Candidate − baseline in one measure; NaN where it cannot be told."""

    measure: Measure
    baseline: Interval
    candidate: Interval
    interval: Interval
    p: float
    standard_error: float
    classes: tuple[ClassDifference, ...]


def differences(
    baseline: Evaluation,
    candidate: Evaluation,
    measures: Sequence[Measure] | None = None,
    *,
    confidence: float = CONFIDENCE,
    method: Method = DIFFERENCE_METHOD,
    replicates: int = REPLICATES,
    seed: int = 0,
    threads: int | None = None,
) -> list[Difference]:
    """Return candidate − baseline in each measure, by a bootstrap over images in which both see the same draws.

    Args:
        baseline: a detector.
        candidate: another on the same ground truth under the same protocol; images of one of its groups are drawn together.
        measures: of the protocol; None for all of its summary.
        confidence: of the intervals, between 0 and 1.
        method: of the interval of the difference and of p.
        replicates: how many draws; p is at least 2 / (replicates + 1).
        seed: names the draws.
        threads: at most this many; None for all the process may use. Results do not depend on it.

    Raises:
        NotComparableError: other images, annotations or protocols.
        DetbenchError: fewer than two images or groups, no replicates, or no such confidence or method.
    """
    first, second = resample(
        [baseline, candidate], measures, replicates=replicates, seed=seed, threads=threads
    )
    return [
        difference(a, b, confidence=confidence, method=method)
        for a, b in zip(first, second, strict=True)
    ]


def difference(
    baseline: Resampled,
    candidate: Resampled,
    *,
    confidence: float = CONFIDENCE,
    method: Method = DIFFERENCE_METHOD,
) -> Difference:
    """Return candidate − baseline of two detectors that were resampled together."""
    change = candidate.minus(baseline)
    overall, classes = intervals(change, confidence=confidence, method=method)
    p = p_values(change, method)
    columns = zip(
        change.class_names,
        classes,
        p[1:].tolist(),
        holm(p[1:]).tolist(),
        benjamini_hochberg(p[1:]).tolist(),
        strict=True,
    )
    return Difference(
        measure=change.measure,
        baseline=intervals(baseline, confidence=confidence, method=VALUE_METHOD)[0],
        candidate=intervals(candidate, confidence=confidence, method=VALUE_METHOD)[0],
        interval=overall,
        p=float(p[0]),
        standard_error=standard_error(change),
        classes=tuple(ClassDifference(*row) for row in columns),
    )
