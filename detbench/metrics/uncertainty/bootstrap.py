"""Bootstrap: the measures of detectors on resamples of the images.

A resample draws as many images (or groups of them) as there are, with replacement, and an image
that is drawn twice counts twice. All detectors see the same resamples, so that their differences
are paired. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence

from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import check_cluster_count, resample_clusters
from detbench.metrics.uncertainty.weighted_scores import WeightedScores, weighted_scores

RESAMPLES = 1000


def bootstrap(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
) -> list[list[WeightedScores]]:
    """Return the scores of each detector on the resamples, [evaluation][measure].

    Args:
        evaluations: of one ground truth under one protocol. Images of one group are drawn together.
        measures: of the protocol; None for all of its summary.
        resamples: B, the number of resamples.
        seed: random seed. Results do not depend on the number of threads.
        threads: maximum number of threads; None for all cores that the process may use.

    Raises:
        DetbenchError: there are fewer than two images or groups, or no resamples.
        NotComparableError: the evaluations have different ground truth or protocols.
    """
    first = evaluations[0]
    check_cluster_count(first.ground_truth, "a bootstrap")
    if resamples < 1:
        raise DetbenchError(f"resamples must be 1 or more, got {resamples}")
    weights_of = resample_clusters(first.ground_truth, seed)
    measures = measures or first.protocol.measures
    return weighted_scores(evaluations, measures, resamples, weights_of, threads)
