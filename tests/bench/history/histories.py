"""Helpers for tests of histories: a run folder, and its entries with changes."""

from dataclasses import replace

from detbench.bench.history.entry import history_entry
from detbench.bench.runs import read_run, write_run
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.simulated_runs import latency_of, random_images, run_of

IMAGES = random_images(20)
DATE = "2026-11-21T10:00:00+00:00"


def write_finder(folder):
    """Write a run of `finder` with a valid and an invalid latency."""
    detections = replace(run_of(IMAGES).detections, name="finder")
    return write_run(
        folder,
        evaluate(IMAGES, detections, "voc2007"),
        options={},
        latency=[latency_of(name="finder"), latency_of(stage="end_to_end", reasons=("hot",))],
    )


def entry_of(
    history, folder, *, date=DATE, commit="c1", branch="main", verdict="passed", name="finder"
):
    """Return the entry of a run folder, as if it had been recorded at `date` by `name`."""
    run = read_run(folder)
    run.record["created"] = date
    run = replace(run, detections=replace(run.detections, name=name))
    return history_entry(run, history, commit=commit, branch=branch, verdict=verdict)
