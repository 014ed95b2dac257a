"""VOC: the protocols of PASCAL VOC, as the devkits compute them.

Sources: `VOCevaldet.m` and `VOCap.m` of the VOC 2007 devkit, which samples the curve at 11
recalls, and of the VOC 2012 devkit, which takes the area under it (from 2010 on).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.metrics.protocols.protocol import ALL_AREAS, Measure, Protocol

RECALLS_11 = tuple(np.arange(0.0, 1.1, 0.1).tolist())
"""The devkit's `0:0.1:1` with its rounding (0.30000000000000004)."""

VOC2007 = Protocol(
    name="voc2007",
    iou_thresholds=(0.5,),
    assignment="best_overall",
    difficult="ignore",
    crowd="ignore",
    interpolation="sampled",
    recall_grid=RECALLS_11,
    precision_epsilon=0.0,
    pooled_mean=False,
    area_ranges=(ALL_AREAS,),
    max_detections=(),
    score_ties="source",
    measures=(Measure("mAP"),),
)
VOC2012 = replace(VOC2007, name="voc2012", interpolation="area", recall_grid=())
