"""`detbench plan`: what a dataset can show, from the detections at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import (
    AllowUnknown,
    DatasetPath,
    Groups,
    Images,
    OnlyPresent,
    Split,
    app,
)
from detbench.cli.shared.console import status
from detbench.cli.shared.detector_names import detector_names
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_inputs
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.scoring import evaluate_all, protocol_from_options
from detbench.errors import DetbenchError


@app.command("plan")
def plan_command(
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="Of one detector, or of the two that are to be compared: as for `detbench eval`.",
            show_default=False,
        ),
    ],
    measure: Annotated[
        str | None,
        typer.Option(
            help="As `detbench eval` names it. Default: the protocol's first.", show_default=False
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS", help="Say how many images show this difference.", show_default=False
        ),
    ] = None,
    power: Annotated[
        float, typer.Option(help="Probability that a true difference is called.")
    ] = 0.8,
    level: Annotated[
        float, typer.Option(help="Probability that a difference is called where there is none.")
    ] = 0.05,
    correlation: Annotated[
        float | None,
        typer.Option(
            help="Assumed between one detector and its rival, over draws of images. Default: 0.7.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="coco, voc2007 or voc2012. Default: the dataset's own.", show_default=False
        ),
    ] = None,
    split: Split = None,
    images: Images = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name of a detector, in the order of the files.", show_default=False),
    ] = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    replicates: Annotated[int, typer.Option(min=2, help="Draws of images.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Names the draws.")] = 0,
    groups: Groups = None,
    json: JsonTarget = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: all.", show_default=False)
    ] = None,
) -> None:
    """Say how small a difference this dataset can show, and how many images a difference needs."""
    from detbench.bench.plan import plan_document
    from detbench.metrics.uncertainty.power import plan
    from detbench.metrics.uncertainty.replicates import resample
    from detbench.reports.terminal.plan import plan_lines, plan_table

    if len(detections) > 2:
        raise DetbenchError(
            f"a plan starts from one detector or from two that are to be compared, got {len(detections)}"
        )
    check_output_paths(json_files(json), [], [ground_truth, *detections, *filter(None, [groups])])
    names = detector_names(detections, name)
    truth, found = load_inputs(
        ground_truth,
        detections,
        names,
        split=split,
        images=images,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    rules = protocol_from_options(truth, protocol)
    asked = rules.measure(measure) if measure else rules.measures[0]
    evaluations = evaluate_all(truth, found, rules, threads)
    with status("drawing images"):
        drawn = resample(evaluations, [asked], replicates=replicates, seed=seed, threads=threads)
    resampled = [each[0] for each in drawn]
    planned = plan(
        resampled,
        len(truth.image_ids),
        difference=None if difference is None else difference / 100,
        power=power,
        level=level,
        correlation=correlation,
    )
    document = plan_document(planned, evaluations, resampled)
    save_json(json, document, "plan")
    lines, table = plan_lines(planned, resampled, truth), plan_table(planned)
    show_results(json, document, lambda: [*lines, table])
