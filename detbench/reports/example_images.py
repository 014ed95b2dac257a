"""Example images: those that best show what detectors miss, invent, misplace or disagree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.mistakes import (
    ABOUT_DETECTIONS,
    DISAGREEMENT,
    KINDS,
    Mistakes,
    mistakes_of,
    order_of_choice,
)
from detbench.reports.outcomes import OUTCOMES, Outcomes, outcomes

MAX_IMAGES = 120
MAX_BOXES = 40
"""Maximum number of detections of one detector listed for an image, highest scores first."""


@dataclass(frozen=True)
class Box:
    """A box to draw."""

    xyxy: tuple[float, float, float, float]
    """In pixels of the image."""
    class_name: str
    detector: str | None
    """Whose detection it is; None for ground truth."""
    score: float | None
    outcome: str
    """One of `OUTCOMES`; of ground truth `object`, or `ignored` (difficult or crowd)."""
    missed_by: tuple[str, ...] = ()
    """Of an object that counts: the detectors that did not find it."""


@dataclass(frozen=True)
class Reason:
    """A mistake that an image is an example of."""

    kind: str
    """One of `KINDS`."""
    class_name: str
    detectors: tuple[str, ...]
    """Whose mistake it is; of a disagreement, all that did not find the object."""
    box: int
    """Index of its box among those of the image."""
    weight: float
    """0..1: the score of a detection, or the share of the image that a missed object covers."""


@dataclass(frozen=True)
class ExampleImage:
    """An image with its boxes at each class's best threshold, and the reasons to look at it."""

    image: int
    """Position in the ground truth."""
    image_id: str
    width: float
    """Pixels; NaN if unknown."""
    height: float
    boxes: tuple[Box, ...]
    reasons: tuple[Reason, ...]
    """The most important first."""


def example_images(
    evaluations: Sequence[Evaluation],
    *,
    names: Sequence[str] | None = None,
    max_images: int = MAX_IMAGES,
    among: Ints | None = None,
) -> list[ExampleImage]:
    """Return the images that best show the mistakes of detectors, without reading image files.

    Detections count from the threshold of the best F1 of their class (see `outcomes`). Images are
    chosen in rounds: in each, every class and kind of mistake brings its next one, detectors taking
    turns, the largest missed object and the highest-scoring wrong box first. A chosen image lists
    all mistakes in it. The result is deterministic.

    Args:
        evaluations: one or more, on the same ground truth.
        names: of the detectors; None: those of the detections.
        max_images: maximum number of images.
        among: image positions to choose from, such as those with an image file; None: all.

    Raises:
        DetbenchError: no evaluation, a wrong number of names, or evaluations on different data.
    """
    if not evaluations:
        raise DetbenchError("there is no evaluation to choose example images from")
    if names is None:
        names = [evaluation.detections.name for evaluation in evaluations]
    if len(names) != len(evaluations):
        raise DetbenchError(f"got {len(names)} names for {len(evaluations)} evaluations")
    ground_truth = evaluations[0].ground_truth
    for evaluation in evaluations[1:]:
        evaluation.detections.check_same_images(ground_truth)
    builder = _ExampleBuilder(
        evaluations, [outcomes(evaluation) for evaluation in evaluations], tuple(names)
    )
    mistakes = mistakes_of(evaluations, builder.outcomes)
    if among is not None:
        mistakes = mistakes.take(np.flatnonzero(np.isin(mistakes.image, among)))
    mistakes = mistakes.take(order_of_choice(mistakes))
    _, first = np.unique(mistakes.image, return_index=True)
    images = mistakes.image[np.sort(first)[:max_images]]
    return [
        builder.example(image, mistakes.take(np.flatnonzero(mistakes.image == image)))
        for image in images.tolist()
    ]


@dataclass(frozen=True, eq=False)
class _ExampleBuilder:
    """Makes example images of the same detectors."""

    evaluations: Sequence[Evaluation]
    outcomes: Sequence[Outcomes]
    names: tuple[str, ...]

    def example(self, image: int, mistakes: Mistakes) -> ExampleImage:
        """Return an image with its boxes and with its mistakes, in their order, as reasons."""
        ground_truth = self.evaluations[0].ground_truth
        boxes: list[Box] = []
        # Where the box of an object (by its row) and of a detection (by detector and index) is.
        object_places: dict[int, int] = {}
        detection_places: dict[tuple[int, int], int] = {}
        for row in range(ground_truth.offsets[image], ground_truth.offsets[image + 1]):
            object_places[row] = len(boxes)
            boxes.append(self._object_box(ground_truth, row))
        for d in range(len(self.names)):
            for index in self._highest_scoring(d, image):
                detection_places[d, index] = len(boxes)
                boxes.append(self._detection_box(d, index))

        reasons: dict[tuple[int, int], Reason] = {}
        for kind, d, row, weight in zip(
            mistakes.kind.tolist(),
            mistakes.detector.tolist(),
            mistakes.row.tolist(),
            mistakes.weight.tolist(),
            strict=True,
        ):
            is_detection = kind in ABOUT_DETECTIONS
            box = detection_places.get((d, row)) if is_detection else object_places.get(row)
            if box is None:
                continue  # a detection beyond MAX_BOXES
            earlier = reasons.get((kind, box))
            detectors = boxes[box].missed_by
            if kind != DISAGREEMENT:
                detectors = self._in_order(self.names[d], *(earlier.detectors if earlier else ()))
            reasons[kind, box] = Reason(KINDS[kind], boxes[box].class_name, detectors, box, weight)
        width, height = ground_truth.image_sizes[image].tolist()
        image_id = ground_truth.image_ids[image]
        return ExampleImage(image, image_id, width, height, tuple(boxes), tuple(reasons.values()))

    def _in_order(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in names)

    def _highest_scoring(self, d: int, image: int) -> list[int]:
        """Return the indices in its outcomes of a detector's best detections in an image."""
        indices = np.flatnonzero(self.outcomes[d].images == image)
        scores = self.evaluations[d].detections.scores[self.outcomes[d].rows[indices]]
        best: list[int] = indices[np.argsort(-scores, kind="stable")][:MAX_BOXES].tolist()
        return best

    def _object_box(self, ground_truth: GroundTruth, row: int) -> Box:
        counts = bool(self.outcomes[0].to_find[row])
        missed_by = tuple(
            name
            for name, outcome in zip(self.names, self.outcomes, strict=True)
            if counts and not outcome.is_found[row]
        )
        return Box(
            xyxy=_xyxy(ground_truth.boxes[row]),
            class_name=ground_truth.class_names[ground_truth.class_index[row]],
            detector=None,
            score=None,
            outcome="object" if counts else "ignored",
            missed_by=missed_by,
        )

    def _detection_box(self, d: int, index: int) -> Box:
        detections = self.evaluations[d].detections
        outcome = self.outcomes[d]
        row = outcome.rows[index]
        return Box(
            xyxy=_xyxy(detections.boxes[row]),
            class_name=detections.class_names[detections.class_index[row]],
            detector=self.names[d],
            score=float(detections.scores[row]),
            outcome=OUTCOMES[outcome.outcome[index]],
        )


def _xyxy(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2
