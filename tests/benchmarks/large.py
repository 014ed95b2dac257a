"""Measure time and memory up to 5 million detections; prints the table of docs/performance.md.

    python tests/benchmarks/large.py

Each size is written as Parquet, then loaded and scored by a fresh process with cached kernels. The
peak memory is that of the whole process, from the operating system.
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
ground_truth = detbench.load_ground_truth(sys.argv[1])
detections = detbench.load_detections(sys.argv[2], ground_truth)
loaded = time.perf_counter()
summary = detbench.evaluate(ground_truth, detections, "coco", threads=2).summary
done = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
times = {"load": loaded - started, "evaluate": done - loaded}
print(json.dumps({**times, "peak": peak, "AP": summary["AP"]}))
"""


def write(folder: Path, images: int, classes: int, detections: int) -> tuple[Path, Path]:
    """Write a workload as detbench's Parquet."""
    from detbench import Detections, GroundTruth, save_detections, save_ground_truth

    synthetic = workload.make(images, classes, detections, TRUTHS_PER_IMAGE * images)
    ground_truth = GroundTruth.from_rows(
        image_ids=[str(i) for i in range(1, images + 1)],
        class_names=[f"class {k:03d}" for k in range(1, classes + 1)],
        image_index=synthetic.truth_image - 1,
        class_index=synthetic.truth_class - 1,
        boxes=corners(synthetic.truth_box),
        iscrowd=synthetic.truth_crowd,
    )
    results = Detections.from_rows(
        ground_truth,
        image_index=synthetic.image - 1,
        class_index=synthetic.category - 1,
        scores=synthetic.score,
        boxes=corners(synthetic.box),
    )
    paths = folder / "ground_truth.parquet", folder / "detections.parquet"
    save_ground_truth(ground_truth, paths[0])
    save_detections(results, ground_truth, paths[1])
    return paths


def corners(xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return xyxy boxes of xywh boxes."""
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def main() -> None:
    """Measure all sizes."""
    print(
        "| detections | images | classes | load s | evaluate s "
        "| total µs per detection | peak memory MB |"
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
        per_detection = (best["load"] + best["evaluate"]) / detections * 1e6
        peak = max(run["peak"] for run in runs) / 1e6
        print(
            f"| {detections:,} | {images:,} | {classes} | {best['load']:.3f} "
            f"| {best['evaluate']:.3f} | {per_detection:.3f} | {peak:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
