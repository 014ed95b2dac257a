"""Curve bands: where the precision-recall curve of a class lies when images are drawn anew, at each recall by itself.

The ends are percentiles of the bootstrap, wider where few images show the class, as those of differences are. Draws cannot show errors
that the images lack: where all of the best detections hit, they all say that precision is 1. The lower end therefore reaches down at least
to that of Wilson's interval for the share of hits among the detections taken (Wilson, Probable Inference, 1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.bootstrap import check_threshold
from detbench.metrics.uncertainty.clusters import unit_draws, units_with
from detbench.metrics.uncertainty.drawn import drawn_ends, stacked
from detbench.metrics.uncertainty.intervals import CONFIDENCE, FEWEST_UNITS
from detbench.metrics.uncertainty.weighted_scores import (
    averaging,
    occurrences,
    positives_by_image,
    weigh_curve,
)
from detbench.threads import ThreadPool

REPLICATES = 400
RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, eq=False)
class CurveBand:
    """The interval of a class's interpolated precision at each of R recalls; not a band that holds the whole curve at once."""

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
    replicates: int = REPLICATES,
    seed: int = 0,
    threads: int | None = None,
) -> list[CurveBand]:
    """Return the band of each class that two images or more show, at one IoU threshold of the protocol, over all areas.

    Args:
        evaluation: of a detector; images of one group of its ground truth are drawn together.
        iou: a threshold of its protocol.
        recalls: (R,) where to look, rising, in 0..1.
        confidence: of the interval at each recall, between 0 and 1.
        replicates: how many draws.
        seed: names the draws.
        threads: at most this many; None for all the process may use.

    Raises:
        DetbenchError: the protocol has no such IoU threshold.
    """
    measure = Measure("AP", iou=iou, area=evaluation.protocol.area_ranges[0].name)
    check_threshold(evaluation, measure)
    found = occurrences(evaluation, measure)
    by_image = positives_by_image(evaluation, measure)
    truth = evaluation.ground_truth
    weights = (
        stacked(unit_draws(truth, seed), replicates)
        if len(by_image)
        else np.zeros((0, 0), np.uint16)
    )
    positives = (weights.astype(np.float64) @ by_image).astype(np.int64)
    once, objects = np.ones((1, len(by_image)), np.uint16), by_image.sum(axis=0, keepdims=True)
    units = units_with(truth, by_image)
    alone = units / np.maximum((by_image > 0).sum(axis=0), 1)
    epsilon = averaging(evaluation).epsilon

    def band(k: int) -> CurveBand:
        drawn, itself = np.empty((replicates, len(recalls))), np.empty((1, len(recalls)))
        weigh_curve(found, k, recalls, epsilon, weights, positives, drawn)
        low, high = drawn_ends(drawn[positives[:, k] > 0], int(units[k]), confidence)
        weigh_curve(found, k, recalls, epsilon, once, objects, itself)
        low = np.minimum(
            low, _wilson(itself[0], np.ceil(recalls * objects[0, k]), float(alone[k]), confidence)
        )
        return CurveBand(evaluation.ground_truth.class_names[k], recalls, low, high)

    with ThreadPool(threads) as pool:
        return [*pool.map(band, np.flatnonzero(units >= FEWEST_UNITS).tolist())]


def _wilson(precision: Floats, hits: Floats, alone: float, confidence: float) -> Floats:
    """Return the lower end (R,) of Wilson's interval of a precision, given the hits (R,) that a recall takes; 0 without detections.

    `alone` is the share of detections that are evidence by themselves: 1, or groups of images by images.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    taken = alone * np.maximum(hits, 1) / np.maximum(precision, np.finfo(np.float64).eps)
    centre, spread = (
        precision + z**2 / (2 * taken),
        z * np.sqrt(precision * (1 - precision) / taken + (z / (2 * taken)) ** 2),
    )
    return np.asarray(np.maximum((centre - spread) / (1 + z**2 / taken), 0.0))
