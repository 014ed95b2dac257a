"""Latency result: the raw samples of one stage of one model, and what is needed to judge them.

The samples come from several fresh processes. Every figure is the geometric mean of the processes'
own figures, and its interval is about processes. Statistics are functions of the samples, computed
when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.scenario import MIN_SAMPLES, ScenarioName
from detbench.bench.latency.stages import Stage
from detbench.bench.latency.statistics.long_run_variance import series_mean_interval
from detbench.bench.latency.statistics.percentiles import percentile, percentile_interval
from detbench.bench.latency.statistics.processes import (
    geometric_interval,
    geometric_mean,
    modes,
)
from detbench.bench.machine import MachineState, machine_records, machine_states
from detbench.bench.machine_speed.speed import MachineSpeed
from detbench.wording import plural

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
Turns = Literal["stopped", "parked", "restarted", "in_process"]
"""What the other models of a comparison do while one is timed: stopped by a signal; idle, with
their CPU time watched; not started yet, or ended; or loaded in the same process."""
Verdict = Literal["valid", "quick look", "invalid"]
SamplesNs = NDArray[np.int64]
WITHIN_ONE_PROCESS = (
    "times made within one process: intervals do not cover how much processes differ"
)
_DEVICE_STAGES = ("host_to_device", "infer", "device_to_host")
_DEVICE_DRIFT, _HOST_DRIFT = 0.01, 0.02
"""How much figures drift from one measurement to the next, as shares (see `geometric_interval`):
of stages that the runtime works on, and of those in which Python does (docs/latency.md)."""
_NO_SAMPLES = np.zeros(0, np.int64)
_NS_PER_MS, _MS_PER_S = 1e6, 1e3
_STORED_FIELDS = (
    "model",
    "stage",
    "batch",
    "scenario",
    "images_per_sample",
    "duration_s",
    "settings",
    "peak_host_bytes",
    "peak_device_bytes",
)
"""Fields that a record holds under their own name and type."""


@dataclass(frozen=True, eq=False)
class ProcessSamples:
    """The samples of one process of a model, each the time of one query, in order of time."""

    samples_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(n,) settled samples, the only ones that figures are made of."""
    warmup_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(w,) samples from before the series had settled, and those right after each wake-up."""
    set_aside_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(d,) samples of turns during which the machine was slower than at its best."""
    alone_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(a,) settled samples from while no other model was loaded; none without a comparison."""
    first_call_s: float | None = None
    """Of the stage's first call at this batch size, including compilation; None if it failed."""
    has_settled: bool = True
    """Whether the level no longer changed in the second half."""
    busy_cores_of_others: float | None = None
    """Cores that the other models kept busy during this one's turns; None if that is unknown."""

    def as_record(self) -> dict[str, Any]:
        """Return everything but the raw samples, JSON-ready, with the medians."""
        return {
            "samples": len(self.samples_ns),
            "set_aside": len(self.set_aside_ns),
            "p50_ms": _median_ms(self.samples_ns),
            "p50_alone_ms": _median_ms(self.alone_ns),
            "first_call_s": self.first_call_s,
            "busy_cores_of_others": self.busy_cores_of_others,
        }


@dataclass(frozen=True, eq=False)
class LatencyResult:
    """What was measured, and whether it is valid."""

    model: str
    stage: Stage
    batch: int
    """Images in one batch."""
    scenario: ScenarioName
    images_per_sample: int
    processes: tuple[ProcessSamples, ...] = ()
    """In order of time; those of one index ran side by side with those of the other models. One
    whose turns were all set aside has no samples."""
    turns: Turns = "in_process"
    duration_s: float = 0.0
    """From the first query to the last, including what is not timed."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Clock, device, provider, threads, streams and requests per query, JSON-ready."""
    machine: tuple[MachineState, ...] = ()
    """The machine, observed during the measurement."""
    peak_host_bytes: int | None = None
    """Peak growth of the process's memory, from before the model was loaded until its first batches
    were done."""
    peak_device_bytes: int | None = None
    """The framework's own peak; None if unknown or without a device."""
    with_slow_turns: bool = False
    """Whether samples count from while the machine was slow, because hardly any others exist."""
    machine_speed: MachineSpeed | None = None
    """The median around the turns that count; None if it was not measured."""
    reasons: tuple[str, ...] = ()
    """Why this is not valid; empty if it is."""

    @property
    def samples_ns(self) -> SamplesNs:
        """(n,) settled samples of all processes, one process after the other."""
        return np.concatenate([_NO_SAMPLES, *(one.samples_ns for one in self.processes)])

    @property
    def first_call_s(self) -> float | None:
        """The median over processes; None if all failed."""
        times_s = [one.first_call_s for one in self.processes if one.first_call_s is not None]
        return float(np.median(times_s)) if times_s else None

    @property
    def verdict(self) -> Verdict:
        """Whether the numbers may be reported.

        "quick look" is a valid series of a single process, whose interval cannot see how much
        processes differ.
        """
        if self.reasons:
            return "invalid"
        return "quick look" if len(self._settled) == 1 else "valid"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the numbers must know, valid or not."""
        remarks = []
        if len(self._settled) == 1:
            remarks.append(WITHIN_ONE_PROCESS)
        if self.two_modes and not self.reasons:
            remarks.append(f"two modes ({self.model}, {self.stage}): {self.two_modes}")
        if 0 < len(self.samples_ns) < MIN_SAMPLES:
            remarks.append(
                f"fewer than {MIN_SAMPLES} samples: intervals may be too narrow,"
                " especially those of tail percentiles"
            )
        return tuple(remarks)

    @property
    def two_modes(self) -> str:
        """Which two clusters the processes' p50s lie in; empty if they do not."""
        clusters = modes(self.process_percentiles_ms(50))
        if clusters is None:
            return ""
        low, high = clusters
        return (
            f"{plural(low.count, 'process')} near {low.center:.3g} ms,"
            f" {high.count} near {high.center:.3g} ms"
        )

    @property
    def set_aside_share(self) -> float | None:
        """The share of settled samples (0..1) that were set aside; None without any."""
        set_aside = sum(len(one.set_aside_ns) for one in self.processes)
        total = len(self.samples_ns) + set_aside
        return set_aside / total if total else None

    def process_percentiles_ms(self, q: float) -> list[float]:
        """Return the q-th percentile (0..100) of each process in ms."""
        return [percentile(samples, q) / _NS_PER_MS for samples in self._settled]

    def percentile_ms(self, q: float) -> float | None:
        """Return the geometric mean of the processes' q-th percentiles (0..100) in ms.

        None without samples.
        """
        values = self.process_percentiles_ms(q)
        return geometric_mean(values) if values else None

    def interval_ms(self, q: float, *, confidence: float = 0.95) -> tuple[float, float] | None:
        """Return the interval of the q-th percentile in ms; None with too few samples.

        It is about processes and includes the drift between measurements. With a single process it
        is about that one alone, see `percentile_interval`.
        """
        if len(self._settled) == 1:
            interval = percentile_interval(self._settled[0], q, confidence=confidence)
            return (interval[0] / _NS_PER_MS, interval[1] / _NS_PER_MS) if interval else None
        # In a shorter series the percentile is nearly the longest sample.
        min_count = 100 / (100 - q)
        if any(len(samples) < min_count for samples in self._settled):
            return None
        return self._interval(self.process_percentiles_ms(q), confidence)

    @property
    def drift(self) -> float:
        """Standard deviation, as a share, by which figures differ from one measurement to the next.

        Intervals over several processes include it.
        """
        return _DEVICE_DRIFT if self.stage in _DEVICE_STAGES else _HOST_DRIFT

    @property
    def mean_ms(self) -> float | None:
        """The geometric mean of the processes' means in ms; None without samples."""
        values = self._process_means_ms()
        return geometric_mean(values) if values else None

    def mean_interval_ms(self, *, confidence: float = 0.95) -> tuple[float, float] | None:
        """Return the interval of the mean in ms, about processes as `interval_ms`."""
        if len(self._settled) == 1:
            interval = series_mean_interval(self._settled[0], confidence=confidence)
            return (interval[0] / _NS_PER_MS, interval[1] / _NS_PER_MS) if interval else None
        return self._interval(self._process_means_ms(), confidence)

    @property
    def jitter_ms(self) -> float | None:
        """The mean absolute difference of successive samples in ms; None with fewer than two."""
        steps = [np.abs(np.diff(samples)) for samples in self._settled]
        return _mean(np.concatenate([_NO_SAMPLES, *steps]) / _NS_PER_MS)

    @property
    def throughput_per_s(self) -> float | None:
        """Images per second of timed work; None without samples."""
        mean_ms = self.mean_ms
        return self.images_per_sample * _MS_PER_S / mean_ms if mean_ms else None

    def throughput_interval(self, *, confidence: float = 0.95) -> tuple[float, float] | None:
        """Return the interval of the throughput: that of the mean, inverted end by end."""
        interval = self.mean_interval_ms(confidence=confidence)
        if interval is None or interval[0] <= 0:
            return None
        images = self.images_per_sample * _MS_PER_S
        return images / interval[1], images / interval[0]

    @property
    def _settled(self) -> list[SamplesNs]:
        """The settled samples of each process that has some."""
        return [one.samples_ns for one in self.processes if len(one.samples_ns)]

    def _process_means_ms(self) -> list[float]:
        return [float(samples.mean()) / _NS_PER_MS for samples in self._settled]

    def _interval(self, values: Sequence[float], confidence: float) -> tuple[float, float] | None:
        return geometric_interval(values, drift=self.drift, confidence=confidence)

    def summary(self) -> dict[str, Any]:
        """Return the entry of `detbench latency --json`; statistics are null without samples."""
        return {
            "model": self.model,
            "stage": self.stage,
            "batch": self.batch,
            "scenario": self.scenario,
            "p50_ms": self.percentile_ms(50),
            "p50_interval_ms": self.interval_ms(50),
            "p90_ms": self.percentile_ms(90),
            "p99_ms": self.percentile_ms(99),
            "throughput_per_s": self.throughput_per_s,
            "samples": len(self.samples_ns),
            "processes": len(self._settled),
            "process_p50_ms": self.process_percentiles_ms(50),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "remarks": list(self.remarks),
        }

    def as_record(self) -> dict[str, Any]:
        """Return everything but the raw samples, JSON-ready, with all statistics."""
        statistics = {f"p{q:g}_ms": self.percentile_ms(q) for q in PERCENTILES}
        intervals = {f"p{q:g}_interval_ms": self.interval_ms(q) for q in PERCENTILES}
        return {
            **{name: getattr(self, name) for name in _STORED_FIELDS},
            "turns": self.turns,
            **self.summary(),
            **statistics,
            **intervals,
            "mean_ms": self.mean_ms,
            "mean_interval_ms": self.mean_interval_ms(),
            "throughput_interval_per_s": self.throughput_interval(),
            "jitter_ms": self.jitter_ms,
            "first_call_s": self.first_call_s,
            "warmup_samples": sum(len(one.warmup_ns) for one in self.processes),
            "set_aside_share": self.set_aside_share,
            "with_slow_turns": self.with_slow_turns,
            "drift": self.drift,
            "by_process": [one.as_record() for one in self.processes],
            "settings": dict(self.settings),
            "machine": machine_records(self.machine),
            "machine_speed": asdict(self.machine_speed) if self.machine_speed else None,
        }

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], processes: Sequence[ProcessSamples]
    ) -> LatencyResult:
        """Read what `as_record` returned; statistics are computed from the samples.

        Records of results within one process may name neither turns nor a machine speed.
        """
        machine_speed = record.get("machine_speed")
        return cls(
            **{name: record[name] for name in _STORED_FIELDS},
            processes=tuple(processes),
            turns=record.get("turns", "in_process"),
            with_slow_turns=record.get("with_slow_turns", False),
            machine=machine_states(record["machine"]),
            machine_speed=MachineSpeed(**machine_speed) if machine_speed else None,
            reasons=tuple(record["reasons"]),
        )


def _median_ms(samples_ns: SamplesNs) -> float | None:
    return percentile(samples_ns, 50) / _NS_PER_MS if len(samples_ns) else None


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float | None:
    return float(np.mean(values)) if len(values) else None
