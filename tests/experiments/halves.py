"""Measure how far the ends of intervals vary with the random seed, and what halves cost.

    python -m tests.experiments.halves

For each number of halves, the Monte Carlo error of an end is its standard deviation over random
seeds, as a share of the mean width of the interval. The first two are those of the headline
measure, the third is the largest of either end of any measure of the protocol. Errors are the same
on every machine. Seconds are processor time on one thread; the numbers of halves take turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import cluster_count, split_halves
from detbench.metrics.uncertainty.interval_methods import Expanded, interval_ends
from detbench.metrics.uncertainty.weighted_scores import weighted_scores
from tests.experiments.population import data_folder

COUNTS = (200, 1000, 2000)
VOC = "VOCtest_06-Nov-2007.annotations.tar.gz"
DATASETS = (
    (VOC, "dets_voc/htt1084_d56c7e49", ("voc2007", "voc2012", "coco")),
    (VOC, "dets_voc/robinyen_darknet", ("voc2007", "voc2012", "coco")),
    ("coco/instances_val2014_100.json", "coco/instances_val2014_fakebbox100_results.json", None),
    ("coco_tiny_val/instances_val2017.json", "coco_tiny_val/yolox_nano_results.json", None),
    ("coco_tiny_val/instances_val2017.json", "coco_tiny_val/fastestdet_results.json", None),
)
"""Files in the folder of the real data: ground truth, detections and protocols."""


def evaluations() -> Iterator[Evaluation]:
    """Yield the evaluations of the real detectors."""
    for truth, results, protocols in DATASETS:
        ground_truth = load_ground_truth(data_folder() / truth)
        detections = load_detections(data_folder() / results, ground_truth)
        for protocol in protocols or ("coco",):
            yield evaluate(ground_truth, detections, protocol)


def ends(values: NDArray[np.float64], count: int, images: int) -> NDArray[np.float64]:
    """Return (seeds, 2) the ends from each `count` values, unbounded."""
    method, bounds = Expanded(images), (-np.inf, np.inf)
    seeds = len(values) // count
    parts = values[: seeds * count].reshape(seeds, count)
    return np.array([interval_ends(part, method, 0.95, bounds) for part in parts])


def errors(values: NDArray[np.float64], images: int) -> NDArray[np.float64]:
    """Return (counts, 2) the errors of both ends for each number of halves."""
    rows = []
    for count in COUNTS:
        by_seed = ends(values, count, images)
        width = (by_seed[:, 1] - by_seed[:, 0]).mean()
        rows.append(by_seed.std(axis=0, ddof=1) / width)
    return np.array(rows)


def seconds(evaluation: Evaluation, measures: Sequence[Measure], rounds: int) -> list[str]:
    """Return the median seconds of each number of halves; each round runs all of them."""
    taken = np.empty((rounds, len(COUNTS)))
    for row in taken:
        for n, count in enumerate(COUNTS):
            halves_of = split_halves(evaluation.ground_truth, 0)
            started = time.process_time()
            weighted_scores([evaluation], measures, count, halves_of, 1)
            row[n] = time.process_time() - started
    return [f"{value:.2f}" for value in np.median(taken, axis=0)]


def main() -> None:
    """Print a table of errors and a table of seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="of the largest number of halves")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    heads = " | ".join(f"{count:,} halves" for count in COUNTS)
    print(f"| Monte Carlo error of low / high | {heads} |\n|---{'|---' * len(COUNTS)}|")
    costs, largest = [], max(COUNTS)
    for evaluation in evaluations():
        images = cluster_count(evaluation.ground_truth)
        title = f"{evaluation.detections.name}, {evaluation.protocol.name}"
        halves_of = split_halves(evaluation.ground_truth, 0)
        measures = evaluation.protocol.measures
        [scores] = weighted_scores([evaluation], measures, options.seeds * largest, halves_of)
        by_measure = np.array([errors(each.values, images) for each in scores])
        cells = [f"{low:.1%} / {high:.1%}" for low, high in by_measure[0]]
        if len(measures) > 1:
            worst = by_measure.max(axis=(0, 2))
            cells = [f"{cell}, ≤ {end:.1%}" for cell, end in zip(cells, worst, strict=True)]
        print(f"| {title}: {measures[0].name} | {' | '.join(cells)} |", flush=True)
        taken = " | ".join(seconds(evaluation, measures, options.rounds))
        costs.append(f"| {title}: {len(measures)} measures | {taken} |")
    print(f"\n| processor s of one thread | {heads} |\n|---{'|---' * len(COUNTS)}|")
    print("\n".join(costs))


if __name__ == "__main__":
    main()
