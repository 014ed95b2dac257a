"""Difference: how much better one detector is than another one, and whether that is significant.

The null hypothesis of p is that both have the same value of the measure on images of this kind,
whatever else differs between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.bootstrap import RESAMPLES
from detbench.metrics.uncertainty.interval_methods import Method
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    VALUE_METHOD,
    Interval,
    intervals,
    p_values,
    standard_error,
)
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from detbench.metrics.uncertainty.replicates import Replicates, resample


@dataclass(frozen=True)
class ClassDifference:
    """Candidate − baseline for one class; NaN if there is no interval."""

    name: str
    interval: Interval
    p: float
    """For this class alone."""
    p_holm: float
    """Corrected: limits the probability of any false call among all classes (Holm)."""
    p_fdr: float
    """Corrected: limits the share of false calls among the called classes (Benjamini–Hochberg)."""


@dataclass(frozen=True)
class Difference:
    """Candidate − baseline in one measure; NaN if there is no interval."""

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
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
) -> list[Difference]:
    """Return candidate − baseline in each measure, from a paired bootstrap over images.

    Args:
        baseline: a detector.
        candidate: another one, on the same ground truth under the same protocol. Images of one
            group are resampled together.
        measures: of the protocol; None for all of its summary.
        confidence: of the intervals, between 0 and 1.
        method: of the interval of the difference and of p.
        resamples: number of bootstrap resamples B; p is at least 2 / (B + 1).
        seed: random seed.
        threads: maximum number of threads; None for all cores that the process may use. Results do
            not depend on it.

    Raises:
        NotComparableError: the two have different images, annotations or protocols.
        DetbenchError: there are fewer than two images or groups, no resamples, or no such
            confidence or method.
    """
    first, second = resample(
        [baseline, candidate], measures, resamples=resamples, seed=seed, threads=threads
    )
    return [
        difference(a, b, confidence=confidence, method=method)
        for a, b in zip(first, second, strict=True)
    ]


def difference(
    baseline: Replicates,
    candidate: Replicates,
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
