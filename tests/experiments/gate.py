"""Measure the error rates of the default gate rules.

    python -m tests.experiments.gate --pairs 500 --keep results

Each pair of detectors is gated on images sampled from a population. Without a true change, the two
detectors swap their detections on each image by a fair coin, so that neither is better: two real
detectors ("independent"), or one of them twice with random noise in scores and boxes ("small
change"). With a true loss, detections are removed from one side until the loss in the population
has the given size. Latencies are simulated: pairs of processes that share a machine speed, each
with a speed of its own, in rounds with a drift that both share, bursts that affect one of them, and
a heavy tail. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules
from detbench.bench.gate.timing import timing_verdict
from detbench.bench.gate.verdict import overall_outcome
from detbench.bench.latency.assembly import TimedPair
from detbench.bench.latency.result import LatencyResult, ProcessSamples
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.latency.statistics.comparison import compare_processes
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.machine import MachineState
from detbench.bench.results import protocol_record
from detbench.bench.runs import Run
from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from tests.experiments.kept import results
from tests.experiments.population import Population, exchanged, population

PROCESSES, ROUNDS, SAMPLES_PER_ROUND = 10, 12, 20
SHARED_SPREAD, OWN_SPREAD = 0.05, 0.005
"""Standard deviations over processes of the log of their speed: shared by a pair, and own."""
SLOWDOWNS = (0, 50, 150)
"""In per mille."""
TIMES = ("latency.p50_ms", "latency.p99_ms", "throughput_per_s")
MACHINE = MachineState(1.0, None, None, None)
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|"
PROTOCOLS = {"voc2007": VOC2007, "coco": COCO}
ALL_IMAGES = 4952
RESAMPLES = 200


@dataclass(frozen=True)
class Cell:
    """A kind of pair."""

    name: str
    run: str
    close: bool
    """A small change of one model instead of two independent ones."""
    loss: float
    images: int


CELLS = (
    Cell("no change, small change of one model", "voc2007", True, 0.0, ALL_IMAGES),
    Cell("no change, independent models", "voc2007", False, 0.0, ALL_IMAGES),
    Cell("no change, small change of one model", "voc2007", True, 0.0, 1000),
    Cell("no change, independent models", "voc2007", False, 0.0, 1000),
    Cell("no change, independent models", "voc2007", False, 0.0, 200),
    Cell("no change, independent models", "coco", False, 0.0, 1000),
    Cell("1 point lost, small change of one model", "voc2007", True, 0.010, ALL_IMAGES),
    Cell("1.6 points lost, independent models", "voc2007", False, 0.016, ALL_IMAGES),
    Cell("1 point lost, small change of one model", "coco", True, 0.010, ALL_IMAGES),
    Cell("1.6 points lost, independent models", "coco", False, 0.016, ALL_IMAGES),
    Cell("no change, independent models", "voc2007", False, 0.0, 60),
    Cell("no change, independent models", "voc2007", False, 0.0, 20),
    Cell("no change, independent models", "coco", False, 0.0, 60),
    Cell("no change, independent models", "coco", False, 0.0, 20),
)


@cache
def pool() -> Population:
    return population()


def with_rows(
    detections: Detections, keep: NDArray[np.bool_], *, name: str, noise: float = 0.0, seed: int = 0
) -> Detections:
    """Return some of the detections, with noise in scores and boxes.

    `noise` is the standard deviation of an edge, as a share of the side.
    """
    rng = np.random.default_rng([seed, 77])
    boxes, scores = detections.boxes[keep], detections.scores[keep]
    if noise:
        sides = np.tile(np.abs(boxes[:, 2:] - boxes[:, :2]), 2)
        boxes = boxes + rng.normal(0, noise, boxes.shape) * sides
        low = np.clip(scores, 1e-6, 1 - 1e-6)
        scores = 1 / (1 + np.exp(-(np.log(low / (1 - low)) + rng.normal(0, 5 * noise, len(low)))))
    return Detections.from_rows(
        pool().ground_truth,
        image_index=groups_from_offsets(detections.offsets)[keep],
        class_index=detections.class_index[keep],
        scores=scores,
        boxes=boxes,
        name=name,
    )


NOISE = 0.02


@cache
def pair(run: str, close: bool, loss: float) -> tuple[Detections, Detections]:
    """Return baseline and candidate; a loss has the given size in the population, to 1e-4."""
    first, second = pool().detections
    if close:
        everything = np.ones(len(first), np.bool_)
        baseline, other = (
            with_rows(first, everything, name=f"seed {n}", noise=NOISE, seed=n) for n in (1, 2)
        )
    else:
        baseline, other = first, second
    if not loss:
        return baseline, other
    return _calibrated(baseline, other, PROTOCOLS[run], loss)


def _calibrated(
    baseline: Detections, candidate: Detections, protocol: Protocol, loss: float
) -> tuple[Detections, Detections]:
    """Return the two with detections of one removed, so that the candidate is worse by `loss`."""
    measure, ground_truth = protocol.measures[0], pool().ground_truth

    def value(detections: Detections) -> float:
        return float(evaluate(ground_truth, detections, protocol).value(measure) or 0.0)

    a, b = value(baseline), value(candidate)
    thinned, target = (candidate, a - loss) if b > a - loss else (baseline, b + loss)
    ranks = np.random.default_rng(5).random(len(thinned))
    low, high = 0.0, 0.3
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if value(with_rows(thinned, ranks >= middle, name="")) > target
            else (low, middle)
        )
    reduced = with_rows(thinned, ranks >= low, name="thinned")
    return (baseline, reduced) if thinned is candidate else (reduced, candidate)


def accuracy_outcome(task: tuple[int, int]) -> list[bool]:
    """Return whether the gate failed a pair, by which rules, and whether it was inconclusive.

    The rules: the mean of the protocol, the area under the curve, any class.
    """
    number, trial = task
    cell, rng = CELLS[number], np.random.default_rng([number, trial])
    population_of_pair = Population(pool().ground_truth, pair(cell.run, cell.close, cell.loss))
    ground_truth, detections = population_of_pair.sample(cell.images, rng)
    if not cell.loss:
        coins = np.repeat(
            rng.integers(0, 2, (len(ground_truth.image_ids), 1)),
            len(ground_truth.class_names),
            axis=1,
        )
        detections = exchanged(ground_truth, detections, coins)
    runs = [run_of(ground_truth, each, PROTOCOLS[cell.run]) for each in detections]
    verdicts = gate(runs[0], runs[1], default_rules(), resamples=RESAMPLES, seed=trial)
    fails = {verdict.rule.measure.text for verdict in verdicts if verdict.outcome == "failed"}
    return [
        bool(fails),
        bool(fails & {"mAP", "AP"}),
        "mAP.area" in fails,
        "AP[*]" in fails,
        overall_outcome(verdicts) == "inconclusive",
    ]


def run_of(ground_truth: GroundTruth, detections: Detections, protocol: Protocol) -> Run:
    """Return a run without a folder."""
    record = {"options": {"effective": {"protocol": protocol_record(protocol)}}}
    return Run(Path(), record, ground_truth, detections)


@dataclass(frozen=True)
class Timed:
    """The part of a run that rules on time need."""

    latency: tuple[LatencyResult, ...]
    record: dict[str, object]


def timing_outcome(timing: tuple[int, int]) -> list[bool]:
    """Return whether the gate failed a slower candidate, by which rules, and was inconclusive.

    The rules: p50, p99, throughput. The task is the slowdown in per mille and the trial.
    """
    slowdown, trial = timing
    rng = np.random.default_rng([slowdown, trial, 9])
    verdicts = []
    for rule in (rule for rule in default_rules() if rule.measure.timed):
        models = _processes(rng, (1.0, 1 + slowdown / 1000))
        results = [
            LatencyResult(
                name, rule.stage, 1, rule.scenario, 1, processes=processes, machine=(MACHINE,)
            )
            for name, processes in zip("ab", models, strict=True)
        ]
        runs = [Timed((result,), {}) for result in results]
        task = TimingTask(rule.stage, 1, SCENARIOS[rule.scenario])
        medians = [result.process_percentiles_ms(50) for result in results]
        pairs = [TimedPair("a", "b", task, compare_processes(*medians))]
        verdicts.append(timing_verdict(rule, runs[0], runs[1], pairs))
    fails = {verdict.rule.measure.text for verdict in verdicts if verdict.outcome == "failed"}
    return [
        bool(fails),
        *(name in fails for name in TIMES),
        overall_outcome(verdicts) == "inconclusive",
    ]


def _processes(
    rng: np.random.Generator, scales: tuple[float, float]
) -> list[tuple[ProcessSamples, ...]]:
    """Return processes of two models, paired by index, with samples in ns around 5 ms."""
    models: list[list[ProcessSamples]] = [[], []]
    for _ in range(PROCESSES):
        drift = np.cumsum(rng.normal(0, 0.01, ROUNDS))
        shared = drift - drift.mean() + rng.normal(0, SHARED_SPREAD)
        for model, scale in zip(models, scales, strict=True):
            own = rng.normal(0, OWN_SPREAD)
            bursts = 1 + (rng.random(ROUNDS) < 0.1) * rng.exponential(0.3, ROUNDS)
            tails = 1 + rng.gamma(0.5, 0.06, (ROUNDS, SAMPLES_PER_ROUND))
            times = 5e6 * scale * (np.exp(shared + own) * bursts)[:, None] * tails
            model.append(ProcessSamples(samples_ns=times.astype(np.int64).ravel()))
    return [tuple(model) for model in models]


def row(name: str, images: str, outcomes: NDArray[np.bool_] | Floats) -> str:
    """Return a row of a table."""
    first, *others = (f"{100 * share:.2f}%" for share in outcomes.mean(axis=0))
    return f"| {name} | {images} | {len(outcomes):,} | **{first}** | {' | '.join(others)} |"


def accuracy(cells: Sequence[int], pairs: int, processes: int, keep: Path | None) -> None:
    """Print how often each kind of pair fails the rules on accuracy."""
    print(
        "| pairs | images | number | fail | by mAP or AP | by mAP.area | by a class "
        "| inconclusive |\n"
        f"{RULE}",
        flush=True,
    )
    unchanged = []
    for number in cells:
        cell = CELLS[number]
        pair(cell.run, cell.close, cell.loss)
        with Pool(processes) as workers:
            outcomes = results(
                workers, accuracy_outcome, [(number, trial) for trial in range(pairs)], keep
            )
        if cell.loss == 0:
            unchanged.append(outcomes)
        print(row(f"{cell.name}, {cell.run}", f"{cell.images:,}", outcomes), flush=True)
    if unchanged:
        print(row("all without a change", "", np.concatenate(unchanged)), flush=True)


def times(pairs: int, processes: int, keep: Path | None) -> None:
    """Print how often a slower candidate fails the rules on time."""
    print(
        "\n| times | samples of each | number | fail "
        f"| by p50 | by p99 | by throughput | inconclusive |\n{RULE}",
        flush=True,
    )
    with Pool(processes) as workers:
        for slowdown in SLOWDOWNS:
            outcomes = results(
                workers, timing_outcome, [(slowdown, trial) for trial in range(pairs)], keep
            )
            name = f"latency +{slowdown / 10:g}%"
            print(row(name, f"{PROCESSES * ROUNDS * SAMPLES_PER_ROUND:,}", outcomes), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500, help="of each kind")
    cells = "; ".join(
        f"{n}: {cell.name}, {cell.run}, {cell.images:,} images" for n, cell in enumerate(CELLS)
    )
    parser.add_argument(
        "--cells",
        type=int,
        nargs="*",
        default=list(range(len(CELLS))),
        help=f"which kinds of pairs ({cells})",
    )
    parser.add_argument(
        "--no-times", action="store_true", help="no rules on latency and throughput"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    if options.cells:
        images = len(pool().ground_truth.image_ids)
        print(f"population: {pool().ground_truth.name}, {images:,} images\n")
        accuracy(options.cells, options.pairs, options.processes, options.keep)
    if not options.no_times:
        times(options.pairs, options.processes, options.keep)
    print(f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes")


if __name__ == "__main__":
    main()
