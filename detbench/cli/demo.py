"""`detbench demo`: the main job on a dataset made on the spot, with the shipped models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from detbench.cli.shared.app import app
from detbench.cli.shared.comparing import recorded, run_model, written
from detbench.cli.shared.steps import (
    chosen_protocol,
    evaluate_all,
    intervals_of,
    load_dataset,
    tables,
)
from detbench.cli.shared.talk import show, status, talk
from detbench.errors import DetbenchError

_LATENCY_S = 1.0
"""Of timing for each model and stage, at most."""


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where everything goes.")
    ] = Path("demo"),
) -> None:
    """Run the main job on a made dataset.

    Makes a small dataset of shapes, runs the shipped models over it (an own YOLO, its ONNX export, a KerasHub RetinaNet), scores them by
    VOC 2007 and COCO, times them, and writes curves, pictures with boxes and the page.
    """
    from detbench.bench.demo import demo_dataset, demo_models
    from detbench.bench.results import results_document
    from detbench.bench.runs import write_json
    from detbench.reports.frames import frames

    specs, missing = demo_models()
    for name, install in missing.items():
        talk(f"left out: {name}, which needs: {install}")
    if not specs:
        raise DetbenchError(
            "none of the shipped models can run here; install one of the above, or all: pip install 'detbench[keras,onnx]'"
        )
    with status("making the shapes dataset"):
        dataset = demo_dataset(folder)
    truth = load_dataset(dataset, split="test", images=None)
    options: dict[str, Any] = {"batch": 8, "readers": 2, "allow_broken": False, "cached": False}
    found = [
        run_model(spec, truth, allow_unmapped=False, name=name, **options)
        for name, spec in specs.items()
    ]
    evaluations = evaluate_all(truth, found, chosen_protocol(truth, "voc2007"), None)
    coco = evaluate_all(truth, found, chosen_protocol(truth, "coco"), None)
    known = intervals_of(evaluations, wanted=True)
    runs = recorded(
        folder / "runs", evaluations, known, specs, _LATENCY_S, {"command": "detbench demo"}
    )
    compared = frames(runs)
    show(*tables(evaluations, known, compared.ranking), *tables(coco)[:2])
    write_json(
        folder / "results.json", results_document(evaluations, known, ranked=compared.ranking)
    )
    again = [
        "detbench",
        "compare",
        str(dataset),
        *specs.values(),
        "--split",
        "test",
        "-o",
        str(folder / "again"),
    ]
    again += [part for name in specs for part in ("--name", name)]
    talk(f"dataset: {dataset}\nresults: {folder / 'results.json'}")
    written(folder / "report.html", compared, 60, shlex.join(again), plots=folder / "plots")
    talk(f"again:   {shlex.join(again)}")
