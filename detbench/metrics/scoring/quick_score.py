"""Quick scores: the headline score of variants of the same detections, always on one image set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from detbench.data.checks.scores import TieRange
from detbench.data.columns import Floats, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.placement import best_iou

MAX_DETECTIONS = 500_000
"""Detections up to which all images are scored, which takes up to half a second."""
MAX_IMAGES = 400
"""Images that are scored otherwise: AP of 400 images shows differences of .02."""
_SEED = 0


@dataclass(frozen=True, eq=False)
class QuickScore:
    """Scores variants of detections by one protocol, always on the same images."""

    ground_truth: GroundTruth
    protocol: Protocol
    n_detections: int = 0
    """Number of detections of the whole set."""
    _scores: WeakKeyDictionary[DetectionRows, float] = field(
        default_factory=WeakKeyDictionary, repr=False
    )
    """Scores of rows that were scored before: every finding compares with the rows as read."""

    @property
    def measure(self) -> str:
        """Name of the score."""
        return self.protocol.measures[0].name

    @property
    def scope(self) -> str:
        """A phrase that says on how many images scores are computed; empty for all."""
        return "" if self.is_whole_set else f" on a sample of {len(self.images)} images"

    @cached_property
    def images(self) -> Ints:
        """Positions of the images that are scored: a sample if there are many detections."""
        n_images = len(self.ground_truth.image_ids)
        if n_images <= MAX_IMAGES or self.n_detections <= MAX_DETECTIONS:
            return np.arange(n_images)
        return np.sort(np.random.default_rng(_SEED).choice(n_images, MAX_IMAGES, replace=False))

    @property
    def is_whole_set(self) -> bool:
        """Whether all images are scored."""
        return len(self.images) == len(self.ground_truth.image_ids)

    @cached_property
    def _sample(self) -> GroundTruth:
        if self.is_whole_set:
            return self.ground_truth
        return self.ground_truth.select_images(self.images)

    def score(self, rows: DetectionRows) -> float:
        """Return the headline score of the rows that can be scored; 0 if there is no object."""
        if rows not in self._scores:
            positions = None if self.is_whole_set else self.images
            detections = rows.to_detections(self._sample, positions)
            evaluation = evaluate(self._sample, detections, self.protocol)
            self._scores[rows] = evaluation.average_precision or 0.0
        return self._scores[rows]

    def tie_range(self, rows: DetectionRows) -> TieRange:
        """Return the score with equal scores in the worst order and in the best.

        The worst order has the boxes of lowest IoU first, the best order has them last.
        """
        iou = best_iou(self.ground_truth, rows)
        return self.score(_ranked(rows, -iou)), self.score(_ranked(rows, iou))


def _ranked(rows: DetectionRows, preference: Floats) -> DetectionRows:
    """Return rows with ranks for scores; equal scores are ordered by rising preference (N,)."""
    order = np.lexsort((preference, rows.scores))
    ranks: Floats = np.empty(len(rows))
    ranks[order] = np.arange(len(rows)) / max(len(rows), 1)
    return replace(rows, scores=ranks)
