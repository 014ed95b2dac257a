"""Simulated runs for tests of the gate: small images, detections of known quality, random times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.bench.gate.rules import Rule, parse_rules
from detbench.bench.latency.result import LatencyResult
from detbench.bench.results import protocol_record
from detbench.bench.runs import Run, write_run
from detbench.data.detections import Detections
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.latency.process_samples import processes_of
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import truth

CPU = {"cpu": "a CPU", "cores": 2, "gpus": []}
RULES_FILE = Path("gate.toml")


def rule_of(text) -> Rule:
    """Return the rule of a TOML table."""
    (rule,) = parse_rules(f"[[rule]]\n{text}", RULES_FILE)
    return rule


def random_images(count=150, classes=("cat", "dog", "cow"), seed=1):
    """Return ground truth with two objects per image."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 80, (2 * count, 2))
    boxes = np.hstack([corner, corner + rng.uniform(15, 60, (2 * count, 2))])
    image_index = np.repeat(np.arange(count), 2).tolist()
    class_index = rng.integers(0, len(classes), 2 * count).tolist()
    rows = list(zip(image_index, class_index, boxes.tolist(), strict=True))
    return truth(rows, classes, count)


def run_of(
    ground_truth, detections=0.8, *, protocol="voc2007", latency=(), environment=CPU, seed=0
) -> Run:
    """Return a run without a folder; `detections` may be the quality of simulated ones."""
    if not isinstance(detections, Detections):
        detections = simulated_detections(ground_truth, detections, seed)
    switches = protocol_named(protocol) if isinstance(protocol, str) else protocol
    record = {
        "options": {"effective": {"protocol": protocol_record(switches)}},
        "environment": environment,
        "created": "2026-11-21T10:00:00+00:00",
    }
    return Run(Path("runs") / detections.name, record, ground_truth, detections, tuple(latency))


def latency_of(
    scale=1.0,
    *,
    stage="infer",
    scenario="single_stream",
    count=4000,
    seed=0,
    name="model",
    processes=5,
    **changes,
) -> LatencyResult:
    """Return independent times around 5 ms times `scale`, shared by a number of processes."""
    rng = np.random.default_rng([seed, round(scale * 1000)])
    samples = (5e6 * scale * (1 + rng.gamma(0.5, 0.05, count))).astype(np.int64)
    columns = {
        "settings": {"device": "cpu", "provider": "CPUExecutionProvider"},
        "processes": processes_of(samples, processes) if isinstance(processes, int) else processes,
    } | changes
    return LatencyResult(name, stage, 1, scenario, 1, **columns)


def write_runs(folder):
    """Write runs to gate and return their folder: `good`, `bad` on the same images, `elsewhere`."""
    images, other_images = random_images(60), random_images(61)
    for name, quality in (("good", 0.95), ("bad", 0.3)):
        detections = replace(run_of(images, quality).detections, name="finder")
        write_run(folder / name, evaluate(images, detections, "voc2007"), options={})
    evaluation = evaluate(other_images, run_of(other_images).detections, "voc2007")
    write_run(folder / "elsewhere", evaluation, options={})
    return folder
