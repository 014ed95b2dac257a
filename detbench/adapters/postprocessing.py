"""Postprocessing: everything done to a model's decoded boxes until they are detections in the original picture."""

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
    """Which boxes stay: first those with a high enough score, then the best `max_candidates`, then NMS, then the best `top_k`.

    Boxes are suppressed in pixels of the model's input, then mapped back and clipped to the picture. Boxes outside the picture, inverted
    and empty boxes stay: they match nothing and are the model's own false positives.
    """

    score: float
    """A box stays when its score is at least this; low enough (.01 or less) not to cut the precision-recall curve."""
    nms_iou: float | None
    """A box goes when its IoU with a better one is greater than this; None for models that need no NMS."""
    class_agnostic: bool = False
    """Whether boxes of different classes suppress each other."""
    top_k: int = 300
    """Detections per picture at most."""
    max_candidates: int = 30_000
    """Boxes per picture that enter NMS at most."""

    def __post_init__(self) -> None:
        if not _is_share(self.score):
            raise DetbenchError(
                f"postprocessing: score must be a number within 0 and 1, not {self.score!r}"
            )
        if self.nms_iou is not None and not _is_share(self.nms_iou):
            raise DetbenchError(
                f"postprocessing: the IoU of NMS (nms_iou) must lie within 0 and 1, not {self.nms_iou!r}"
            )
        if not isinstance(self.class_agnostic, bool):
            raise DetbenchError(
                f"postprocessing: class_agnostic must be true or false, not {self.class_agnostic!r}"
            )
        for name, number in (("top_k", self.top_k), ("max_candidates", self.max_candidates)):
            if not (isinstance(number, int) and number >= 1):
                raise DetbenchError(
                    f"postprocessing: {name} must be at least 1 and whole, not {number!r}"
                )

    def apply(
        self, boxes: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], placement: Placement
    ) -> ImageDetections:
        """Return what stays of one picture's boxes, by falling score; ties keep their order.

        Args:
            boxes: (n, 4) x1, y1, x2, y2 in pixels of the input, of any floating-point type.
            scores: (n,) of any floating-point type.
            classes: (n,) index into the model's class names.
            placement: where the picture lies in the input.

        Raises:
            DetbenchError: where a score, or a box with a high enough score, is NaN or infinite.
        """
        _check_finite(scores, "scores")
        rows = np.flatnonzero(np.asarray(scores, np.float64) >= self.score)
        kept = np.asarray(boxes[rows], np.float64).reshape(-1, 4)
        _check_finite(kept, "boxes")
        best = self._best(kept, np.asarray(scores[rows], np.float64), classes[rows])
        rows = rows[best]
        return ImageDetections(
            placement.to_original(kept[best]),
            np.asarray(scores[rows], np.float64),
            np.asarray(classes[rows], np.int64),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values."""
        return asdict(self)

    def _best(
        self, boxes: NDArray[np.float64], scores: NDArray[np.float64], classes: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Return the rows that stay, by falling score."""
        if self.nms_iou is None:
            return np.argsort(-scores, kind="stable")[: self.top_k]
        from detbench.metrics.kernels.nms import nms

        groups = None if self.class_agnostic else classes
        if len(scores) <= self.max_candidates:
            return nms(boxes, scores, groups, iou=self.nms_iou, limit=self.top_k)
        order = np.argsort(-scores, kind="stable")[: self.max_candidates]
        return order[
            nms(
                boxes[order],
                scores[order],
                None if groups is None else groups[order],
                iou=self.nms_iou,
                limit=self.top_k,
            )
        ]


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _check_finite(values: NDArray[Any], what: str) -> None:
    bad = (
        len(values) - int(np.isfinite(values.reshape(len(values), -1)).all(axis=1).sum())
        if len(values)
        else 0
    )
    if bad:
        raise DetbenchError(
            f"the model gave {what} that are NaN or infinite ({bad:,} of {len(values):,}); "
            "is the model broken, or its preprocessing or precision another one than it was trained with?"
        )
