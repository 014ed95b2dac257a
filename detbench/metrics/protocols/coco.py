"""COCO: the protocol of the COCO detection challenge, as pycocotools 2.0.11 computes it.

Sources: `COCOeval.evaluateImg`, `accumulate`, `summarize` and `Params.setDetParams`.
"""

from __future__ import annotations

import numpy as np

from detbench.metrics.protocols.protocol import RECALLS_101, AreaRange, Measure, Protocol

COCO_AREAS = (
    AreaRange("all", 0.0, 1e5**2),
    AreaRange("small", 0.0, 32.0**2),
    AreaRange("medium", 32.0**2, 96.0**2),
    AreaRange("large", 96.0**2, 1e5**2),
)
COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""pycocotools' own grid; some values differ from the written decimals by their last bit."""

COCO = Protocol(
    name="coco",
    iou_thresholds=COCO_THRESHOLDS,
    assignment="best_available",
    difficult="count",
    crowd="region",
    interpolation="sampled",
    recall_grid=RECALLS_101,
    precision_epsilon=float(np.spacing(1)),
    pooled_mean=True,
    area_ranges=COCO_AREAS,
    max_detections=(1, 10, 100),
    score_ties="image",
    measures=(
        Measure("AP"),
        Measure("AP50", iou=0.5),
        Measure("AP75", iou=0.75),
        Measure("APs", area="small"),
        Measure("APm", area="medium"),
        Measure("APl", area="large"),
        Measure("AR1", "AR", max_detections=1),
        Measure("AR10", "AR", max_detections=10),
        Measure("AR100", "AR", max_detections=100),
        Measure("ARs", "AR", area="small"),
        Measure("ARm", "AR", area="medium"),
        Measure("ARl", "AR", area="large"),
    ),
)
