"""Check that scoring is as many times faster than pycocotools as it must be, both timed in turns in one run; CI runs this.

python tests/benchmarks/kernel_ratio.py --least 30

Seconds of a shared machine say nothing; the ratio within a round does. The exit code is 1 where the median over the rounds is below.
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
    """Return, for each round, how many times longer pycocotools takes to evaluate."""
    made = workload.make(images=images, detections=detections, truths=images * 7)
    with tempfile.TemporaryDirectory() as folder:
        annotations, results = workload.write_json(made, Path(folder))
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
    parser.add_argument("--least", type=float, default=30.0, help="times faster than pycocotools")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--detections", type=int, default=50_000)
    options = parser.parse_args()
    found = ratios(options.rounds, options.images, options.detections)
    middle = statistics.median(found)
    print(
        f"detbench is {middle:.0f} times as fast as pycocotools ({min(found):.0f} to {max(found):.0f}); least {options.least:g}"
    )
    return 0 if middle >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
