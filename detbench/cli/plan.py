"""`detbench plan`: the differences that a dataset can show, from the detections at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import (
    AllowUnknown,
    DatasetPath,
    Groups,
    Images,
    Names,
    OnlyPresent,
    ProtocolName,
    Split,
    Threads,
    app,
)
from detbench.cli.shared.console import status
from detbench.cli.shared.detector_names import detector_names
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_inputs
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.scoring import evaluate_all, protocol_from_options
from detbench.errors import DetbenchError

_MAX_DETECTORS = 2


@app.command("plan")
def plan_command(
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="Detections of one detector, or of the two to compare, as for `detbench eval`.",
            show_default=False,
        ),
    ],
    measure: Annotated[
        str | None,
        typer.Option(
            help="A measure of `detbench eval`. Default: the first of the protocol.",
            show_default=False,
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Also print the number of images needed to detect this difference.",
            show_default=False,
        ),
    ] = None,
    power: Annotated[float, typer.Option(help="Probability of detecting a true difference.")] = 0.8,
    level: Annotated[
        float, typer.Option(help="Significance level: probability of a false alarm.")
    ] = 0.05,
    correlation: Annotated[
        float | None,
        typer.Option(
            help="Assumed correlation with a second detector, if only one is given. Default: 0.7.",
            show_default=False,
        ),
    ] = None,
    protocol: ProtocolName = None,
    split: Split = None,
    images: Images = None,
    name: Names = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    resamples: Annotated[int, typer.Option(min=2, help="Number of bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    groups: Groups = None,
    json: JsonTarget = None,
    threads: Threads = None,
) -> None:
    """Estimate the smallest detectable difference and the number of images needed."""
    from detbench.bench.plan import plan_document
    from detbench.metrics.uncertainty.power import power_analysis
    from detbench.metrics.uncertainty.replicates import resample
    from detbench.reports.terminal.plan import plan_lines, plan_table

    if len(detections) > _MAX_DETECTORS:
        raise DetbenchError(
            f"got detections of {len(detections)} detectors; give one, or the two to compare"
        )
    check_output_paths(json_files(json), [], [ground_truth, *detections, *filter(None, [groups])])
    dataset, detectors = load_inputs(
        ground_truth,
        detections,
        detector_names(detections, name),
        split=split,
        images=images,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    rules = protocol_from_options(dataset, protocol)
    measures = [rules.measure(measure) if measure else rules.measures[0]]
    evaluations = evaluate_all(dataset, detectors, rules, threads)
    with status("resampling images"):
        by_detector = resample(
            evaluations, measures, resamples=resamples, seed=seed, threads=threads
        )
    replicates = [by_measure[0] for by_measure in by_detector]
    analysis = power_analysis(
        replicates,
        len(dataset.image_ids),
        difference=None if difference is None else difference / 100,
        power=power,
        level=level,
        correlation=correlation,
    )
    document = plan_document(analysis, evaluations, replicates)
    save_json(json, document, "plan")
    lines, table = plan_lines(analysis, replicates, dataset), plan_table(analysis)
    show_results(json, document, lambda: [*lines, table])
