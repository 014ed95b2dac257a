"""`detbench latency`: times models so that the numbers can be reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from detbench.cli.shared.app import INTERRUPTED, INVALID, app
from detbench.cli.shared.command_line import passed_options
from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import check_run_folders
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.bench.latency.images import EncodedImage
    from detbench.bench.latency.local_model import LocalModel
    from detbench.bench.latency.model_specs import ModelSpec
    from detbench.bench.latency.scenario import Scenario
    from detbench.bench.latency.stages import Stage
    from detbench.bench.latency.sweep import SweepResult, TimingPlan
    from detbench.bench.latency.timed_model import TimedModel, TimingTask

_DEFAULT_MIN_S = 0.5


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
            help="Minimum seconds for each model, stage and batch size. Default: 0.5, or "
            "--max-seconds if that is less.",
            show_default=False,
        ),
    ] = None,
    max_seconds: Annotated[
        float,
        typer.Option(min=0.0, help="Maximum seconds for each model, stage and batch size."),
    ] = 10.0,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="Run each model in its own process.")
    ] = False,
    aa: Annotated[
        bool,
        typer.Option(
            "--aa", help="Measure false alarms on this machine: compare a model with itself."
        ),
    ] = False,
    repetitions: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of comparisons of --aa.")
    ] = 20,
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
    """Time models: stage by stage, interleaved, with confidence intervals.

    Unreliable times are marked invalid, with the reason. Exits with 3 if a time is invalid or a
    comparison is inconclusive.
    """
    from detbench.bench.latency.images import embedded_images, images_in
    from detbench.bench.latency.model_specs import model_specs
    from detbench.bench.latency.run_folder import latency_document, write_latency
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.sweep import TimingPlan, sweep
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
        min_s=min(_DEFAULT_MIN_S, max_seconds) if min_seconds is None else min_seconds,
        max_s=max_seconds,
        device=device,
        repetitions=repetitions if aa else None,
    )
    encoded = images_in(images) if images else embedded_images()
    with (
        _loaded(specs, encoded, isolate=isolate, twice=aa) as loaded,
        _task_progress() as on_task,
    ):
        timed = sweep(loaded, plan, on_task)
    if output:
        log(f"run: {write_latency(output, timed, options=passed_options(context))}")
    document = latency_document(timed)
    save_json(json, document)
    show_results(json, document, lambda: _result_tables(timed, plan, specs, encoded))
    for line in [*remark_lines(timed.results), *reason_lines(timed.results)]:
        log(line)
    _exit_by(timed, plan)


def _exit_by(timed: SweepResult, plan: TimingPlan) -> None:
    """Exit with another code than 0 if the sweep was interrupted, invalid or inconclusive."""
    if timed.interrupted:
        log("interrupted; the times measured so far are shown, and are not valid")
        raise typer.Exit(INTERRUPTED)
    is_aa = plan.repetitions is not None
    if plan.repetitions is not None:
        n_batches = len({result.batch for result in timed.results})
        n_planned = plan.repetitions * len(plan.stages) * n_batches
        missing = n_planned - len(timed.pairs)
        if missing > 0:
            log(f"invalid: no time for {missing} comparisons; increase --max-seconds")
            raise typer.Exit(INVALID)
    if not timed.valid or not (is_aa or timed.conclusive):
        raise typer.Exit(INVALID)


@contextmanager
def _loaded(
    specs: Sequence[ModelSpec], images: Sequence[EncodedImage], *, isolate: bool, twice: bool
) -> Iterator[list[TimedModel]]:
    """Load the models, the only one `twice` for --aa, and free them at the end."""
    from dataclasses import replace

    from detbench.bench.latency.isolated_model import IsolatedModel
    from detbench.bench.latency.local_model import load_model
    from detbench.metrics.warmup import warm_postprocessing

    warm_postprocessing(log)
    models: list[TimedModel] = []
    local: LocalModel | None = None
    copies = [replace(spec, name=f"{spec.name}, again") for spec in specs] if twice else []
    with ExitStack() as opened:
        for spec in [*specs, *copies]:
            with status(f"loading {spec.text}"):
                if isolate:
                    models.append(IsolatedModel(spec, images))
                elif local and copies:
                    models.append(local.with_own_batches(spec.name))
                else:
                    local = load_model(spec, images)
                    models.append(local)
            opened.callback(models[-1].close)
        yield models


@contextmanager
def _task_progress() -> Iterator[Callable[[TimingTask], None]]:
    """Yield a function that shows the present task, on a terminal only."""
    with ExitStack() as progress:

        def on_task(task: TimingTask) -> None:
            progress.close()
            progress.enter_context(status(f"timing {task.stage}, batch {task.batch}"))

        yield on_task


def _result_tables(
    timed: SweepResult,
    plan: TimingPlan,
    specs: Sequence[ModelSpec],
    images: Sequence[EncodedImage],
) -> list[RenderableType]:
    from detbench.reports.terminal.latency import (
        CAPTION,
        comparison_table,
        false_alarm_lines,
        latency_table,
        settings_lines,
    )

    kind = "embedded images" if images[0].name.startswith("embedded") else "images"
    names = ", ".join(spec.name for spec in specs)
    parts = [plan.scenario.name, *_query_texts(plan.scenario), f"{len(images)} {kind}"]
    tables: list[RenderableType] = [
        f"{names}: {', '.join(parts)}",
        latency_table(timed.results),
        CAPTION,
        *settings_lines(timed.results),
    ]
    if plan.repetitions is not None:
        tables += false_alarm_lines(timed.pairs)
    elif timed.pairs:
        tables += ["", comparison_table(timed.pairs)]
    return tables


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
    from detbench.bench.latency.sweep import ALWAYS_TIMED

    names: list[Any] = [] if text is None else text.split(",")
    if text == "all":
        names = list(STAGES)
    if unknown := [name for name in names if name not in STAGES]:
        raise DetbenchError(
            f"unknown stage {unknown[0]!r}; choose from {', '.join(STAGES)}, or all"
        )
    more = [stage for stage in STAGES if stage in names and stage not in ALWAYS_TIMED]
    return (*ALWAYS_TIMED, *more)
