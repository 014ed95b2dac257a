"""`detbench latency`: times models so that the numbers can be reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from detbench.cli.shared.app import INTERRUPTED, INVALID, app
from detbench.cli.shared.command_line import passed_options
from detbench.cli.shared.console import log
from detbench.cli.shared.detector_names import check_run_folders
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.timing import Processes, timing_progress
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.bench.latency.assembly import SweepResult
    from detbench.bench.latency.images import EncodedImage
    from detbench.bench.latency.scenario import Scenario
    from detbench.bench.latency.stages import Stage
    from detbench.bench.latency.timing_plan import TimingPlan

_IN_PROCESS = (
    "models share this process: their idle threads disturb each other;"
    " times are not those of each model alone"
)


@app.command("latency")
def latency_command(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="ADAPTER:PATH[,OPTION=VALUE...]; several are compared with each other.",
            show_default=False,
        ),
    ],
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="N[,N...]",
            help="Images per batch. Default: the batch size of the model, else 1.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        Literal["cpu", "gpu"] | None,
        typer.Option(help="Device to run on. Default: the model's own.", show_default=False),
    ] = None,
    scenario: Annotated[
        Literal["single_stream", "multi_stream", "offline"],
        typer.Option(help="Load pattern, as in MLPerf."),
    ] = "single_stream",
    query_images: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Images per query of multi_stream. Default: 8.",
            show_default=False,
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="S[,S...]|all",
            help="Stages besides infer and end_to_end: preprocess, host_to_device, device_to_host, "
            "postprocess.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Image folder. Default: embedded images.", show_default=False
        ),
    ] = None,
    min_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Minimum seconds for each model, stage and batch size, over all processes. "
            "Default: 0.5, or --max-seconds if that is less.",
            show_default=False,
        ),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Maximum seconds for each model, stage and batch size, over all processes. "
            "Default: 6, or less if loading takes most of a minute.",
            show_default=False,
        ),
    ] = None,
    processes: Processes = None,
    patience: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.0,
            help="Additional seconds to replace processes that met only a slow or busy machine.",
        ),
    ] = 0.0,
    turns: Annotated[
        Literal["stopped", "in_process", "restarted"],
        typer.Option(
            help="State of the other models while one is timed: stopped, loaded in this process, "
            "or not loaded."
        ),
    ] = "stopped",
    loaded: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Maximum number of models in memory at once. Default: all.",
            show_default=False,
        ),
    ] = None,
    aa: Annotated[
        bool,
        typer.Option(
            "--aa", help="Measure false alarms on this machine: compare a model with itself."
        ),
    ] = False,
    repetitions: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of measurements of --aa.")
    ] = 4,
    json: JsonTarget = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write a run folder with the raw samples.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Time models in fresh processes, one awake at a time, with confidence intervals.

    Unreliable times are marked invalid, with the reason. Exits with 3 if a time is invalid or a
    comparison is inconclusive.
    """
    from detbench.bench.latency.images import embedded_images, images_in
    from detbench.bench.latency.measurement import measure
    from detbench.bench.latency.model_specs import model_specs
    from detbench.bench.latency.run_folder import latency_document, write_latency
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.timing_plan import TimingPlan
    from detbench.cli.shared.output_paths import model_path
    from detbench.reports.terminal.latency import reason_lines, remark_lines

    specs = model_specs(models, device)
    inputs = [*map(model_path, models), *([images] if images else [])]
    _check_outputs(json_files(json), output, inputs)
    if aa and len(specs) > 1:
        raise DetbenchError(f"--aa compares one model with itself, got {len(specs)}; give one")
    plan = TimingPlan(
        stages=_stages(stage),
        batches=_batches(batch),
        scenario=scenario_named(scenario, query_images),
        min_s=min_seconds,
        max_s=max_seconds,
        device=device,
        processes=processes,
        patience_s=patience,
        turns=turns,
        loaded=loaded,
    )
    encoded = images_in(images) if images else embedded_images()
    title = _title([spec.name for spec in specs], plan.scenario, encoded)
    if aa:
        specs = [*specs, *(replace(spec, name=f"{spec.name}, again") for spec in specs)]
    n_repetitions = repetitions if aa else 1
    names = [spec.name for spec in specs]
    with timing_progress(names, plan, repetitions=n_repetitions) as progress:
        timed = measure(specs, encoded, plan, progress, repetitions=n_repetitions)
    if output:
        log(f"run: {write_latency(output, timed, options=passed_options(context))}")
    document = latency_document(timed)
    save_json(json, document)
    show_results(json, document, lambda: [title, *_result_tables(timed, plan, is_aa=aa)])
    for line in [*remark_lines(timed.results), *reason_lines(timed.results)]:
        log(line)
    _exit_by(timed, plan, repetitions if aa else None)


def _exit_by(timed: SweepResult, plan: TimingPlan, repetitions: int | None) -> None:
    """Exit with another code than 0 if the sweep was interrupted, invalid or inconclusive.

    Args:
        timed: All times.
        plan: Of the measurement.
        repetitions: Of the comparison of a model with itself; None if there is none.
    """
    if timed.interrupted:
        log("interrupted; the times measured so far are shown, and are not valid")
        raise typer.Exit(INTERRUPTED)
    if repetitions is not None:
        n_batches = len({result.batch for result in timed.results})
        n_compared = sum(pair.comparison.processes > 0 for pair in timed.pairs)
        missing = repetitions * len(plan.stages) * n_batches - n_compared
        if missing > 0:
            log(f"invalid: no time for {missing} comparisons; increase --max-seconds")
            raise typer.Exit(INVALID)
    if not timed.valid or (repetitions is None and not timed.conclusive):
        raise typer.Exit(INVALID)


def _result_tables(timed: SweepResult, plan: TimingPlan, *, is_aa: bool) -> list[RenderableType]:
    from detbench.reports.terminal.latency import (
        CAPTION,
        comparison_table,
        false_alarm_lines,
        latency_table,
        settings_lines,
    )

    tables: list[RenderableType] = [
        latency_table(timed.results),
        CAPTION,
        *settings_lines(timed.results),
    ]
    if plan.turns == "in_process" and len({result.model for result in timed.results}) > 1:
        tables.append(_IN_PROCESS)
    if is_aa:
        tables += false_alarm_lines(timed.pairs)
    elif timed.pairs:
        tables += ["", comparison_table(timed.pairs)]
    return tables


def _title(names: Sequence[str], scenario: Scenario, images: Sequence[EncodedImage]) -> str:
    kind = "embedded images" if images[0].name.startswith("embedded") else "images"
    parts = [scenario.name, *_query_texts(scenario), f"{len(images)} {kind}"]
    return f"{', '.join(names)}: {', '.join(parts)}"


def _query_texts(scenario: Scenario) -> list[str]:
    """Return what one time is of, if that is more than one batch."""
    if scenario.images_per_query is not None:
        return [f"each time is of {scenario.images_per_query} images"]
    if scenario.batches_per_query > 1:
        return [f"each time is of {scenario.batches_per_query} batches"]
    return []


def _check_outputs(files: Sequence[Path], folder: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse, before any work is done, outputs that cannot be written or would replace an input."""
    from detbench.data.files import check_writable

    if folder:
        check_writable(folder, folder=True)
        check_run_folders(folder.parent, [folder.name])
    check_output_paths(files, [folder] if folder else [], inputs)


def _batches(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise DetbenchError(
            f"--batch takes whole numbers separated by commas, got {text!r}"
        ) from None


def _stages(text: str | None) -> tuple[Stage, ...]:
    """Return infer and end_to_end, then the requested stages in the order of a request."""
    from detbench.bench.latency.stages import STAGES
    from detbench.bench.latency.timing_plan import ALWAYS_TIMED

    names: list[Any] = [] if text is None else text.split(",")
    if text == "all":
        names = list(STAGES)
    if unknown := [name for name in names if name not in STAGES]:
        raise DetbenchError(
            f"unknown stage {unknown[0]!r}; choose from {', '.join(STAGES)}, or all"
        )
    more = [stage for stage in STAGES if stage in names and stage not in ALWAYS_TIMED]
    return (*ALWAYS_TIMED, *more)
