"""Measure the overhead of the latency suite: the time between two requests.

    python -m tests.experiments.latency_overhead

A complete measurement runs with turns, machine monitoring, warm-up detection and stopping rule.
The model only spins and records the start and end of each call. The time between the end of one
call and the start of the next is the overhead.
"""

from __future__ import annotations

import os
import time

import numpy as np

from detbench.adapters.detector import Batch
from detbench.bench.environment import environment
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.local_model import LocalModel
from detbench.bench.latency.sources import LoadedSource
from detbench.bench.latency.sweep import sweep
from detbench.bench.latency.timing_plan import TimingPlan

SECONDS = 5.0
SPIN_NS = (100_000, 1_000_000)


class Spinner:
    """A detector whose model spins for a given time and records when."""

    class_names, input_size, batch_size = ("a",), (8, 8), None

    def __init__(self, kind, spin_ns):
        self.name, self.spin_ns = kind, spin_ns
        self.settings = {"adapter": "onnx"} if kind == "onnxruntime" else {"backend": kind}
        self.stamps = []

    def preprocess(self, images):
        return Batch(np.zeros((len(images), 1)), ())

    def to_device(self, batch):
        return batch.inputs

    def infer(self, inputs):
        started = time.perf_counter_ns()
        while (now := time.perf_counter_ns()) < started + self.spin_ns:
            pass
        self.stamps.append((started, now))
        return inputs

    def to_host(self, outputs):
        return [outputs]

    def postprocess(self, outputs, batch):
        return []

    def synchronize(self):
        pass

    def close(self):
        pass


def gaps_us(kind, spin_ns):
    """Return the time between the end of each request and the start of the next, in µs."""
    detector = Spinner(kind, spin_ns)
    model = LocalModel(detector, embedded_images(4))
    plan = TimingPlan(stages=("infer",), min_s=SECONDS, max_s=SECONDS, turns="in_process")
    sweep([LoadedSource(model)], plan)
    stamps = np.array(detector.stamps[20:-20])
    return (stamps[1:, 0] - stamps[:-1, 1]) / 1e3


def main():
    machine = environment()
    print(
        f"{machine.cpu}, {machine.cores} cores, Python {machine.python}, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    print(
        "| clock | model µs | samples | between two requests µs: median | p99 | share of time |\n"
        "|---|---|---|---|---|---|"
    )
    for kind in ("cpu", "onnxruntime", "tensorflow", "jax"):
        for spin_ns in SPIN_NS:
            try:
                between = gaps_us(kind, spin_ns)
            except ImportError:
                continue
            share = between.sum() / (between.sum() + len(between) * spin_ns / 1e3)
            values = f"{np.median(between):.2f} | {np.percentile(between, 99):.2f} | {share:.1%}"
            print(f"| {kind} | {spin_ns / 1e3:,.0f} | {len(between):,} | {values} |")


if __name__ == "__main__":
    main()
