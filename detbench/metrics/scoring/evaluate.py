"""Evaluate: score detections against ground truth under a protocol, on several threads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.kernels.average_precision import score_classes
from detbench.metrics.kernels.columns import (
    DetectionColumns,
    GroundTruthColumns,
    Rules,
    ScoreColumns,
)
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.evaluation import Evaluation, Matches
from detbench.metrics.scoring.kernel_columns import (
    detection_columns,
    empty_scores,
    ground_truth_columns,
    is_positive,
    rules_of,
)
from detbench.threads import ThreadPool, usable_cores


def evaluate(
    ground_truth: GroundTruth,
    detections: Detections,
    protocol: Protocol | str | None = None,
    *,
    threads: int | None = None,
) -> Evaluation:
    """Score detections.

    Args:
        ground_truth: the annotated objects.
        detections: of one detector, loaded for this ground truth.
        protocol: a `Protocol`, the name of one ("coco", "voc2007", "voc2012"), or None for the
            dataset's own.
        threads: maximum number of threads; None for all cores that the process may use. The result
            does not depend on it.

    Raises:
        NotComparableError: the detections were loaded for other images or classes.
        DetbenchError: there is no protocol of this name, or `threads` is less than 1.
    """
    detections.check_same_images(ground_truth)
    if not isinstance(protocol, Protocol):
        protocol = protocol_named(protocol or ground_truth.protocol)
    workers = usable_cores() if threads is None else threads
    if workers < 1:
        raise DetbenchError(f"threads must be 1 or more, got {threads}")
    # Kernels take columns sorted by class; the protocol's rules on objects are applied here.
    rules = rules_of(protocol, len(ground_truth.image_ids))
    objects = ground_truth_columns(ground_truth, protocol)
    columns = detection_columns(detections, protocol)
    scores = empty_scores(len(ground_truth.class_names), len(detections), rules)
    _score(columns, objects, rules, scores, workers)
    _check_conservation(scores.counts, columns, objects)
    return Evaluation(
        protocol=protocol,
        ground_truth=ground_truth,
        detections=detections,
        matches=Matches(scores.rows, columns.offsets, scores.hits, scores.ignored),
        counts=scores.counts,
        sampled_precision=scores.precision,
        sampled_scores=scores.score_at,
        reached_recall=scores.recall,
        area_under_curve=scores.area_under_curve,
    )


def _score(
    detections: DetectionColumns,
    objects: GroundTruthColumns,
    rules: Rules,
    scores: ScoreColumns,
    workers: int,
) -> None:
    """Fill `scores`. Classes are independent, so that each thread takes a span of them."""
    spans = _class_spans(detections.offsets, 4 * workers if workers > 1 else 1)
    if len(spans) == 1:
        score_classes(*spans[0], detections, objects, rules, scores)
        return
    with ThreadPool(workers) as pool:
        futures = [
            pool.submit(score_classes, first, last, detections, objects, rules, scores)
            for first, last in spans
        ]
        for future in futures:
            future.result()


def _class_spans(offsets: Ints, parts: int) -> list[tuple[int, int]]:
    """Cut the classes into at most `parts` spans with about equal numbers of detections."""
    classes = len(offsets) - 1
    cuts = np.searchsorted(offsets, np.linspace(0, offsets[-1], parts + 1)[1:-1], side="left")
    edges = np.unique(np.concatenate([[0], cuts, [classes]]))
    return [(int(first), int(last)) for first, last in pairwise(edges)]


def _check_conservation(
    counts: Ints, detections: DetectionColumns, objects: GroundTruthColumns
) -> None:
    """Check the conservation laws of scoring, so that a bug stops instead of changing a number.

    Every detection is a true positive, a false positive or ignored, in every class, area range and
    threshold; those beyond the largest limit are ignored. The number of positives follows from the
    ground truth alone.
    """
    hits, false_positives, ignored, positives = np.moveaxis(counts, -1, 0)
    total = np.diff(detections.offsets)[:, None, None]
    if (
        (hits + false_positives + ignored != total).any()
        or (false_positives < 0).any()
        or (hits > positives).any()
    ):
        raise RuntimeError(
            "bug in detbench: true positives, false positives and ignored detections do not add up"
            " to all detections; please report it"
        )
    classes = groups_from_offsets(objects.offsets)
    for a in range(positives.shape[1]):
        expected = np.bincount(classes[is_positive(objects, a)], minlength=len(positives))
        if (expected[:, None] != positives[:, a]).any():
            raise RuntimeError(
                "bug in detbench: the number of objects to find depends on the detections;"
                " please report it"
            )
