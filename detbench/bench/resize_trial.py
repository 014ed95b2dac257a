"""Resize trial: scores a model on a sample under every way of fitting images into its input."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np

from detbench.adapters.catalogue import load_detector
from detbench.adapters.classes import map_classes
from detbench.adapters.detector import Detector
from detbench.adapters.geometry import Fit
from detbench.bench.predict import predict
from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning
from detbench.metrics.scoring.evaluate import evaluate


@dataclass(frozen=True)
class ResizeTrial:
    """The score of a model under one fit."""

    fit: Fit
    is_current: bool
    """Whether the spec uses this fit."""
    measure: str
    value: float | None
    detections: int


def sample_images(ground_truth: GroundTruth, count: int) -> Ints:
    """Return the positions of up to `count` images spread evenly over a dataset."""
    total = len(ground_truth.image_ids)
    return np.unique(np.linspace(0, max(total - 1, 0), min(count, total)).round().astype(np.int64))


def resize_trial(
    spec: str,
    detector: Detector,
    ground_truth: GroundTruth,
    *,
    allow_unmapped: bool = False,
    on_fit: Callable[[Fit], None] = lambda _: None,
) -> list[ResizeTrial]:
    """Score a model under each `Fit`, best first.

    Args:
        spec: the model.
        detector: the same model as it is used otherwise. Warnings of loading it are not repeated.
        ground_truth: the images and objects to score on.
        allow_unmapped: as for `map_classes`.
        on_fit: called before each fit is scored.
    """
    mapping = map_classes(
        detector.class_names, ground_truth.class_names, allow_unmapped=allow_unmapped
    )
    preprocessing = detector.settings.get("preprocessing")
    current = preprocessing["fit"] if isinstance(preprocessing, dict) else None
    trials = []
    for fit in get_args(Fit):
        on_fit(fit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            fitted = load_detector(spec, fit=fit)
        detections, _ = predict(fitted, ground_truth, mapping)
        fitted.close()
        measure, value = next(iter(evaluate(ground_truth, detections).summary.items()))
        trials.append(ResizeTrial(fit, fit == current, measure, value, len(detections)))
    return sorted(
        trials, key=lambda trial: -1.0 if trial.value is None else trial.value, reverse=True
    )
