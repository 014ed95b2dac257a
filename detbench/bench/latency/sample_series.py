"""Sample series: the samples of one model as they arrive, and the result that they make."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from detbench.bench.latency.result import LatencyResult, SamplesNs
from detbench.bench.latency.statistics.stopping import StoppingDecision, StoppingRule
from detbench.bench.latency.statistics.warmup import Warmup, find_warmup
from detbench.bench.latency.timed_model import Preparation, SampleSlice, TimedModel, TimingTask
from detbench.bench.latency.validity import (
    device_of,
    device_reasons,
    machine_reasons,
    synchronization_reasons,
)
from detbench.bench.machine import MachineState

MAX_SAMPLES = 1_000_000
_NS_PER_S = 1e9
_FETCH_REPEATS = 5
_HOST_STAGES = ("preprocess", "postprocess")


class SampleSeries:
    """One model's samples of one task, round by round."""

    def __init__(self, model: TimedModel, task: TimingTask, rule: StoppingRule) -> None:
        self.model, self._task, self._rule = model, task, rule
        self.preparation: Preparation = model.prepare(task)
        self.problem = self.preparation.problem
        self.rounds: list[SamplesNs] = []
        self.is_complete = bool(self.problem)
        self.returned_early = False
        """Whether `result` found that the clock had stopped before the device was done."""
        self.ns_per_sample = 0.0
        """Of the last round, including what is not timed; 0 before the first round."""
        self._count = self._elapsed_ns = self._next_check = 0
        self._check_at_s = math.inf
        self._warmup = Warmup(0, False)
        self._decision = StoppingDecision(False, "", False, 0)

    @property
    def out_of_time(self) -> bool:
        """Whether the rule's maximum time, or the maximum number of samples, is used up."""
        return self._elapsed_s >= self._rule.max_s or self._count >= MAX_SAMPLES

    def add(self, piece: SampleSlice) -> None:
        """Append a round, and check whether there are enough samples."""
        if len(piece.samples_ns):
            self.rounds.append(piece.samples_ns)
            self.ns_per_sample = piece.elapsed_ns / len(piece.samples_ns)
        self._count += len(piece.samples_ns)
        self._elapsed_ns += piece.elapsed_ns
        self.problem = self.problem or piece.problem
        if self._is_check_due():
            self._check()

    def settled_rounds(self) -> list[SamplesNs]:
        """Return the rounds that lie completely after the warm-up."""
        starts = np.cumsum([0, *map(len, self.rounds)])[:-1]
        return [
            samples
            for start, samples in zip(starts, self.rounds, strict=True)
            if start >= self._warmup.count
        ]

    def result(self, states: Sequence[MachineState], requested_device: str | None) -> LatencyResult:
        """Return what was measured, with every reason why it is not valid."""
        self._check()
        samples, warmup_count = self._samples(), self._warmup.count
        preparation, task = self.preparation, self._task
        return LatencyResult(
            model=self.model.name,
            stage=task.stage,
            batch=task.batch,
            scenario=task.scenario.name,
            images_per_sample=task.batch * task.scenario.requests(task.batch),
            warmup_ns=samples[:warmup_count],
            samples_ns=samples[warmup_count:],
            first_call_s=preparation.first_call_s,
            duration_s=self._elapsed_s,
            settings=preparation.settings,
            machine=tuple(states),
            peak_host_bytes=preparation.peak_host_bytes,
            peak_device_bytes=preparation.peak_device_bytes,
            reasons=tuple(self._reasons(states, requested_device)),
        )

    def _samples(self) -> SamplesNs:
        return np.concatenate([np.zeros(0, np.int64), *self.rounds])

    @property
    def _elapsed_s(self) -> float:
        return self._elapsed_ns / _NS_PER_S

    def _is_check_due(self) -> bool:
        """Return whether a check can lead to another decision than the last one."""
        return (
            bool(self.problem)
            or self.out_of_time
            or self._count >= self._next_check
            or self._elapsed_s >= self._check_at_s
        )

    def _check(self) -> None:
        """Find the warm-up, and apply the stopping rule to what follows it."""
        samples = self._samples()
        if len(samples) and not samples.any():
            self.problem = self.problem or f"the clock did not advance in {len(samples):,} samples"
        self.is_complete = bool(self.problem) or self.out_of_time
        if not samples.any():
            return
        self._warmup = find_warmup(samples)
        self._decision = self._rule.decide(samples[self._warmup.count :], self._elapsed_s)
        # The warm-up is searched again only after 25% more samples: each search is linear in them.
        self._next_check = max(
            self._warmup.count + self._decision.next_check, len(samples) * 5 // 4
        )
        is_before_minimum = self._elapsed_s < self._rule.min_s
        self._check_at_s = self._rule.min_s if is_before_minimum else math.inf
        can_stop = self._decision.stop and self._warmup.settled
        self.is_complete = self.is_complete or can_stop

    def _reasons(self, states: Sequence[MachineState], requested_device: str | None) -> list[str]:
        reasons = [self.problem] if self.problem else []
        settings = self.model.settings
        reasons += device_reasons(settings, requested_device)
        if not self._count:
            return reasons or ["no samples"]
        if not self._warmup.settled and not self.problem:
            reasons.append("not settled: the level still changed in the second half")
        if not self._decision.precise and not self.problem:
            reasons.append(f"too noisy: {self._decision.reason}")
        device = "cpu" if self._task.stage in _HOST_STAGES else device_of(settings)
        reasons += machine_reasons(states, os.cpu_count() or 1, device)
        if self._task.stage == "infer" and not self.problem:
            reasons += self._synchronization_reasons()
        return reasons

    def _synchronization_reasons(self) -> list[str]:
        n_requests = self._task.scenario.requests(self._task.batch)
        request_ns = float(np.median(self._samples())) / n_requests
        reasons = synchronization_reasons(self.model.fetch_times_ns(_FETCH_REPEATS), request_ns)
        self.returned_early = bool(reasons)
        return reasons
