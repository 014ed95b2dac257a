"""Frames: evaluations as pandas tables, the one source of printed tables and plots."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from detbench.metrics.evaluation import Evaluation


def summary_frame(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return the summary: one row per detector, one column per measure of the protocol; NaN where it is not defined."""
    return pd.DataFrame([evaluation.summary for evaluation in evaluations], index=_names(evaluations), dtype=float)


def class_frame(evaluations: Sequence[Evaluation], column: str = "AP") -> pd.DataFrame:
    """Return one column of `Evaluation.per_class`: one row per class, one column per detector."""
    return pd.concat({evaluation.detections.name: evaluation.per_class()[column] for evaluation in evaluations}, axis=1)


def curve_frame(evaluations: Sequence[Evaluation], class_name: str, iou: float = 0.5) -> pd.DataFrame:
    """Return the measured precision-recall curves of a class in long form: detector, score, recall, precision."""
    frames = []
    for evaluation in evaluations:
        precision, recall, score = evaluation.curve(class_name, iou)
        frames.append(pd.DataFrame({"detector": evaluation.detections.name, "score": score, "recall": recall, "precision": precision}))
    return pd.concat(frames, ignore_index=True)


def _names(evaluations: Sequence[Evaluation]) -> pd.Index:
    return pd.Index([evaluation.detections.name for evaluation in evaluations], name="detector")
