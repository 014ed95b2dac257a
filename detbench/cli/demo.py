"""`detbench demo`: a whole comparison on a synthetic dataset, with the shipped models."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.shared.app import app
from detbench.cli.shared.console import log, show, status
from detbench.cli.shared.loading import load_dataset
from detbench.cli.shared.prediction import run_model
from detbench.cli.shared.recording import record_runs
from detbench.cli.shared.report_files import EXAMPLE_IMAGES, ReportFiles
from detbench.cli.shared.scoring import (
    evaluate_all,
    evaluation_tables,
    intervals_of,
    protocol_from_options,
)
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth

_LATENCY_S = 2.5
"""Maximum seconds of timing for each model and stage, over all processes."""
_PROCESSES = 5
"""Fresh processes of each model, as few as a figure needs that may be quoted."""


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for all output.")
    ] = Path("demo"),
) -> None:
    """Run a whole comparison on a synthetic dataset.

    Generates a small dataset of shapes and runs the shipped models on it: detbench's own YOLO,
    its ONNX export and a KerasHub RetinaNet. Scores them with the VOC 2007 and COCO protocols,
    times them, and writes plots, example images and the page.
    """
    from detbench.bench.demo import demo_dataset
    from detbench.bench.json_documents import write_json
    from detbench.bench.latency.timing_plan import TimingPlan
    from detbench.bench.results import results_document
    from detbench.metrics.scoring.suspicions import find_suspicions
    from detbench.reports.frames import frames

    specs = _available_models()
    with status("generating the shapes dataset"):
        dataset = demo_dataset(folder)
    ground_truth = load_dataset(dataset, split="test", images=None)
    detections = _run_models(specs, ground_truth)
    voc2007 = protocol_from_options(ground_truth, "voc2007")
    evaluations = evaluate_all(ground_truth, detections, voc2007, None)
    coco = protocol_from_options(ground_truth, "coco")
    coco_evaluations = evaluate_all(ground_truth, detections, coco, None)
    intervals = intervals_of(evaluations, wanted=True)
    suspicions = [find_suspicions(evaluation) for evaluation in evaluations]
    runs = record_runs(
        folder / "runs",
        evaluations,
        intervals,
        specs,
        plan=TimingPlan(max_s=_LATENCY_S, processes=_PROCESSES),
        options={"command": "detbench demo"},
        suspicions=suspicions,
    )
    tables = frames(runs)
    show(
        *evaluation_tables(evaluations, intervals, tables.ranking),
        *evaluation_tables(coco_evaluations)[:2],
    )
    results = folder / "results.json"
    document = results_document(
        evaluations, intervals, ranking=tables.ranking, suspicions=suspicions
    )
    write_json(results, document)
    log(f"dataset: {dataset}\nresults: {results}")
    command = _compare_command(dataset, specs, folder / "again")
    report = ReportFiles(folder / "report.html", plots=folder / "plots")
    report.write(tables, command=command, example_images=EXAMPLE_IMAGES)
    log(f"again:   {command}")


def _available_models() -> dict[str, str]:
    """Return the specs of the shipped models that can run here, by name; print the others."""
    from detbench.bench.demo import demo_models

    specs, missing = demo_models()
    for name, install in missing.items():
        log(f"left out: {name}; to run it: {install}")
    if not specs:
        raise DetbenchError(
            "no shipped model can run here; install one of the above, "
            "or all: pip install 'detbench[keras,onnx]'"
        )
    return specs


def _run_models(specs: Mapping[str, str], ground_truth: GroundTruth) -> list[Detections]:
    options: dict[str, Any] = {"batch": 8, "readers": 2, "allow_broken": False, "cached": False}
    return [
        run_model(spec, ground_truth, allow_unmapped=False, name=name, **options)
        for name, spec in specs.items()
    ]


def _compare_command(dataset: Path, specs: Mapping[str, str], output: Path) -> str:
    """Return the command line of the same comparison."""
    names = [part for name in specs for part in ("--name", name)]
    command = ["detbench", "compare", str(dataset), *specs.values(), "--split", "test"]
    return shlex.join([*command, "-o", str(output), *names])
