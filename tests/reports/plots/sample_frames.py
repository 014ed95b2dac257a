"""Two detectors on the same data, for tests of plots."""

from __future__ import annotations

from detbench.reports.frames import Frames, frames
from tests.metrics.scored import perfect, random_pair, scored


def two_detectors(seed=0, **options) -> Frames:
    """Frames of a random and a perfect detector on the same data."""
    ground_truth, first = random_pair(seed, detector="first", **options)
    return frames(
        [scored(ground_truth, first), scored(ground_truth, perfect(ground_truth, "second"))]
    )
