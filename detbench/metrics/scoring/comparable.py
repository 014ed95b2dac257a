"""Comparability: whether two evaluations may be compared, and if not, in what they differ.

Two scores are comparable when they were computed on the same images, classes and annotations, with
the images in the same groups, and under the same protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluation import Evaluation

_MAX_VALUES = 3
"""Longer lists of values are described by their length."""


def differences_between(a: Evaluation, b: Evaluation) -> list[str]:
    """Return what keeps two evaluations from being compared, one clause each; empty if comparable.

    A clause names `a`'s side first, as in "different protocols (coco and voc2007)". It has no
    capital letter and no full stop, so that it can stand inside a sentence.
    """
    return [
        *ground_truth_differences(a.ground_truth, b.ground_truth),
        *protocol_differences(a.protocol, b.protocol),
    ]


def ground_truth_differences(a: GroundTruth, b: GroundTruth) -> list[str]:
    """Return in what two ground truths differ for a comparison; groups are compared last."""
    content = ground_truth_content_differences(a, b)
    return content or group_differences(a, b)


def ground_truth_content_differences(a: GroundTruth, b: GroundTruth) -> list[str]:
    """Return the most basic difference in what is scored: images, else classes, else annotations.

    Groups of images do not count: they change intervals, but no score.
    """
    if a is b or a.digest == b.digest:
        return []
    first, second = set(a.image_ids), set(b.image_ids)
    if first != second:
        first_only, second_only = len(first - second), len(second - first)
        counts = f"{first_only:,} only in the first, {second_only:,} only in the second"
        return [f"different images ({counts}, {len(first & second):,} in both)"]
    if a.image_ids != b.image_ids:
        return ["the same images in a different order"]
    if a.class_names != b.class_names:
        return ["different classes on the same images"]
    return ["different annotations on the same images"]


def group_differences(a: GroundTruth, b: GroundTruth) -> list[str]:
    """Return whether the images are grouped differently, which changes how they are resampled."""
    if a is b or np.array_equal(a.clusters, b.clusters):
        return []
    return ["different groups of images (--groups)"]


def protocol_differences(a: Protocol, b: Protocol) -> list[str]:
    """Return in what two protocols differ: their names, else each switch with both values."""
    if a == b:
        return []
    if a.name != b.name:
        return [f"different protocols ({a.name} and {b.name})"]
    switches = [
        field.name for field in fields(a) if getattr(a, field.name) != getattr(b, field.name)
    ]
    return [
        f"different {switch} in protocol {a.name}"
        f" ({_shown(getattr(a, switch))} and {_shown(getattr(b, switch))})"
        for switch in switches
    ]


def check_comparable(evaluations: Sequence[Evaluation]) -> None:
    """Raise NotComparableError unless every evaluation can be compared with the first one."""
    first = evaluations[0]
    for other in evaluations[1:]:
        differences = differences_between(first, other)
        if differences:
            raise NotComparableError(
                f"{first.detections.name} and {other.detections.name} cannot be compared:"
                f" {'; '.join(differences)}"
            )


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and len(value) > _MAX_VALUES:
        return f"{len(value)} values"
    if isinstance(value, tuple):
        return ", ".join(str(getattr(item, "name", item)) for item in value) or "none"
    return str(value)
