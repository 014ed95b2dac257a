"""`detbench eval`: score detections against ground truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.app import AllowUnknown, DatasetPath, Difficult, Images, OnlyPresent, Split, app
from detbench.cli.steps import check_run_folders, chosen_protocol, evaluate_all, given_names, load_all, tables, warn_of_suspicions
from detbench.cli.talk import show, status, talk
from detbench.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.metrics.evaluation import Evaluation


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="comp3/comp4 folder, COCO results .json, YOLO text folder, or our .parquet; one for each detector.", show_default=False
        ),
    ],
    protocol: Annotated[str | None, typer.Option(help="coco, voc2007 or voc2012. Default: the dataset's own.", show_default=False)] = None,
    split: Split = None,
    images: Images = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name of a detector, in the order of the files. Default: file or folder name.", show_default=False),
    ] = None,
    difficult: Annotated[
        Difficult | None, typer.Option(help="What difficult objects do. Default: the protocol's rule.", show_default=False)
    ] = None,
    strict_overlap: Annotated[bool, typer.Option("--strict-overlap", help="A match needs IoU > threshold instead of >=.")] = False,
    no_plus_one: Annotated[
        bool, typer.Option("--no-plus-one", help="Measure VOC boxes as xmax − xmin, one pixel too small (the common slip).")
    ] = False,
    iou: Annotated[
        str | None, typer.Option(metavar="T[,T...]", help="IoU thresholds instead of the protocol's.", show_default=False)
    ] = None,
    max_detections: Annotated[
        str | None, typer.Option(metavar="N[,N...]", help="Detections per image and class instead of the protocol's.", show_default=False)
    ] = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write the results as JSON; - prints them and nothing else.", show_default=False)
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw precision-recall curves, one file per class.", show_default=False)
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Score the same boxes with pycocotools too and print the largest difference.")
    ] = False,
    conventions: Annotated[bool, typer.Option("--conventions", help="Show the score under every convention in use.")] = False,
    runs: Annotated[
        Path | None, typer.Option("-o", "--runs", metavar="DIR", help="Write a run folder for each detector.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for scoring. Default: all.", show_default=False)] = None,
) -> None:
    """Score detections against ground truth and compare detectors."""
    from detbench.bench.results import results_document
    from detbench.bench.runs import json_bytes, write_json, write_run

    names = given_names(detections, name)
    file = None if json in (None, "-") else Path(json)
    _check_targets(file, [folder for folder in (plots, runs) if folder], [ground_truth, *detections])
    truth, found = load_all(
        ground_truth, detections, names, split=split, images=images, only_present=only_present, allow_unknown=allow_unknown
    )
    if runs:
        check_run_folders(runs, [detector.name for detector in found])
    rules = chosen_protocol(
        truth, protocol, difficult=difficult, strict_overlap=strict_overlap, no_plus_one=no_plus_one, iou=iou, max_detections=max_detections
    )
    evaluations = evaluate_all(truth, found, rules, threads)
    shown: list[RenderableType] = [*tables(evaluations)]
    extra: list[dict[str, Any]] = [{} for _ in evaluations]
    for evaluation, more in zip(evaluations, extra, strict=True):
        if conventions:
            shown += _conventions(evaluation, more)
        if audit:
            shown += _audit(evaluation, more)

    document = results_document(evaluations, extra)
    if file:
        write_json(file, document)
        talk(f"results: {file}")
    if plots:
        from detbench.reports.plots import save_plots

        with status("drawing"):
            drawn = save_plots(evaluations, plots)
        talk(f"plots: {len(drawn)} files in {plots}")
    if runs:
        passed = {option: _plain(value) for option, value in context.params.items()}
        for evaluation in evaluations:
            talk(f"run: {write_run(runs / evaluation.detections.name, evaluation, options=passed)}")
    warn_of_suspicions(document)
    if json == "-":
        sys.stdout.buffer.write(json_bytes(document))
    else:
        show(*shown)


def _check_targets(file: Path | None, folders: list[Path], inputs: list[Path]) -> None:
    """Refuse, before any work is done, targets that can never be written, that are one another, or that are an input."""
    from detbench.data.files import check_place

    for folder in folders:
        check_place(folder, folder=True)
    if file:
        check_place(file, folder=False)
    targets = [*([file] if file else []), *folders]
    for place, target in enumerate(targets):
        if any(target.absolute() == other.absolute() for other in targets[:place]):
            raise InputError(target, "is the target of two options", fix="name a place of its own for each")
        if any(target.absolute() == given.absolute() for given in inputs):
            raise InputError(target, "is an input and would be replaced", fix="name another place")


def _conventions(evaluation: Evaluation, record: dict[str, Any]) -> list[RenderableType]:
    """Score under every convention, add it to the record, and return what to show."""
    from detbench.bench.results import convention_records
    from detbench.metrics.conventions import coco_numbers, convention_table
    from detbench.reports.terminal import convention_grid, convention_lines

    rows = convention_table(evaluation.ground_truth, evaluation.detections)
    coco = coco_numbers(evaluation.ground_truth, evaluation.detections)
    record.update(convention_records(rows, coco))
    above, below = convention_lines(evaluation.detections.name, coco)
    return [above, convention_grid(rows), below]


def _audit(evaluation: Evaluation, record: dict[str, Any]) -> list[RenderableType]:
    """Score with pycocotools, add the differences to the record, and return what to show."""
    from dataclasses import asdict

    from detbench.metrics.audit import audit
    from detbench.reports.terminal import audit_lines

    with status(f"scoring {evaluation.detections.name} with pycocotools"):
        outcome = audit(evaluation.ground_truth, evaluation.detections)
    record["audit"] = asdict(outcome)
    return ["\n".join(audit_lines(evaluation.detections.name, outcome))]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
