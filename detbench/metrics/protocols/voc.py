"""VOC: the protocols of PASCAL VOC, as the devkits compute them.

Sources: `VOCevaldet.m` and `VOCap.m` of the VOC 2007 devkit, which samples the curve at 11
recalls, and of the VOC 2012 devkit, which takes the area under it (from 2010 on).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.metrics.protocols.protocol import ALL_AREAS, Measure, Protocol

RECALLS_11 = tuple(np.arange(0.0, 1.1, 0.1).tolist())
"""0, 0.1, …, 1 as NumPy's `arange` rounds them in the Python port of the devkit: .6 and .7 are
.6000000000000001 and .7000000000000001."""
RECALLS_11_MATLAB = (*RECALLS_11[:6], *(1.0 - recall for recall in RECALLS_11[4::-1]))
"""The devkit's `0:0.1:1` as MATLAB rounds it: from both ends to the middle, so that .6 and .7 are
the nearest numbers (MathWorks, "How does the COLON operator work?")."""

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
