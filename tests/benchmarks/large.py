"""Measure how time and memory grow up to 5 million detections, and print the table of docs/performance.md.

    python tests/benchmarks/large.py

Each size is written as Parquet and then loaded and scored by a fresh process with cached kernels, whose peak memory is read from the
operating system; everything is in it: Python, libraries, both files, and the result.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import workload
from numpy.typing import NDArray

SIZES = [
    (5_000, 365, 500_000),
    (10_000, 365, 1_000_000),
    (25_000, 365, 2_500_000),
    (50_000, 365, 5_000_000),
]
TRUTHS_PER_IMAGE = 12
ROUNDS = 3
CHILD = """
import json, resource, sys, time
import detbench
started = time.perf_counter()
truth = detbench.load_ground_truth(sys.argv[1])
detections = detbench.load_detections(sys.argv[2], truth)
loaded = time.perf_counter()
summary = detbench.evaluate(truth, detections, "coco", threads=2).summary
done = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"load": loaded - started, "evaluate": done - loaded, "peak": peak, "AP": summary["AP"]}))
"""


def write(folder: Path, images: int, classes: int, detections: int) -> tuple[Path, Path]:
    """Write a workload as detbench's Parquet."""
    from detbench import Detections, GroundTruth, save_detections, save_ground_truth

    made = workload.make(images, classes, detections, TRUTHS_PER_IMAGE * images)
    truth = GroundTruth.from_rows(
        image_ids=[str(i) for i in range(1, images + 1)],
        class_names=[f"class {k:03d}" for k in range(1, classes + 1)],
        image_index=made.truth_image - 1,
        class_index=made.truth_class - 1,
        boxes=corners(made.truth_box),
        iscrowd=made.truth_crowd,
    )
    found = Detections.from_rows(
        truth,
        image_index=made.image - 1,
        class_index=made.category - 1,
        scores=made.score,
        boxes=corners(made.box),
    )
    save_ground_truth(truth, folder / "truth.parquet")
    save_detections(found, truth, folder / "detections.parquet")
    return folder / "truth.parquet", folder / "detections.parquet"


def corners(xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return xyxy boxes of xywh boxes."""
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def main() -> None:
    """Measure all sizes."""
    print(
        "| detections | images | classes | load s | evaluate s | µs per detection, in all | peak memory MB |"
    )
    print("|---|---|---|---|---|---|---|")
    for images, classes, detections in SIZES:
        with tempfile.TemporaryDirectory() as name:
            paths = write(Path(name), images, classes, detections)
            runs = [
                json.loads(
                    subprocess.run(
                        [sys.executable, "-c", CHILD, *map(str, paths)],
                        check=True,
                        capture_output=True,
                    ).stdout
                )
                for _ in range(ROUNDS)
            ]
        best = min(runs, key=lambda run: run["load"] + run["evaluate"])
        each = (best["load"] + best["evaluate"]) / detections * 1e6
        peak = max(run["peak"] for run in runs) / 1e6
        print(
            f"| {detections:,} | {images:,} | {classes} | {best['load']:.3f} | {best['evaluate']:.3f} | {each:.3f} | {peak:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
