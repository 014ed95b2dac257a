"""Series: the samples of one contender as they come, when there are enough of them, and the result they make."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from detbench.bench.latency.contender import Contender, Facts, Slice, Task
from detbench.bench.latency.result import LatencyResult, SamplesNs
from detbench.bench.latency.stopping import Decision, StoppingRule
from detbench.bench.latency.verdict import (
    device_of,
    device_reasons,
    left_over_reasons,
    machine_reasons,
)
from detbench.bench.latency.warmup import Warmup, settled_after
from detbench.bench.machine import MachineState

MOST_SAMPLES = 1_000_000
_NS_PER_S = 1e9
_LEFT_OVER_REPEATS = 5
_ON_HOST = ("preprocess", "postprocess")


class Series:
    """One contender's samples, round by round."""

    def __init__(self, contender: Contender, task: Task, rule: StoppingRule) -> None:
        self.contender, self._task, self._rule = contender, task, rule
        self.facts: Facts = contender.prepare(task)
        self.problem = self.facts.problem
        self.rounds: list[SamplesNs] = []
        self.enough = bool(self.problem)
        self.returned_early = False
        """Whether the result found that the clock had stopped before the work was done."""
        self.sample_takes_ns = 0.0
        """How long a sample took in the last round, with what is not timed of it; 0 before the first."""
        self._count = self._elapsed_ns = self._next_look = 0
        self._look_again_s = math.inf
        self._warmup, self._decision = Warmup(0, False), Decision(False, "", False, 0)

    @property
    def out_of_time(self) -> bool:
        """Whether the rule's time, or the room for samples, is used up."""
        return self._elapsed_s >= self._rule.max_s or self._count >= MOST_SAMPLES

    def add(self, piece: Slice) -> None:
        """Take in a round, and see whether there are enough samples."""
        if len(piece.samples_ns):
            self.rounds.append(piece.samples_ns)
            self.sample_takes_ns = piece.taken_ns / len(piece.samples_ns)
        self._count += len(piece.samples_ns)
        self._elapsed_ns += piece.taken_ns
        self.problem = self.problem or piece.problem
        if self._is_due():
            self._look()

    def settled_rounds(self) -> list[SamplesNs]:
        """Return the rounds that lie behind the warm-up as a whole."""
        starts = np.cumsum([0, *map(len, self.rounds)])[:-1]
        return [
            each
            for start, each in zip(starts, self.rounds, strict=True)
            if start >= self._warmup.count
        ]

    def result(self, states: Sequence[MachineState], asked_device: str | None) -> LatencyResult:
        """Return what was measured, with every reason not to quote it."""
        self._look()
        samples, count = self._samples(), self._warmup.count
        facts, task = self.facts, self._task
        return LatencyResult(
            model=self.contender.name,
            stage=task.stage,
            batch=task.batch,
            scenario=task.scenario.name,
            pictures_per_sample=task.batch * task.scenario.requests(task.batch),
            warmup_ns=samples[:count],
            samples_ns=samples[count:],
            first_call_s=facts.first_call_s,
            duration_s=self._elapsed_s,
            settings=facts.settings,
            machine=tuple(states),
            peak_host_bytes=facts.peak_host_bytes,
            peak_device_bytes=facts.peak_device_bytes,
            reasons=tuple(self._reasons(states, asked_device)),
        )

    def _samples(self) -> SamplesNs:
        return np.concatenate([np.zeros(0, np.int64), *self.rounds])

    @property
    def _elapsed_s(self) -> float:
        return self._elapsed_ns / _NS_PER_S

    def _is_due(self) -> bool:
        """Return whether looking at the samples can tell something new."""
        return (
            bool(self.problem)
            or self.out_of_time
            or self._count >= self._next_look
            or self._elapsed_s >= self._look_again_s
        )

    def _look(self) -> None:
        """Find the warm-up and ask the stopping rule."""
        samples = self._samples()
        if len(samples) and not samples.any():
            self.problem = self.problem or f"the clock did not move in {len(samples):,} samples"
        self.enough = bool(self.problem) or self.out_of_time
        if not samples.any():
            return
        self._warmup = settled_after(samples)
        self._decision = self._rule.decide(samples[self._warmup.count :], self._elapsed_s)
        self._next_look = max(self._warmup.count + self._decision.next_look, len(samples) * 5 // 4)
        self._look_again_s = self._rule.min_s if self._elapsed_s < self._rule.min_s else math.inf
        self.enough = self.enough or (self._decision.stop and self._warmup.settled)

    def _reasons(self, states: Sequence[MachineState], asked_device: str | None) -> list[str]:
        reasons = [self.problem] if self.problem else []
        settings = self.contender.settings
        reasons += device_reasons(settings, asked_device)
        if not self._count:
            return reasons or ["no samples"]
        if not self._warmup.settled and not self.problem:
            reasons.append("not settled: the level still changed in the second half")
        if not self._decision.narrow and not self.problem:
            reasons.append(f"too noisy: {self._decision.reason}")
        device = "cpu" if self._task.stage in _ON_HOST else device_of(settings)
        reasons += machine_reasons(states, os.cpu_count() or 1, device)
        if self._task.stage == "infer" and not self.problem:
            per_request = float(np.median(self._samples())) / self._task.scenario.requests(
                self._task.batch
            )
            early = left_over_reasons(self.contender.left_over_ns(_LEFT_OVER_REPEATS), per_request)
            self.returned_early = bool(early)
            reasons += early
        return reasons
