"""Curve bands: where the precision-recall curve of a class lies when images are drawn anew, at each recall by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.bootstrap import check_threshold, image_draws
from detbench.metrics.drawn import drawn_ends, stacked
from detbench.metrics.evaluate import usable_cores
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.intervals import CONFIDENCE, FEWEST_UNITS
from detbench.metrics.protocol import Measure
from detbench.metrics.weighted import averaging, occurrences, positives_by_image, weigh_curve

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

    The draws and the intervals are those of differences: a bootstrap over images, its percentiles wider where few images show the class.

    Args:
        evaluation: of a detector.
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
    weights = stacked(image_draws(len(by_image), seed), replicates) if len(by_image) else np.zeros((0, 0), np.uint16)
    positives = (weights.astype(np.float64) @ by_image).astype(np.int64)
    units = (by_image > 0).sum(axis=0)
    epsilon = averaging(evaluation).epsilon

    def band(k: int) -> CurveBand:
        drawn = np.empty((replicates, len(recalls)))
        weigh_curve(found, k, recalls, epsilon, weights, positives, drawn)
        low, high = drawn_ends(drawn[positives[:, k] > 0], int(units[k]), confidence)
        return CurveBand(evaluation.ground_truth.class_names[k], recalls, np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0))

    with ThreadPoolExecutor(threads or usable_cores()) as pool:
        return [*pool.map(band, np.flatnonzero(units >= FEWEST_UNITS).tolist())]
