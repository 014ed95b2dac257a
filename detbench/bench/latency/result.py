"""Latency result: the raw samples of one stage of one model, and what is needed to judge them.

Statistics are functions of the samples, computed when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.scenario import MIN_SAMPLES, ScenarioName
from detbench.bench.latency.stages import Stage
from detbench.bench.latency.statistics.percentiles import percentile, percentile_interval
from detbench.bench.machine import MachineState, machine_records, machine_states

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
SamplesNs = NDArray[np.int64]
_NO_SAMPLES = np.zeros(0, np.int64)
_NS_PER_MS, _NS_PER_S = 1e6, 1e9
_STORED_FIELDS = (
    "model",
    "stage",
    "batch",
    "scenario",
    "images_per_sample",
    "first_call_s",
    "duration_s",
    "settings",
    "peak_host_bytes",
    "peak_device_bytes",
)
"""Fields that a record holds under their own name and type."""


@dataclass(frozen=True, eq=False)
class LatencyResult:
    """What was measured, and whether it is valid."""

    model: str
    stage: Stage
    batch: int
    """Images in one batch."""
    scenario: ScenarioName
    images_per_sample: int
    warmup_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(w,) samples from before the series had settled, in order of time."""
    samples_ns: SamplesNs = field(default_factory=lambda: _NO_SAMPLES)
    """(n,) times of one query each, in order of time."""
    first_call_s: float | None = None
    """Of the stage's first call at this batch size, including compilation; None if it failed."""
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
    reasons: tuple[str, ...] = ()
    """Why this is not valid; empty if it is."""

    @property
    def verdict(self) -> Literal["valid", "invalid"]:
        """Whether the numbers may be reported."""
        return "invalid" if self.reasons else "valid"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the numbers must know, valid or not."""
        if not 0 < len(self.samples_ns) < MIN_SAMPLES:
            return ()
        remark = (
            f"fewer than {MIN_SAMPLES} samples: intervals may be too narrow,"
            " especially those of tail percentiles"
        )
        return (remark,)

    def percentile_ms(self, q: float) -> float | None:
        """Return the q-th percentile (0..100) in ms; None without samples."""
        return percentile(self.samples_ns, q) / _NS_PER_MS if len(self.samples_ns) else None

    def interval_ms(self, q: float) -> tuple[float, float] | None:
        """Return the 95% interval of the q-th percentile in ms; None with too few samples."""
        interval = percentile_interval(self.samples_ns, q)
        return (interval[0] / _NS_PER_MS, interval[1] / _NS_PER_MS) if interval else None

    @property
    def mean_ms(self) -> float | None:
        """The mean in ms; None without samples."""
        return float(self.samples_ns.mean()) / _NS_PER_MS if len(self.samples_ns) else None

    @property
    def jitter_ms(self) -> float | None:
        """The mean absolute difference of successive samples in ms; None with fewer than two."""
        if len(self.samples_ns) < 2:
            return None
        return float(np.abs(np.diff(self.samples_ns)).mean()) / _NS_PER_MS

    @property
    def throughput_per_s(self) -> float | None:
        """Images per second of timed work; None without samples."""
        total_ns = int(self.samples_ns.sum())
        if not total_ns:
            return None
        return self.images_per_sample * len(self.samples_ns) * _NS_PER_S / total_ns

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
            **self.summary(),
            **statistics,
            **intervals,
            "mean_ms": self.mean_ms,
            "jitter_ms": self.jitter_ms,
            "warmup_samples": len(self.warmup_ns),
            "settings": dict(self.settings),
            "machine": machine_records(self.machine),
        }

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], warmup_ns: SamplesNs, samples_ns: SamplesNs
    ) -> LatencyResult:
        """Read what `as_record` returned; statistics are computed from the samples."""
        return cls(
            **{name: record[name] for name in _STORED_FIELDS},
            warmup_ns=warmup_ns,
            samples_ns=samples_ns,
            machine=machine_states(record["machine"]),
            reasons=tuple(record["reasons"]),
        )
