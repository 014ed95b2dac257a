"""Measure the coverage of hotcoco's 95% intervals of differences, on the samples of `coverage`.

python -m tests.experiments.hotcoco_coverage --comparisons 300
"""

from __future__ import annotations

import argparse
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path

import hotcoco
import numpy as np
from numpy.typing import NDArray

from detbench.data.load import save_detections, save_ground_truth
from tests.experiments.coverage import pool, true_values
from tests.experiments.kept import results

NAMES = ("AP", "AP50")
"""The measures of `coverage` that hotcoco has."""


def hotcoco_interval(task: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return (names, 2): the ends of hotcoco's interval of second − first on one sample."""
    size, number, replicates = task
    ground_truth, detections = pool().sample(size, np.random.default_rng([size, number]))
    with tempfile.TemporaryDirectory() as folder:
        annotations = Path(folder) / "annotations.json"
        save_ground_truth(ground_truth, annotations, "coco")
        reference = hotcoco.COCO(str(annotations))
        evaluations = []
        for each in detections:
            save_detections(each, ground_truth, Path(folder) / "results.json", "coco")
            evaluations.append(
                hotcoco.COCOeval(
                    reference, reference.load_res(str(Path(folder) / "results.json")), "bbox"
                )
            )
            evaluations[-1].evaluate()
    intervals = hotcoco.compare(*evaluations, n_bootstrap=replicates, seed=number, confidence=0.95)[
        "ci"
    ]
    return np.array([(intervals[name]["lower"], intervals[name]["upper"]) for name in NAMES])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=300)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
    )
    options = parser.parse_args()
    started, expected = time.perf_counter(), true_values(0)[: len(NAMES), 0, 1]
    with Pool(options.processes) as workers:
        tasks = [(options.size, n, options.replicates) for n in range(options.comparisons)]
        low, high = results(workers, hotcoco_interval, tasks, options.keep).transpose(2, 0, 1)
    coverage = ((low <= expected) & (expected <= high)).mean(axis=0)
    print(
        f"hotcoco {hotcoco.__version__}, {options.comparisons} samples of {options.size:,} images, "
        f"{options.replicates} resamples\n"
    )
    print("| | true difference | coverage | width, points |\n|---|---|---|---|")
    for name, value, share, width in zip(
        NAMES, expected, coverage, (high - low).mean(axis=0), strict=True
    ):
        print(f"| {name} | {100 * value:.2f} | {share:.1%} | {100 * width:.2f} |")
    print(f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes")


if __name__ == "__main__":
    main()
