"""Measure how often the default rules fail pairs without a true change, and how often they find a true loss; print a Markdown table.

python -m tests.experiments.gate --pairs 500 --keep kept

The world is a population of images; each pair is judged on images drawn from it. Without a true change, the detections of two detectors are
swapped by a coin on each image, so that nothing but the coin tells the two sides apart: two real detectors ("independent"), or one of them
twice with scores and boxes moved by chance ("small change"). With a true loss, detections are taken away from one side until the loss in
the population is what is asked for. Latencies are simulated: rounds in turns with a drift that both models share, bursts that hit one of
them, and a heavy tail.
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
from detbench.bench.gate.verdict import overall
from detbench.bench.latency.comparison import compare
from detbench.bench.latency.contender import Task
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.machine import MachineState
from detbench.bench.results import protocol_record
from detbench.bench.runs import Run
from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.protocol import COCO, VOC2007, Protocol
from detbench.metrics.scoring.evaluate import evaluate
from tests.experiments.kept import results
from tests.experiments.population import Population, exchanged, population

ROUNDS, IN_ROUND = 60, 20
SLOWER = (0, 50, 150)
"""Per mille."""
TIMES = ("latency.p50_ms", "latency.p99_ms", "throughput_per_s")
A_LOOK = MachineState(1.0, None, None, None)
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|"
PROTOCOLS = {"voc2007": VOC2007, "coco": COCO}
ALL_IMAGES = 4952
REPLICATES = 200


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
    found: Detections, keep: NDArray[np.bool_], *, name: str, noise: float = 0.0, seed: int = 0
) -> Detections:
    """Return some of the detections, their scores and boxes moved by chance: by a share of the sides."""
    rng = np.random.default_rng([seed, 77])
    boxes, scores = found.boxes[keep], found.scores[keep]
    if noise:
        sides = np.tile(np.abs(boxes[:, 2:] - boxes[:, :2]), 2)
        boxes = boxes + rng.normal(0, noise, boxes.shape) * sides
        low = np.clip(scores, 1e-6, 1 - 1e-6)
        scores = 1 / (1 + np.exp(-(np.log(low / (1 - low)) + rng.normal(0, 5 * noise, len(low)))))
    return Detections.from_rows(
        pool().ground_truth,
        image_index=groups_from_offsets(found.offsets)[keep],
        class_index=found.class_index[keep],
        scores=scores,
        boxes=boxes,
        name=name,
    )


NOISE = 0.02


@cache
def pair(run: str, close: bool, loss: float) -> tuple[Detections, Detections]:
    """Return baseline and candidate; where there is a loss, one that is true to 1e-4 in the population."""
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
    one: Detections, other: Detections, protocol: Protocol, loss: float
) -> tuple[Detections, Detections]:
    """Return the two with detections of the better one, or of the second, taken away until the second is worse by `loss`."""
    measure, truth = protocol.measures[0], pool().ground_truth

    def value(found: Detections) -> float:
        return float(evaluate(truth, found, protocol).value(measure) or 0.0)

    a, b = value(one), value(other)
    thinned, target = (other, a - loss) if b > a - loss else (one, b + loss)
    luck = np.random.default_rng(5).random(len(thinned))
    low, high = 0.0, 0.3
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if value(with_rows(thinned, luck >= middle, name="")) > target
            else (low, middle)
        )
    done = with_rows(thinned, luck >= low, name="thinned")
    return (one, done) if thinned is other else (done, other)


def judged(task: tuple[int, int]) -> list[bool]:
    """Return whether the gate failed a pair, by the protocol's own mean, by the area under the curve, by a class; and was inconclusive."""
    number, trial = task
    cell, rng = CELLS[number], np.random.default_rng([number, trial])
    world = Population(pool().ground_truth, pair(cell.run, cell.close, cell.loss))
    truth, found = world.sample(cell.images, rng)
    if not cell.loss:
        coins = np.repeat(
            rng.integers(0, 2, (len(truth.image_ids), 1)), len(truth.class_names), axis=1
        )
        found = exchanged(truth, found, coins)
    runs = [run_of(truth, each, PROTOCOLS[cell.run]) for each in found]
    verdicts = gate(runs[0], runs[1], default_rules(), replicates=REPLICATES, seed=trial)
    fails = {verdict.rule.measure.text for verdict in verdicts if verdict.outcome == "failed"}
    return [
        bool(fails),
        bool(fails & {"mAP", "AP"}),
        "mAP.area" in fails,
        "AP[*]" in fails,
        overall(verdicts) == "inconclusive",
    ]


def run_of(truth: GroundTruth, found: Detections, protocol: Protocol) -> Run:
    """Return a run that no folder holds."""
    return Run(
        Path(), {"options": {"effective": {"protocol": protocol_record(protocol)}}}, truth, found
    )


@dataclass(frozen=True)
class Timed:
    """What the gate needs of a run whose times alone are looked at."""

    latency: tuple[LatencyResult, ...]
    record: dict[str, object]


def times_judged(task: tuple[int, int]) -> list[bool]:
    """Return whether times fail a candidate that takes longer by so many per mille, by p50, p99 and throughput; and are inconclusive."""
    slower, trial = task
    rng = np.random.default_rng([slower, trial, 9])
    verdicts = []
    for rule in (rule for rule in default_rules() if rule.measure.timed):
        rounds = _in_turns(rng, (1.0, 1 + slower / 1000))
        results = [
            LatencyResult(
                name,
                rule.stage,
                1,
                rule.scenario,
                1,
                samples_ns=np.concatenate(one),
                machine=(A_LOOK,),
            )
            for name, one in zip("ab", rounds, strict=True)
        ]
        runs = [Timed((result,), {}) for result in results]
        pairs = [Pair("a", "b", Task(rule.stage, 1, SCENARIOS[rule.scenario]), compare(*rounds))]
        verdicts.append(timing_verdict(rule, runs[0], runs[1], pairs))
    fails = {verdict.rule.measure.text for verdict in verdicts if verdict.outcome == "failed"}
    return [bool(fails), *(name in fails for name in TIMES), overall(verdicts) == "inconclusive"]


def _in_turns(
    rng: np.random.Generator, scales: tuple[float, float]
) -> list[list[NDArray[np.int64]]]:
    """Return for two models rounds of samples around 5 ms with a heavy tail and bursts of other load, in one slow drift."""
    drift = np.cumsum(rng.normal(0, 0.01, ROUNDS))
    drift -= drift.mean()
    out: list[list[NDArray[np.int64]]] = []
    for scale in scales:
        bursts = 1 + (rng.random(ROUNDS) < 0.1) * rng.exponential(0.3, ROUNDS)
        tails = 1 + rng.gamma(0.5, 0.06, (ROUNDS, IN_ROUND))
        out.append([*(5e6 * scale * (np.exp(drift) * bursts)[:, None] * tails).astype(np.int64)])
    return out


def row(name: str, images: str, found: NDArray[np.bool_] | Floats) -> str:
    """Return a line of a table."""
    first, *others = (f"{100 * share:.2f} %" for share in found.mean(axis=0))
    return f"| {name} | {images} | {len(found):,} | **{first}** | {' | '.join(others)} |"


def accuracy(cells: Sequence[int], pairs: int, processes: int, keep: Path | None) -> None:
    """Print how often each kind of pair fails."""
    print(
        f"| pairs | images | how many | fail | by mAP or AP | by mAP.area | by a class | inconclusive |\n{RULE}",
        flush=True,
    )
    unchanged = []
    for number in cells:
        cell = CELLS[number]
        pair(cell.run, cell.close, cell.loss)
        with Pool(processes) as workers:
            found = results(workers, judged, [(number, trial) for trial in range(pairs)], keep)
        if cell.loss == 0:
            unchanged.append(found)
        print(row(f"{cell.name}, {cell.run}", f"{cell.images:,}", found), flush=True)
    if unchanged:
        print(row("all without a change", "", np.concatenate(unchanged)), flush=True)


def times(pairs: int, processes: int, keep: Path | None) -> None:
    """Print how often times fail."""
    print(
        f"\n| times | samples of each | how many | fail | by p50 | by p99 | by throughput | inconclusive |\n{RULE}",
        flush=True,
    )
    with Pool(processes) as workers:
        for slower in SLOWER:
            found = results(
                workers, times_judged, [(slower, trial) for trial in range(pairs)], keep
            )
            print(row(f"latency +{slower / 10:g} %", f"{ROUNDS * IN_ROUND:,}", found), flush=True)


def main() -> None:
    """Print the table."""
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
    parser.add_argument("--no-times", action="store_true", help="leave out latency and throughput")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder that results are kept in, to go on after a break"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    if options.cells:
        print(
            f"population: {pool().ground_truth.name}, {len(pool().ground_truth.image_ids):,} images\n"
        )
        accuracy(options.cells, options.pairs, options.processes, options.keep)
    if not options.no_times:
        times(options.pairs, options.processes, options.keep)
    print(f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes")


if __name__ == "__main__":
    main()
