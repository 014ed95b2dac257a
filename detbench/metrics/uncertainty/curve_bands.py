"""Curve bands: the confidence interval of a class's precision-recall curve at each recall.

The ends are percentiles of the bootstrap, wider if few images show the class, as those of
differences. Resamples cannot show errors that the images lack: if all of the best detections are
hits, precision is 1 in every resample. The lower end is therefore at most that of Wilson's
interval for the share of hits among the detections so far (Wilson, Probable Inference, 1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.kernels.weighted import fill_interpolated_precision, fill_positives
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import (
    MIN_WITH_OBJECTS,
    clusters_of_classes,
    resample_clusters,
    stack_weights,
)
from detbench.metrics.uncertainty.intervals import CONFIDENCE
from detbench.metrics.uncertainty.statistic_intervals import statistic_ends
from detbench.metrics.uncertainty.weighted_detections import (
    averaging,
    images_with_objects,
    objects_to_find,
    weighted_detections,
)
from detbench.metrics.uncertainty.weighted_scores import check_threshold
from detbench.threads import ThreadPool

RESAMPLES = 400
RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, eq=False)
class CurveBand:
    """The interval of a class's interpolated precision at each of R recalls.

    Each recall has an interval of its own; the whole curve may leave the band more often.
    """

    class_name: str
    recall: Floats
    """(R,) rising."""
    low: Floats
    """(R,) 0..1."""
    high: Floats
    """(R,) 0..1."""


def curve_bands(
    evaluation: Evaluation,
    iou: float,
    *,
    recalls: Floats = RECALLS,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
) -> list[CurveBand]:
    """Return the band of each class with objects in enough images, over all areas.

    Args:
        evaluation: of a detector. Images of one group are resampled together.
        iou: an IoU threshold of its protocol.
        recalls: (R,) rising, in 0..1.
        confidence: of the interval at each recall, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: random seed.
        threads: maximum number of threads; None for all cores that the process may use.

    Raises:
        DetbenchError: the protocol has no such IoU threshold.
    """
    measure = Measure("AP", iou=iou, area=evaluation.protocol.area_ranges[0].name)
    check_threshold(evaluation, measure)
    detections = weighted_detections(evaluation, measure)
    ground_truth = evaluation.ground_truth
    n_images, n_classes = len(ground_truth.image_ids), len(ground_truth.class_names)
    weights = np.zeros((0, 0), np.uint16)
    if n_images:
        weights = stack_weights(resample_clusters(ground_truth, seed), resamples)
    all_once = np.ones((1, n_images), np.uint16)
    positives, objects = (
        np.zeros((len(sets), n_classes), np.int64) for sets in (weights, all_once)
    )
    for sets, counts in ((weights, positives), (all_once, objects)):
        fill_positives(*objects_to_find(evaluation, measure), sets, counts)
    there = images_with_objects(evaluation, measure)
    clusters = clusters_of_classes(ground_truth, there.images, there.classes, n_classes)
    images_with = np.bincount(there.classes, minlength=n_classes)
    independent = clusters / np.maximum(images_with, 1)
    epsilon = averaging(evaluation).epsilon

    def band(k: int) -> CurveBand:
        bootstrap, curve = np.empty((resamples, len(recalls))), np.empty((1, len(recalls)))
        fill_interpolated_precision(detections, k, recalls, epsilon, weights, positives, bootstrap)
        has_objects = positives[:, k] > 0
        low, high = statistic_ends(bootstrap[has_objects], int(clusters[k]), confidence)
        fill_interpolated_precision(detections, k, recalls, epsilon, all_once, objects, curve)
        hits = np.ceil(recalls * objects[0, k])
        wilson = _wilson_lower_end(curve[0], hits, float(independent[k]), confidence)
        return CurveBand(ground_truth.class_names[k], recalls, np.minimum(low, wilson), high)

    with ThreadPool(threads) as pool:
        return [*pool.map(band, np.flatnonzero(clusters >= MIN_WITH_OBJECTS).tolist())]


def _wilson_lower_end(
    precision: Floats, hits: Floats, independent: float, confidence: float
) -> Floats:
    """Return (R,) the lower end of Wilson's interval of a precision; 0 without detections.

    Args:
        precision: (R,) 0..1.
        hits: (R,) hits that each recall needs.
        independent: share of detections that are independent evidence: 1, or groups / images.
        confidence: between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    # Number of detections so far: hits / precision.
    n = independent * np.maximum(hits, 1) / np.maximum(precision, np.finfo(np.float64).eps)
    center = precision + z**2 / (2 * n)
    spread = z * np.sqrt(precision * (1 - precision) / n + (z / (2 * n)) ** 2)
    return np.asarray(np.maximum((center - spread) / (1 + z**2 / n), 0.0))
