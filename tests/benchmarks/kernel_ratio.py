"""Check how many times faster than pycocotools detbench scores; CI runs this.

    python tests/benchmarks/kernel_ratio.py --min-ratio 30

Both are timed in turn in one run. On a shared machine, seconds are unreliable and the ratio within
a round is not. The exit code is 1 if the median over the rounds is below the minimum.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import peers
import workload


def ratios(rounds: int, images: int, detections: int) -> list[float]:
    """Return the time of pycocotools / the time of detbench in each round."""
    synthetic = workload.make(images=images, detections=detections, truths=images * 7)
    with tempfile.TemporaryDirectory() as folder:
        annotations, results = workload.write_json(synthetic, Path(folder))
        tasks = {
            "detbench": peers.ours(annotations, results, Path(folder))[0],
            "pycocotools": peers.coco_api(peers.peer("pycocotools"), annotations, results)[0],
        }
        times = peers.interleave(tasks, rounds, rounds)
    return [
        theirs / ours for ours, theirs in zip(times["detbench"], times["pycocotools"], strict=True)
    ]


def main() -> int:
    """Print the ratio, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--min-ratio", type=float, default=30.0, help="time of pycocotools / time of detbench"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--detections", type=int, default=50_000)
    options = parser.parse_args()
    by_round = ratios(options.rounds, options.images, options.detections)
    median = statistics.median(by_round)
    print(
        f"detbench is {median:.0f} times as fast as pycocotools "
        f"({min(by_round):.0f} to {max(by_round):.0f}); the minimum is {options.min_ratio:g}"
    )
    return 0 if median >= options.min_ratio else 1


if __name__ == "__main__":
    sys.exit(main())
