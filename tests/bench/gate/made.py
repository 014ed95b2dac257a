"""Runs made for the gate's tests: many small images, detections of a chosen quality, times drawn by chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.bench.latency.result import LatencyResult
from detbench.bench.results import protocol_record
from detbench.bench.runs import Run, write_run
from detbench.data.detections import Detections
from detbench.data.shapes import shapes_detections
from detbench.metrics.protocols.protocol import protocol_named
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import truth

CPU = {"cpu": "a CPU", "cores": 2, "gpus": []}


def images(count=150, classes=("cat", "dog", "cow"), seed=1):
    """Return ground truth of two objects an image."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 80, (2 * count, 2))
    boxes = np.hstack([corner, corner + rng.uniform(15, 60, (2 * count, 2))])
    rows = list(
        zip(
            np.repeat(np.arange(count), 2).tolist(),
            rng.integers(0, len(classes), 2 * count).tolist(),
            boxes.tolist(),
            strict=True,
        )
    )
    return truth(rows, classes, count)


def run(ground_truth, found=0.8, *, protocol="voc2007", latency=(), environment=CPU, seed=0) -> Run:
    """Return a run that no folder holds; `found` are detections, or the quality of simulated ones."""
    detections = (
        found if isinstance(found, Detections) else shapes_detections(ground_truth, found, seed)
    )
    rules = protocol_named(protocol) if isinstance(protocol, str) else protocol
    record = {
        "options": {"effective": {"protocol": protocol_record(rules)}},
        "environment": environment,
        "created": "2026-11-21T10:00:00+00:00",
    }
    return Run(Path("runs") / detections.name, record, ground_truth, detections, tuple(latency))


def timed(
    scale=1.0,
    *,
    stage="infer",
    scenario="single_stream",
    count=4000,
    seed=0,
    name="model",
    **changes,
) -> LatencyResult:
    """Return independent times around 5 ms times `scale`."""
    rng = np.random.default_rng([seed, round(scale * 1000)])
    samples = (5e6 * scale * (1 + rng.gamma(0.5, 0.05, count))).astype(np.int64)
    columns = {
        "settings": {"device": "cpu", "provider": "CPUExecutionProvider"},
        "samples_ns": samples,
    } | changes
    return LatencyResult(name, stage, 1, scenario, 1, **columns)


def write_runs(folder):
    """Write runs that a gate compares: `good`, `bad` on the same images, `elsewhere` on others; return the folder."""
    truth, other = images(60), images(61)
    for name, quality in (("good", 0.95), ("bad", 0.3)):
        found = replace(run(truth, quality).detections, name="finder")
        write_run(folder / name, evaluate(truth, found, "voc2007"), options={})
    write_run(folder / "elsewhere", evaluate(other, run(other).detections, "voc2007"), options={})
    return folder
