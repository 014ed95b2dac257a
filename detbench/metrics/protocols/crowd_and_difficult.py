"""Crowd and difficult objects: what a protocol's rules make of each annotated object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import DROPPED, IGNORED, REGION, REGULAR
from detbench.metrics.protocols.protocol import Protocol


def object_kinds(ground_truth: GroundTruth, protocol: Protocol) -> NDArray[np.uint8]:
    """Return (N,) REGULAR, IGNORED, REGION or DROPPED for every object.

    How each kind is matched is decided in `detbench.metrics.kernels.matching`.
    """
    kinds = np.full(len(ground_truth), REGULAR, np.uint8)
    dropped = np.zeros(len(ground_truth), np.bool_)
    rules = (
        (ground_truth.difficult, protocol.difficult),
        (ground_truth.iscrowd, protocol.crowd),
    )
    # An object that is both crowd and difficult is what the rule on crowds makes of it, unless one
    # of the rules drops it.
    for flags, rule in rules:
        if rule == "ignore":
            kinds[flags] = IGNORED
        elif rule == "region":
            kinds[flags] = REGION
        elif rule == "drop":
            dropped |= flags
    kinds[dropped] = DROPPED
    return kinds
