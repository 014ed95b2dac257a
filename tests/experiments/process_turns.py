"""Turns of processes: one is awake and timed, the machine's speed is measured before and after."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from detbench.bench.machine_speed.best_known import best_known
from detbench.bench.machine_speed.meter import SpeedMeter
from detbench.bench.machine_speed.speed import MachineSpeed, best_speed, is_slow
from tests.experiments.process_host import Host, HostReading
from tests.experiments.process_variants import (
    ALONE,
    BASELINES,
    COMPANY,
    IDLE,
    JUST_RAN,
    KERAS_VARIANTS,
    KERAS_YOLO,
    MODELS,
    STOPPED,
    VARIANTS,
    YOLOX_NANO,
    Variant,
)

_WORKER = Path(__file__).with_name("process_worker.py")
_SAMPLES, _SAMPLES_BY_DEFAULT = {YOLOX_NANO: (4, 12)}, (8, 20)
"""Samples of a turn: those right after waking, which do not count, and those that do."""
_ENOUGH_TURNS, _MAX_ROUNDS = 3, 10
_LOADED_AT_ONCE = 2
_STATE_POLL_S = 0.0002
_MAX_OTHERS_CORES = 0.3
"""Clock ticks of 10 ms allow no lower limit in turns of 0.1 s."""
_ADDR_NO_RANDOMIZE = 0x0040000
_PR_SET_THP_DISABLE = 41
_COMPANION = Variant("another process", "companion")


@dataclass(frozen=True)
class Turn:
    """Samples that one process gave in one turn, and the machine's speed around it."""

    model: str
    cause: str
    variant: str
    group: int
    started_s: float
    """Since the experiment started."""
    samples_ns: list[int]
    cpu_ns: int
    """CPU time that the process used in the turn, dropped samples included."""
    others_cores: float
    """How many cores all else kept busy in the turn."""
    before: MachineSpeed
    after: MachineSpeed


class VariantProcess:
    """A process of one variant, stopped except while it is loaded and in its turns."""

    def __init__(self, model: str, variant: Variant) -> None:
        """Start the process; it loads its model meanwhile."""
        self.variant, self._model = variant, model
        others = [path for name, path in MODELS.items() if name != model]
        settings = {
            "path": str(MODELS[model]) if model in MODELS else None,
            "other_path": str(others[0]),
            "threads": variant.threads,
            "entries": dict(variant.entries),
            "main_core": variant.main_core,
            "array": variant.array,
            "before": variant.before,
            "after": variant.after,
        }
        if variant.main_core is not None:
            settings["main_core"] = usable_cores()[variant.main_core]
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variant.environment},
            process_group=0,
            preexec_fn=lambda: _set_up(variant),
        )

    def wait_until_loaded(self) -> None:
        self._answer()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        process = psutil.Process(self._process.pid)
        while process.status() != psutil.STATUS_STOPPED:
            time.sleep(_STATE_POLL_S)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def take(self) -> tuple[list[int], int]:
        """Return the time of each sample that counts in ns, and the CPU time of all."""
        dropped, kept = _SAMPLES.get(self._model, _SAMPLES_BY_DEFAULT)
        self._process.stdin.write(f"{dropped + kept}\n")
        self._process.stdin.flush()
        times, cpu_ns = json.loads(self._answer())
        return times[dropped:], cpu_ns

    def cpu_s(self) -> float:
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _answer(self) -> str:
        if line := self._process.stdout.readline():
            return line
        raise RuntimeError(f"the process of {self._model}, {self.variant.name} ended by itself")


def usable_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _set_up(variant: Variant) -> None:
    """Set what a process inherits, in the child before it runs the worker."""
    system = ctypes.CDLL(None)
    if variant.cores is not None:
        os.sched_setaffinity(0, {usable_cores()[core] for core in variant.cores})
    if variant.fixed_addresses:
        system.personality(_ADDR_NO_RANDOMIZE)
    if variant.without_huge_pages:
        system.prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


class Experiment:
    """Takes turns of groups of processes and keeps them."""

    def __init__(self, meter: SpeedMeter, deadline_s: float, seed: int) -> None:
        """Start to count time.

        Args:
            meter: Of the machine's speed.
            deadline_s: After this time, in s, a round is the last one of its group.
            seed: Of the order of processes.
        """
        self.turns: list[Turn] = []
        self.host_readings: list[HostReading] = []
        """One per round."""
        self._meter, self._host, self._rng = meter, Host(meter), np.random.default_rng(seed)
        self._known = best_known()
        self._started, self._deadline_s = time.perf_counter(), deadline_s

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._started

    def side_by_side(self, model: str, variants: Sequence[Variant], group: int) -> None:
        """Start one process of each variant and let them take turns, all others stopped."""
        processes: list[VariantProcess] = []
        try:
            self._load(model, variants, processes)
            self._take_turns(processes, model, group)
        finally:
            for process in processes:
                process.close()

    def one_by_one(self, model: str, variants: Sequence[Variant], group: int) -> None:
        """Start the process of each variant, and its companion, when the former has ended."""
        for index in self._rng.permutation(len(variants)):
            variant = variants[index]
            processes: list[VariantProcess] = []
            try:
                needed = [variant] if variant.companion is None else [variant, _COMPANION]
                self._load(model, needed, processes)
                processes.sort(key=lambda process: process.variant is _COMPANION)
                if variant.companion in (IDLE, JUST_RAN):
                    processes[1].wake()
                self._take_turns(processes[:1], model, group, processes[1:])
            finally:
                for process in processes:
                    process.close()

    def _load(
        self, model: str, variants: Sequence[Variant], processes: list[VariantProcess]
    ) -> None:
        """Start processes in random order, two at a time, and stop each when it is ready."""

        def start(index: int) -> None:
            process = VariantProcess(model, variants[index])
            processes.append(process)
            process.wait_until_loaded()
            process.stop()

        with ThreadPoolExecutor(_LOADED_AT_ONCE) as pool:
            list(pool.map(start, self._rng.permutation(len(variants))))

    def _take_turns(
        self,
        processes: Sequence[VariantProcess],
        model: str,
        group: int,
        companions: Sequence[VariantProcess] = (),
    ) -> None:
        """Let processes take turns in rounds, each until enough of its turns count.

        What counts is decided by the machine's speed so far and the load, never by the samples.
        """
        turns: list[list[Turn]] = [[] for _ in processes]
        pending = list(range(len(processes)))
        for _ in range(_MAX_ROUNDS):
            self.host_readings.append(self._host.read())
            for index in self._rng.permutation(pending):
                turns[index].append(self._take_turn(processes[index], model, group, companions))
                self.turns.append(turns[index][-1])
            best = self._known.faster_of(best_of(self.turns))
            kept = [sum(counts(turn, best) for turn in own) for own in turns]
            pending = [
                index for index, process in enumerate(processes) if kept[index] < _enough(process)
            ]
            if not pending or self.elapsed_s > self._deadline_s:
                return

    def _take_turn(
        self,
        process: VariantProcess,
        model: str,
        group: int,
        companions: Sequence[VariantProcess],
    ) -> Turn:
        variant = process.variant
        before = self._speed()
        if variant.companion in (STOPPED, JUST_RAN):
            for companion in companions:
                companion.wake()
                companion.take()
                if variant.companion == STOPPED:
                    companion.stop()
        started_s, idle_s = self.elapsed_s, _idle_s()
        companions_s = sum(companion.cpu_s() for companion in companions)
        process.wake()
        samples, cpu_ns = process.take()
        turn_s = self.elapsed_s - started_s
        own_s = cpu_ns / 1e9 + sum(companion.cpu_s() for companion in companions) - companions_s
        busy_s = len(usable_cores()) * turn_s - (_idle_s() - idle_s)
        process.stop()
        return Turn(
            *(model, variant.cause, variant.name, group, started_s, samples, cpu_ns),
            (busy_s - own_s) / turn_s,
            before,
            self._speed(),
        )

    def _speed(self) -> MachineSpeed:
        speed = self._meter.measure()
        if speed is None or speed.exchange_us is None:
            raise RuntimeError("the machine's speed cannot be measured; two cores are needed")
        return speed


def _enough(process: VariantProcess) -> int:
    """Return how many turns of a process must count; every ratio depends on the baselines."""
    return _ENOUGH_TURNS * (2 if process.variant in BASELINES else 1)


def _idle_s() -> float:
    """Return for how long cores were idle since the machine started, as a sum over cores."""
    times = psutil.cpu_times()
    return times.idle + times.iowait


def best_of(turns: Sequence[Turn]) -> MachineSpeed:
    return best_speed([speed for turn in turns for speed in (turn.before, turn.after)])


def counts(turn: Turn, best: MachineSpeed) -> bool:
    """Return whether the machine was at its best around a turn, and free of other work in it."""
    return is_undisturbed(turn) and not any(
        is_slow(speed, best, uses_several_cores=True) for speed in (turn.before, turn.after)
    )


def is_undisturbed(turn: Turn) -> bool:
    """Return whether nothing else kept the cores busy in a turn."""
    return turn.others_cores < _MAX_OTHERS_CORES


def variants_of(model: str, causes: Sequence[str]) -> list[Variant]:
    """Return the baselines and the variants that this installation can run."""
    variants = KERAS_VARIANTS if model == KERAS_YOLO else VARIANTS
    chosen = [one for one in variants if one.suits(model) and (not causes or one.cause in causes)]
    return [*BASELINES, *chosen] if chosen else []


def company_of(model: str, causes: Sequence[str]) -> list[Variant]:
    is_chosen = model in MODELS and (not causes or ALONE.cause in causes)
    return list(COMPANY) if is_chosen else []
