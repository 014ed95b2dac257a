"""Postprocessing: turns decoded boxes into the detections in an image by score, NMS and number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import ImageDetections
from detbench.adapters.geometry import Placement
from detbench.errors import DetbenchError


@dataclass(frozen=True)
class Postprocessing:
    """Which decoded boxes become detections.

    In this order: boxes with a high enough score, the best `max_candidates` of them, NMS, the best
    `top_k`. NMS runs in pixels of the model's input; then boxes are mapped back and clipped to the
    image. Boxes outside the image, inverted and empty boxes stay: they match nothing, but they are
    false positives of the model.

    Raises DetbenchError for settings out of range.
    """

    score: float
    """Minimum score, 0–1. Keep it at 0.01 or less: higher values cut the precision-recall curve."""
    nms_iou: float | None
    """A box is suppressed if its IoU with a better one is greater; None for models without NMS."""
    class_agnostic: bool = False
    """Whether boxes of different classes suppress each other."""
    top_k: int = 300
    """Maximum number of detections per image."""
    max_candidates: int = 30_000
    """Maximum number of boxes per image that enter NMS."""

    def __post_init__(self) -> None:
        _check(_is_fraction(self.score), f"score must be from 0 to 1, not {self.score!r}")
        _check(
            self.nms_iou is None or _is_fraction(self.nms_iou),
            f"the IoU of NMS (nms_iou) must be from 0 to 1, not {self.nms_iou!r}",
        )
        _check(
            isinstance(self.class_agnostic, bool),
            f"class_agnostic must be true or false, not {self.class_agnostic!r}",
        )
        for name, number in (("top_k", self.top_k), ("max_candidates", self.max_candidates)):
            _check(
                isinstance(number, int) and number >= 1,
                f"{name} must be a whole number from 1, not {number!r}",
            )

    def apply(
        self, boxes: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], placement: Placement
    ) -> ImageDetections:
        """Return the detections in one image, by falling score; ties keep their order.

        Args:
            boxes: (n, 4) x1, y1, x2, y2 in pixels of the input, of any floating-point type.
            scores: (n,) of any floating-point type.
            classes: (n,) index into the model's class names.
            placement: the position of the image in the input.

        Raises:
            DetbenchError: a score, or a box with a high enough score, is NaN or infinite.
        """
        # 1. Threshold, compared in float64 whatever the model computes in.
        _check_finite(scores, "scores")
        rows = np.flatnonzero(np.asarray(scores, np.float64) >= self.score)
        candidates = np.asarray(boxes[rows], np.float64).reshape(-1, 4)
        _check_finite(candidates, "boxes")

        # 2. Suppress duplicates in pixels of the input and keep the best.
        best = self._best(candidates, np.asarray(scores[rows], np.float64), classes[rows])
        rows = rows[best]

        # 3. Map back to pixels of the image and clip to it.
        return ImageDetections(
            placement.to_original(candidates[best]),
            np.asarray(scores[rows], np.float64),
            np.asarray(classes[rows], np.int64),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values."""
        return asdict(self)

    def _best(
        self, boxes: NDArray[np.float64], scores: NDArray[np.float64], classes: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Return the rows that become detections, by falling score."""
        # Models with set prediction (DETR) or built-in NMS only need their best boxes.
        if self.nms_iou is None:
            return np.argsort(-scores, kind="stable")[: self.top_k]
        from detbench.metrics.kernels.nms import nms

        groups = None if self.class_agnostic else classes
        if len(scores) <= self.max_candidates:
            return nms(boxes, scores, groups, iou=self.nms_iou, limit=self.top_k)
        # Too many boxes for NMS, whose time grows with their square: only the best enter.
        order = np.argsort(-scores, kind="stable")[: self.max_candidates]
        groups = None if groups is None else groups[order]
        kept = nms(boxes[order], scores[order], groups, iou=self.nms_iou, limit=self.top_k)
        return order[kept]


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _check(valid: bool, requirement: str) -> None:
    if not valid:
        raise DetbenchError(f"postprocessing: {requirement}")


def _check_finite(values: NDArray[Any], name: str) -> None:
    if not len(values):
        return
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if n_bad := len(values) - int(finite.sum()):
        raise DetbenchError(
            f"the model gave {name} that are NaN or infinite ({n_bad:,} of {len(values):,}); "
            "check the model, its preprocessing and its precision"
        )
