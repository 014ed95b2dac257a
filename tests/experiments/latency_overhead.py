"""What the suite itself costs: the time between two requests, of a model that only spins.

python tests/experiments/latency_overhead.py

A whole measurement runs, with rounds, looks at the machine, the search for warm-up and the stopping rule; the model notes when each of its
calls begins and ends, and what lies between the end of one and the beginning of the next is the suite's.
"""

from __future__ import annotations

import os
import time

import numpy as np

from detbench.adapters.detector import Batch
from detbench.bench.environment import environment
from detbench.bench.latency.contender import LocalContender, Task
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.interleave import measure
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.stopping import StoppingRule
from detbench.bench.machine import MachineWatch

SECONDS = 5.0
SPIN_NS = (100_000, 1_000_000)


class Spinner:
    """A detector whose model spins for a time and notes when."""

    class_names, input_size, batch_size = ("a",), (8, 8), None

    def __init__(self, kind, spin_ns):
        self.name, self.spin_ns = kind, spin_ns
        self.settings = {"adapter": "onnx"} if kind == "onnxruntime" else {"backend": kind}
        self.stamps = []

    def preprocess(self, pictures):
        return Batch(np.zeros((len(pictures), 1)), ())

    def to_device(self, batch):
        return batch.inputs

    def infer(self, inputs):
        begun = time.perf_counter_ns()
        while (now := time.perf_counter_ns()) < begun + self.spin_ns:
            pass
        self.stamps.append((begun, now))
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
    """Return what lies between the end of each request and the beginning of the next, in µs."""
    detector = Spinner(kind, spin_ns)
    contender = LocalContender(detector, embedded_images(4))
    rule = StoppingRule(relative_width=0.0, min_s=SECONDS, max_s=SECONDS)
    detector.stamps.clear()
    measure([contender], Task("infer", 1, SINGLE_STREAM), rule, MachineWatch())
    stamps = np.array(detector.stamps[20:-20])
    return (stamps[1:, 0] - stamps[:-1, 1]) / 1e3


def main():
    found = environment()
    print(
        f"{found.cpu}, {found.cores} cores, Python {found.python}, load {os.getloadavg()[0]:.1f}\n"
    )
    print(
        "| clock | model µs | samples | between two requests µs: median | p99 | share of all time |\n|---|---|---|---|---|---|"
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
