"""Resize trial: one model scored on a sample under every way of fitting pictures into its input."""

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
    """The score under one way to fit."""

    fit: Fit
    own: bool
    """Whether the spec as given uses this one."""
    measure: str
    value: float | None
    detections: int


def sample_images(ground_truth: GroundTruth, count: int) -> Ints:
    """Return the positions of up to `count` images spread over a dataset."""
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
    """Score the model `spec` on a ground truth under each `Fit`, best first; `detector` is the model as it is used otherwise.

    What loading warns of was said when `detector` was loaded, and is not said again.
    """
    mapping = map_classes(
        detector.class_names, ground_truth.class_names, allow_unmapped=allow_unmapped
    )
    preprocessing = detector.settings.get("preprocessing")
    own = preprocessing["fit"] if isinstance(preprocessing, dict) else None
    trials = []
    for fit in get_args(Fit):
        on_fit(fit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            other = load_detector(spec, fit=fit)
        found, _ = predict(other, ground_truth, mapping)
        other.close()
        measure, value = next(iter(evaluate(ground_truth, found).summary.items()))
        trials.append(ResizeTrial(fit, fit == own, measure, value, len(found)))
    return sorted(
        trials, key=lambda trial: -1.0 if trial.value is None else trial.value, reverse=True
    )
