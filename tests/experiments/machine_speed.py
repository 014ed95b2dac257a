"""Measure how a model's latency depends on the machine's speed; prints Markdown tables.

    python -m tests.experiments.machine_speed --seconds 300

Needs the optional test data ($DETBENCH_DATA or ../shared/data). FastestDet takes turns on all cores
and on one thread. Each turn gives one p50. Tables group turns by the machine's speed before and
after them, the slower of both, as multiples of the best. Only samples right after waking are
dropped, and turns during which other processes used more than 10% of the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from detbench.bench.environment import environment
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.processes.model_process import ModelProcess
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.latency.turns import TurnTaker
from detbench.bench.machine import MachineMonitor
from detbench.bench.machine_speed.meter import SpeedMeter
from detbench.threads import usable_cores
from tests.experiments.population import data_folder

THREADS = ("threads=0", "threads=1")
NAMES = {"threads=0": "all cores", "threads=1": "one thread"}
TURN_NS, WAKE_UP = 150_000_000, 5
PAUSE_S = 0.2
EDGES = (0.0, 1.02, 1.05, 1.08, 1.15, 1.3, 1.6, np.inf)
BEST_QUANTILE = 0.10
MAX_FOREIGN_LOAD = 0.10
MIN_TURNS = 20


@dataclass(frozen=True)
class Turn:
    """One turn of a model."""

    name: str
    elapsed_s: float
    p50_ms: float
    compute_us: float
    exchange_us: float
    """Both from the slower of the measurements before and after the turn."""
    busy_cores_of_others: float
    """Cores that processes outside of this experiment kept busy."""


class ForeignLoad:
    """The load of all processes but some, since it was created."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._own = [psutil.Process(pid) for pid in pids]
        self._start_s, self._idle_s, self._own_s = self._times()

    def busy_cores(self) -> float:
        now_s, idle_s, own_s = self._times()
        seconds = now_s - self._start_s
        busy_s = usable_cores() * seconds - (idle_s - self._idle_s)
        return (busy_s - (own_s - self._own_s)) / seconds

    def _times(self) -> tuple[float, float, float]:
        times = [process.cpu_times() for process in self._own]
        own_s = sum(each.user + each.system for each in times)
        return time.perf_counter(), psutil.cpu_times().idle, own_s


def take_turns(seconds: float) -> list[Turn]:
    """Return the turns of both variants, in random order."""
    path = data_folder() / "models" / "fastestdet" / "FastestDet.onnx"
    rng = np.random.default_rng(0)
    turns = []
    with ExitStack() as stack:
        meter = stack.enter_context(SpeedMeter())
        models = []
        for threads in THREADS:
            spec = ModelSpec(f"onnx:{path},{threads}", NAMES[threads])
            model = stack.enter_context(closing(ModelProcess(spec, embedded_images())))
            model.prepare(TimingTask("infer", 1, SINGLE_STREAM))
            model.take_samples(50, TURN_NS)
            model.pause()
            models.append(model)
        taker = TurnTaker(MachineMonitor(), meter.measure)
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            for model in rng.permutation(np.array(models, object)):
                load = ForeignLoad([os.getpid(), *meter.pids, *model.pids])
                turn = taker.take(model, [], 1_000, TURN_NS)
                busy_cores = load.busy_cores()
                time.sleep(PAUSE_S)
                if len(turn.samples_ns) < 2 * WAKE_UP:
                    continue
                turns.append(
                    Turn(
                        model.name,
                        time.perf_counter() - start,
                        float(np.median(turn.samples_ns[WAKE_UP:])) / 1e6,
                        max(speed.compute_us for speed in turn.speeds),
                        max(speed.exchange_us for speed in turn.speeds),
                        busy_cores,
                    )
                )
    return turns


def table(turns: Sequence[Turn], title: str, time_us: Callable[[Turn], float]) -> None:
    """Print the p50 of turns, grouped by one of the times."""
    best_us = float(np.quantile([time_us(turn) for turn in turns], BEST_QUANTILE))
    print(f"\n| {title}, best {best_us:.2f} µs | turns | p50 ms: 10% | median | 90% | longest |")
    print("|---|---|---|---|---|---|")
    for low, high in pairwise(EDGES):
        group = [turn.p50_ms for turn in turns if low < time_us(turn) / best_us <= high]
        if group:
            values = " | ".join(f"{value:.2f}" for value in np.quantile(group, [0.1, 0.5, 0.9, 1]))
            label = f"up to {high:g} times" if high < np.inf else "longer"
            print(f"| {label} | {len(group)} | {values} |")


def main() -> None:
    """Take turns, or read saved ones, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--save", type=Path, help="JSON file of the turns; read if it exists")
    options = parser.parse_args()
    if options.save and options.save.exists():
        turns = [Turn(**each) for each in json.loads(options.save.read_text())]
    else:
        machine = environment()
        print(f"{machine.cpu}, {machine.cores} cores, load {os.getloadavg()[0]:.1f}")
        turns = take_turns(options.seconds)
        if options.save:
            options.save.write_text(json.dumps([asdict(turn) for turn in turns]))
    max_load = MAX_FOREIGN_LOAD * usable_cores()
    for threads, name in NAMES.items():
        every = [turn for turn in turns if turn.name == name]
        own = [turn for turn in every if turn.busy_cores_of_others <= max_load]
        print(f"\nFastestDet, {name} ({threads}): {len(own)} of {len(every)} turns without load")
        if len(own) < MIN_TURNS:
            print("too few turns without load: run it on an idle machine")
            continue
        table(own, "exchange", lambda turn: turn.exchange_us)
        table(own, "arithmetic", lambda turn: turn.compute_us)
        best_us = np.quantile([turn.exchange_us for turn in own], BEST_QUANTILE)
        close = [turn for turn in own if turn.exchange_us <= 1.05 * best_us]
        table(close, "arithmetic where exchange is within 1.05", lambda turn: turn.compute_us)


if __name__ == "__main__":
    main()
