"""Confusion matrix: which class is detected as which, with background as a class of its own.

Of each image, detections of at least the score threshold take objects, best score first. Each takes
the object it overlaps most that is still free, whatever its class, if the IoU reaches the
threshold. Among equal overlaps an object of the detection's own class wins, then the first.

A detection that takes no object counts against background, unless it lies on an object of its class
that does not count (difficult, crowd). An object that no detection took counts against background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Ints
from detbench.metrics.errors.error_kinds import columns_by_image
from detbench.metrics.kernels.confusion_matrix import count_confusions
from detbench.metrics.scoring.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Classes of objects against classes of detections, at one threshold of IoU and of score."""

    iou: float
    score: float
    counts: Ints
    """(K + 1, K + 1) rows: class of the object, columns: class of the detection; the last row and
    the last column are background."""

    @property
    def objects(self) -> Ints:
        """(K,) objects of each class."""
        return np.asarray(self.counts[:-1].sum(axis=1))

    def confused_classes(self, max_pairs: int) -> list[tuple[int, int]]:
        """Return the most frequent confusions of two classes: class of object, of detection."""
        between = self.counts[:-1, :-1].copy()
        np.fill_diagonal(between, 0)
        cells = np.argsort(-between, axis=None, kind="stable")[:max_pairs]
        pairs = [divmod(int(cell), len(between)) for cell in cells]
        return [pair for pair in pairs if between[pair]]


def confusion_matrix(
    evaluation: Evaluation, *, iou: float = 0.5, score: float = 0.25
) -> ConfusionMatrix:
    """Return the confusion matrix of the detections of at least a score."""
    with_background = len(evaluation.ground_truth.class_names) + 1
    counts = np.zeros((with_background, with_background), np.int64)
    detections, objects = columns_by_image(evaluation)
    count_confusions(detections, objects, iou, score, counts)
    return ConfusionMatrix(iou, score, counts)
