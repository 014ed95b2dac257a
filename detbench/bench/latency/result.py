"""LatencyResult: the raw samples of one stage of one model, with everything needed to judge them; statistics are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.percentiles import interval, percentile
from detbench.bench.latency.scenario import FEWEST_SAMPLES, Name
from detbench.bench.latency.stages import Stage
from detbench.bench.machine import MachineState, machine_record, machine_states

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
SamplesNs = NDArray[np.int64]
_NONE = np.zeros(0, np.int64)
_NS_PER_MS, _NS_PER_S = 1e6, 1e9


@dataclass(frozen=True, eq=False)
class LatencyResult:
    """What was measured, and whether it may be quoted."""

    model: str
    stage: Stage
    batch: int
    """Pictures in one request."""
    scenario: Name
    pictures_per_sample: int
    warmup_ns: SamplesNs = field(default_factory=lambda: _NONE)
    """(w,) what came before the series had settled, in order of time."""
    samples_ns: SamplesNs = field(default_factory=lambda: _NONE)
    """(n,) times of one query each, in order of time."""
    first_call_s: float | None = None
    """Of the stage's very first call at this batch size, compilation included; None where it did not come to one."""
    duration_s: float = 0.0
    """From the first query to the last one, with what lies between them."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Clock, device, provider, threads, streams and queries, JSON-ready."""
    machine: tuple[MachineState, ...] = ()
    """Looks at the machine while this was measured."""
    peak_host_bytes: int | None = None
    """How far the process's memory grew at its peak, from before the model was loaded to the end of its first requests."""
    peak_device_bytes: int | None = None
    """The framework's own peak; None where it does not say or there is no device."""
    reasons: tuple[str, ...] = ()
    """Why this must not be quoted; empty if it may."""

    @property
    def verdict(self) -> Literal["valid", "invalid"]:
        """Whether the numbers may be quoted."""
        return "invalid" if self.reasons else "valid"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said beside the numbers, valid or not."""
        few = 0 < len(self.samples_ns) < FEWEST_SAMPLES
        return (
            (
                f"fewer than {FEWEST_SAMPLES} samples: intervals may be too narrow, above all of tail percentiles",
            )
            if few
            else ()
        )

    def percentile_ms(self, q: float) -> float | None:
        """Return the q-th percentile (0..100) in ms; None without samples."""
        return percentile(self.samples_ns, q) / _NS_PER_MS if len(self.samples_ns) else None

    def interval_ms(self, q: float) -> tuple[float, float] | None:
        """Return the 95 % interval of the q-th percentile in ms; None where the samples are too few for it."""
        found = interval(self.samples_ns, q)
        return (found[0] / _NS_PER_MS, found[1] / _NS_PER_MS) if found else None

    @property
    def mean_ms(self) -> float | None:
        """The mean in ms; None without samples."""
        return float(self.samples_ns.mean()) / _NS_PER_MS if len(self.samples_ns) else None

    @property
    def jitter_ms(self) -> float | None:
        """The mean absolute difference of successive samples in ms; None with fewer than two."""
        return (
            float(np.abs(np.diff(self.samples_ns)).mean()) / _NS_PER_MS
            if len(self.samples_ns) > 1
            else None
        )

    @property
    def throughput_per_s(self) -> float | None:
        """Pictures per second of timed work; None without samples."""
        total_ns = int(self.samples_ns.sum())
        return (
            self.pictures_per_sample * len(self.samples_ns) * _NS_PER_S / total_ns
            if total_ns
            else None
        )

    def summary(self) -> dict[str, Any]:
        """Return what `detbench latency --json` says of it; null where there are no samples."""
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
        """Return everything but the raw samples, JSON-ready, with all statistics; `from_record` reads it back."""
        statistics = {f"p{q:g}_ms": self.percentile_ms(q) for q in PERCENTILES}
        intervals = {f"p{q:g}_interval_ms": self.interval_ms(q) for q in PERCENTILES}
        return {
            **self.summary(),
            **statistics,
            **intervals,
            "mean_ms": self.mean_ms,
            "jitter_ms": self.jitter_ms,
            "pictures_per_sample": self.pictures_per_sample,
            "warmup_samples": len(self.warmup_ns),
            "first_call_s": self.first_call_s,
            "duration_s": self.duration_s,
            "settings": dict(self.settings),
            "machine": machine_record(self.machine),
            "peak_host_bytes": self.peak_host_bytes,
            "peak_device_bytes": self.peak_device_bytes,
        }

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], warmup_ns: SamplesNs, samples_ns: SamplesNs
    ) -> LatencyResult:
        """Read what `as_record` wrote; the statistics are those of the samples, whatever the record says."""
        plain = (
            "model",
            "stage",
            "batch",
            "scenario",
            "pictures_per_sample",
            "first_call_s",
            "duration_s",
            "settings",
        )
        return cls(
            **{name: record[name] for name in plain},
            warmup_ns=warmup_ns,
            samples_ns=samples_ns,
            machine=machine_states(record["machine"]),
            peak_host_bytes=record["peak_host_bytes"],
            peak_device_bytes=record["peak_device_bytes"],
            reasons=tuple(record["reasons"]),
        )
