"""Measure how often the 95 % intervals of hotcoco's `compare` hold the population's difference, on the samples of `coverage`.

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
from tests.experiments.coverage import pool, truths
from tests.experiments.kept import results

NAMES = ("AP", "AP50")
"""The questions of `coverage` that hotcoco answers."""


def hotcoco_interval(task: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return (names, 2): the ends of hotcoco's interval of second − first on one sample."""
    size, number, replicates = task
    truth, found = pool().sample(size, np.random.default_rng([size, number]))
    with tempfile.TemporaryDirectory() as folder:
        annotations = Path(folder) / "truth.json"
        save_ground_truth(truth, annotations, "coco")
        reference = hotcoco.COCO(str(annotations))
        evaluations = []
        for each in found:
            save_detections(each, truth, Path(folder) / "found.json", "coco")
            evaluations.append(
                hotcoco.COCOeval(
                    reference, reference.load_res(str(Path(folder) / "found.json")), "bbox"
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
        "--keep", type=Path, help="folder that results are kept in, to go on after a break"
    )
    options = parser.parse_args()
    started, truth = time.perf_counter(), truths(0)[: len(NAMES), 0, 1]
    with Pool(options.processes) as workers:
        tasks = [(options.size, n, options.replicates) for n in range(options.comparisons)]
        low, high = results(workers, hotcoco_interval, tasks, options.keep).transpose(2, 0, 1)
    held = ((low <= truth) & (truth <= high)).mean(axis=0)
    print(
        f"hotcoco {hotcoco.__version__}, {options.comparisons} samples of {options.size:,} images, {options.replicates} replicates\n"
    )
    print("| | true difference | coverage | width, points |\n|---|---|---|---|")
    for name, value, share, width in zip(
        NAMES, truth, held, (high - low).mean(axis=0), strict=True
    ):
        print(f"| {name} | {100 * value:.2f} | {share:.1%} | {100 * width:.2f} |")
    print(f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes")


if __name__ == "__main__":
    main()
