"""Resampled: a measure of a detector as its images give it, and as draws of them and parts of them would.

Everything the statistics ask is answered from this: intervals, differences, rankings and plans are functions of it. The overall value and
the classes stand side by side, as 1 + K columns.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.bootstrap import Replicates, bootstrap, weighted_replicates
from detbench.metrics.uncertainty.clusters import Weights, half_draws, unit_count, units_with
from detbench.metrics.uncertainty.weighted_scores import positives_by_image

REPLICATES = 1000
PARTS = 100
"""Parts the images are cut into, to see what leaving each out does to a measure."""
HALVES = 200
"""Halves of the images that a measure is looked at on."""

_PARTS_STREAM = 1
"""Tells the random stream of parts from others of one seed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Resampled:
    """A measure of one detector, or of the difference of two: column 0 is the overall value, column 1 + k class k."""

    name: str
    measure: Measure
    class_names: tuple[str, ...]
    values: Floats
    """(1 + K,) on the images as they are; NaN where nothing is to be found."""
    drawn: Floats
    """(B, 1 + K) in each bootstrap replicate; NaN where a replicate has nothing to find."""
    left_out: Floats
    """(G, 1 + K) without each of G parts of the images."""
    halves: Floats
    """(H, 1 + K) on each of H halves of the images, in pairs that are the two halves of one cut."""
    units: Ints
    """(1 + K,) how many images (or groups of them) have something to find: the evidence there is."""
    draws: str
    """Names what was drawn and how it was scored, with every switch; only values of the same draws are paired."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """What the measure can be."""

    @property
    def is_difference(self) -> bool:
        """Whether it is of two detectors."""
        return self.bounds[0] < 0

    @property
    def overall(self) -> Resampled:
        """The overall value alone, without classes."""
        columns = {
            name: getattr(self, name)[..., :1]
            for name in ("values", "drawn", "left_out", "halves", "units")
        }
        return replace(self, class_names=(), **columns)

    def minus(self, other: Resampled) -> Resampled:
        """Return this detector's values less those of another, replicate by replicate; exactly 0 for equal detections.

        Raises:
            NotComparableError: the two are of other measures, images or draws.
        """
        if (self.measure, self.draws, self.class_names) != (
            other.measure,
            other.draws,
            other.class_names,
        ):
            raise NotComparableError(
                f"{self.name} and {other.name} were not resampled together; resample both in one call"
            )
        return replace(
            self,
            name=f"{self.name} − {other.name}",
            values=self.values - other.values,
            drawn=self.drawn - other.drawn,
            left_out=self.left_out - other.left_out,
            halves=self.halves - other.halves,
            bounds=(-1.0, 1.0),
        )


def resample(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure] | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    threads: int | None = None,
) -> list[list[Resampled]]:
    """Return each measure of each detector with its replicates, [evaluation][measure], paired over evaluations.

    Arguments and errors are those of `detbench.metrics.uncertainty.bootstrap.bootstrap`.
    """
    asked = tuple(measures or evaluations[0].protocol.measures)
    drawn = bootstrap(evaluations, asked, replicates=replicates, seed=seed, threads=threads)
    truth = evaluations[0].ground_truth
    parts = min(PARTS, unit_count(truth))
    left_out = weighted_replicates(
        evaluations, asked, parts, _without_part(truth, parts, seed), threads
    )
    return _resampled(evaluations, asked, seed, threads, drawn=drawn, left_out=left_out)


def resample_halves(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure] | None = None
) -> list[list[Resampled]]:
    """Return each measure of each detector as `resample` does, but with halves only: what the intervals of single detectors take.

    Raises:
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    asked = tuple(measures or evaluations[0].protocol.measures)
    nothing = [
        [
            Replicates(measure, np.empty((0, len(each.ground_truth.class_names))))
            for measure in asked
        ]
        for each in evaluations
    ]
    return _resampled(evaluations, asked, 0, None, drawn=nothing, left_out=nothing)


def _resampled(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure],
    seed: int,
    threads: int | None,
    *,
    drawn: list[list[Replicates]],
    left_out: list[list[Replicates]],
) -> list[list[Resampled]]:
    """Add the halves."""
    first = evaluations[0]
    truth = first.ground_truth
    halves = weighted_replicates(evaluations, measures, HALVES, half_draws(truth, seed), threads)
    draws = f"{truth.digest} {first.protocol} {len(drawn[0][0].classes)} {seed} {zlib.crc32(truth.clusters.tobytes())}"
    return [
        [
            Resampled(
                name=evaluation.detections.name,
                measure=measure,
                class_names=evaluation.ground_truth.class_names,
                values=_values(evaluation, measure),
                drawn=_columns(drawn[e][m]),
                left_out=_columns(left_out[e][m]),
                halves=_columns(halves[e][m]),
                units=_evidence(evaluation, measure, truth),
                draws=draws,
            )
            for m, measure in enumerate(measures)
        ]
        for e, evaluation in enumerate(evaluations)
    ]


def _values(evaluation: Evaluation, measure: Measure) -> Floats:
    overall = evaluation.value(measure)
    return np.concatenate(
        [[np.nan if overall is None else overall], evaluation.class_values(measure)]
    )


def _columns(found: Replicates) -> Floats:
    return np.column_stack([found.values, found.classes])


def _without_part(truth: GroundTruth, parts: int, seed: int) -> Callable[[int], Weights]:
    """Return what gives the weights (I,) of everything but part b; parts are cut by chance and of equal sizes up to one unit."""
    part = (np.random.default_rng([seed, 0, _PARTS_STREAM]).permutation(unit_count(truth)) % parts)[
        truth.clusters
    ]
    return lambda b: (part != b).astype(np.uint16)


def _evidence(evaluation: Evaluation, measure: Measure, truth: GroundTruth) -> Ints:
    """Return (1 + K,) how many units have something to find, of any class and of each."""
    by_image = positives_by_image(evaluation, measure)
    return np.concatenate(
        [units_with(truth, by_image.sum(axis=1, keepdims=True)), units_with(truth, by_image)]
    )
