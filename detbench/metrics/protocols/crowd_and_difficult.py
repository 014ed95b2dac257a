"""Crowd and difficult objects: the kind that a protocol's rules assign to each annotated object.

- REGULAR: counts, and matches one detection.
- IGNORED (a difficult object in VOC): a detection that hits it is neither right nor wrong.
- REGION (a crowd in COCO): absorbs any number of detections; the overlap is intersection / area of
  the detection.
- DROPPED: does not exist for the evaluation.

`detbench.metrics.kernels.matching` applies the kinds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import DROPPED, IGNORED, REGION, REGULAR
from detbench.metrics.protocols.protocol import Protocol


def object_kinds(ground_truth: GroundTruth, protocol: Protocol) -> NDArray[np.uint8]:
    """Return (N,) REGULAR, IGNORED, REGION or DROPPED for every object."""
    kinds = np.full(len(ground_truth), REGULAR, np.uint8)
    dropped = np.zeros(len(ground_truth), np.bool_)
    rules = (
        (ground_truth.difficult, protocol.difficult),
        (ground_truth.iscrowd, protocol.crowd),
    )
    # The rule on crowds decides about an object that is both crowd and difficult, unless one of the
    # rules drops it.
    for flags, rule in rules:
        if rule == "ignore":
            kinds[flags] = IGNORED
        elif rule == "region":
            kinds[flags] = REGION
        elif rule == "drop":
            dropped |= flags
    kinds[dropped] = DROPPED
    return kinds


def counted_objects(ground_truth: GroundTruth, protocol: Protocol) -> Flags:
    """Return (N,) which objects count: those that detectors have to find."""
    return np.asarray(object_kinds(ground_truth, protocol) == REGULAR)
