"""Compare TIDE with tidecv on real results: the largest difference and the ratio of times.

    python -m tests.benchmarks.tide VOCtest_06-Nov-2007.annotations.tar.gz dets_voc/htt1084_d56c7e49

tidecv gets crowd regions and other ignored objects as ignore regions, with their boxes as masks,
because it crashes without masks. If scores tie, tidecv orders corrected mistakes first; therefore
the comparison uses scores without ties.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.detections import Detections
from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.errors.tide import tide
from detbench.metrics.scoring.evaluate import evaluate
from tests.golden.make_tide import by_tidecv
from tests.metrics.random_evaluations import plain_rows

AGREEMENT = 1e-6


def without_ties(detections: Detections) -> Detections:
    """Return the same detections with scores that differ, in the order that they had."""
    order = np.argsort(-detections.scores, kind="stable")
    scores = np.empty(len(detections))
    scores[order] = np.linspace(1, 0, len(detections) + 1)[:-1]
    return replace(detections, scores=scores)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and result of a call."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def main() -> None:
    """Compare and time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ground_truth", type=Path)
    parser.add_argument("detections", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ground_truth = load_ground_truth(options.ground_truth)
    evaluation = evaluate(
        ground_truth, without_ties(load_detections(options.detections, ground_truth)), "coco"
    )
    rows = plain_rows(evaluation)
    shape = len(ground_truth.image_ids), len(ground_truth.class_names)
    tide(evaluation, as_tidecv=True)
    rounds = [
        (timed(lambda: tide(evaluation, as_tidecv=True)), timed(lambda: by_tidecv(*rows, *shape)))
        for _ in range(options.rounds)
    ]
    (_, ours), (_, theirs) = rounds[0]
    differences = [
        abs(ours.base - theirs["base"] / 100),
        *(abs(cost - theirs["costs"][name] / 100) for name, cost in ours.costs.items()),
    ]
    if max(differences) > AGREEMENT:
        raise SystemExit(f"the two disagree by {max(differences):g}: {ours} {theirs}")
    ratios = [other[0] / own[0] for own, other in rounds]
    seconds = [statistics.median(each[side][0] for each in rounds) for side in (0, 1)]
    print(
        f"base AP50 {ours.base:.6f}, costs",
        *(f"{name} {cost:.4f}" for name, cost in ours.costs.items()),
    )
    print(f"largest difference {max(differences):.1e}")
    spread = f"{statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})"
    print(f"detbench {seconds[0]:.3f} s, tidecv {seconds[1]:.1f} s, ratio: median (range) {spread}")


if __name__ == "__main__":
    main()
