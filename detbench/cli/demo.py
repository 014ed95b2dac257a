"""`detbench demo`: the main job on a dataset made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.app import app
from detbench.cli.steps import chosen_protocol, evaluate_all, load_all, tables
from detbench.cli.talk import show, status, talk


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where dataset, detections, results and plots go.")] = Path(
        "demo"
    ),
) -> None:
    """Run the main job on a made dataset.

    Makes a small dataset of shapes, scores three detectors on it, compares them and draws their curves.
    The detections are simulated, to show the way from files to numbers; they are no model's.
    """
    from detbench.bench.demo import demo_files
    from detbench.bench.results import results_document
    from detbench.bench.runs import write_json
    from detbench.reports.plots import save_plots

    with status("making the shapes dataset"):
        dataset, results = demo_files(folder)
    truth, found = load_all(dataset, results, [None] * len(results), split="test")
    evaluations = evaluate_all(truth, found, chosen_protocol(truth, "voc2007"), None)
    coco = evaluate_all(truth, found, chosen_protocol(truth, "coco"), None)
    show(*tables(evaluations), *tables(coco)[:2])
    write_json(folder / "results.json", results_document(evaluations))
    with status("drawing"):
        drawn = save_plots(evaluations, folder / "plots")
    talk(f"dataset: {dataset}\nresults: {folder / 'results.json'}\nplots: {len(drawn)} files in {folder / 'plots'}")
    talk(f"again:   detbench eval {dataset} {' '.join(map(str, results))} --plots {folder / 'plots'}")
