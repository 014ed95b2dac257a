"""`detbench latency` and `detbench env`: time models, and show the machine that they are timed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from detbench.cli.shared.app import INTERRUPTED, app
from detbench.cli.shared.command_line import passed_options
from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import check_run_folders
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.bench.latency.contender import Contender, LocalContender, Task
    from detbench.bench.latency.images import EncodedImage
    from detbench.bench.latency.models import Model
    from detbench.bench.latency.scenario import Scenario
    from detbench.bench.latency.sweep import Plan, Timed

INVALID = 3
"""Exit code where a number must not be quoted or a comparison came to no end."""
_LEAST_S = 0.5


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
            help="Pictures per batch. Default: the model's own, else 1.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        Literal["cpu", "gpu"] | None,
        typer.Option(help="Default: the model's own.", show_default=False),
    ] = None,
    scenario: Annotated[
        Literal["single_stream", "multi_stream", "offline"],
        typer.Option(help="How requests come, as in MLPerf."),
    ] = "single_stream",
    query_pictures: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Pictures per query of multi_stream. Default: 8.",
            show_default=False,
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="S[,S...]|all",
            help="preprocess, host_to_device, device_to_host, postprocess, beside infer and end_to_end, which are always timed.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Pictures to run on. Default: embedded ones.", show_default=False
        ),
    ] = None,
    min_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Of each model, stage and batch size at least. Default: 0.5, or --max-seconds.",
            show_default=False,
        ),
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(min=0.0, help="Of each model, stage and batch size at most.")
    ] = 10.0,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="Run each model in a process of its own.")
    ] = False,
    aa: Annotated[
        bool,
        typer.Option(
            "--aa",
            help="Compare a model with itself, again and again: false alarms on this machine.",
        ),
    ] = False,
    repetitions: Annotated[int, typer.Option(metavar="N", min=1, help="Comparisons of --aa.")] = 20,
    json: JsonTarget = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write record and raw samples as a run folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Time models: stage by stage, interleaved, with intervals, and with the reasons where a number must not be quoted."""
    from detbench.bench.latency.folder import latency_document, write_latency
    from detbench.bench.latency.images import embedded_images, images_of
    from detbench.bench.latency.models import models_of
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.sweep import Plan, sweep
    from detbench.cli.shared.output_paths import model_path
    from detbench.reports.terminal.latency import reason_lines, remark_lines

    chosen = models_of(models, device)
    _check_targets(
        json_files(json), output, [*map(model_path, models), *([images] if images else [])]
    )
    if aa and len(chosen) > 1:
        raise DetbenchError("--aa compares one model with itself; give one")
    plan = Plan(
        stages=_stages(stage),
        batches=_batches(batch),
        scenario=scenario_named(scenario, query_pictures),
        min_s=min(_LEAST_S, max_seconds) if min_seconds is None else min_seconds,
        max_s=max_seconds,
        device=device,
        repetitions=repetitions if aa else None,
    )
    pictures = images_of(images) if images else embedded_images()
    with (
        _contenders(chosen, pictures, isolate=isolate, twice=aa) as contenders,
        _shown_tasks() as on_task,
    ):
        timed = sweep(contenders, plan, on_task)
    if output:
        log(f"run: {write_latency(output, timed, options=passed_options(context))}")
    document = latency_document(timed)
    save_json(json, document)
    show_results(json, document, lambda: _result_tables(timed, plan, chosen, pictures, aa=aa))
    for line in [*remark_lines(timed.results), *reason_lines(timed.results)]:
        log(line)
    if timed.interrupted:
        log("interrupted; what was measured so far is shown, and is not valid")
        raise typer.Exit(INTERRUPTED)
    if (
        aa
        and (
            missing := repetitions
            * len(plan.stages)
            * len({result.batch for result in timed.results})
            - len(timed.pairs)
        )
        > 0
    ):
        log(f"invalid: {missing} comparisons found no time; give more --max-seconds")
        raise typer.Exit(INVALID)
    if not timed.valid or not (aa or timed.decided):
        raise typer.Exit(INVALID)


@contextmanager
def _contenders(
    models: Sequence[Model], images: Sequence[EncodedImage], *, isolate: bool, twice: bool
) -> Iterator[list[Contender]]:
    """Load the models, `twice` the only one, and free them in the end."""
    from dataclasses import replace

    from detbench.bench.latency.models import load_contender
    from detbench.bench.latency.worker import WorkerContender
    from detbench.metrics.warmup import warm_postprocessing

    warm_postprocessing(log)
    contenders: list[Contender] = []
    loaded: LocalContender | None = None
    again = [replace(model, name=f"{model.name}, again") for model in models] if twice else []
    with ExitStack() as opened:
        for model in [*models, *again]:
            with status(f"loading {model.spec}"):
                if isolate:
                    contenders.append(WorkerContender(model, images))
                else:
                    loaded = (
                        loaded.again(model.name)
                        if loaded and again
                        else load_contender(model, images)
                    )
                    contenders.append(loaded)
            opened.callback(contenders[-1].close)
        yield contenders


@contextmanager
def _shown_tasks() -> Iterator[Any]:
    """Yield what shows the task at hand, on a terminal only."""
    with ExitStack() as shown:

        def on_task(task: Task) -> None:
            shown.close()
            shown.enter_context(status(f"timing {task.stage}, batch {task.batch}"))

        yield on_task


def _result_tables(
    timed: Timed, plan: Plan, models: Sequence[Model], images: Sequence[EncodedImage], *, aa: bool
) -> list[RenderableType]:
    from detbench.reports.terminal.latency import (
        CAPTION,
        alarm_lines,
        comparison_table,
        latency_table,
        settings_lines,
    )

    of = f"{_query(plan.scenario)}{len(images)} {'embedded pictures' if images[0].name.startswith('embedded') else 'pictures'}"
    tables: list[RenderableType] = [
        f"{', '.join(model.name for model in models)}: {plan.scenario.name}, {of}",
        latency_table(timed.results),
        CAPTION,
        *settings_lines(timed.results),
    ]
    if aa:
        tables += alarm_lines(timed.pairs)
    elif timed.pairs:
        tables += ["", comparison_table(timed.pairs)]
    return tables


def _query(scenario: Scenario) -> str:
    """Return what one time is of, where that is more than one batch."""
    if scenario.pictures_per_query is not None:
        return f"times are of {scenario.pictures_per_query} pictures, "
    return (
        f"times are of {scenario.batches_per_query} batches, "
        if scenario.batches_per_query > 1
        else ""
    )


def _check_targets(files: Sequence[Path], folder: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse, before any work is done, targets that cannot be written or would replace an input."""
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
            f"--batch takes whole numbers separated by commas, not {text!r}"
        ) from None


def _stages(text: str | None) -> Any:
    """Return infer and end_to_end, then the others that were asked for, in the order of the way through the model."""
    from detbench.bench.latency.stages import STAGES
    from detbench.bench.latency.sweep import SIDE_BY_SIDE

    asked = list(STAGES) if text == "all" else [] if text is None else text.split(",")
    if unknown := [stage for stage in asked if stage not in STAGES]:
        raise DetbenchError(f"unknown stage {unknown[0]!r}; known are {', '.join(STAGES)}, and all")
    return (
        *SIDE_BY_SIDE,
        *(stage for stage in STAGES if stage in asked and stage not in SIDE_BY_SIDE),
    )


@app.command("env")
def environment_command(json: JsonTarget = None) -> None:
    """Show what numbers depend on: machine, clocks, load, GPU and library versions."""
    from dataclasses import asdict

    from detbench.bench.environment import environment
    from detbench.bench.machine import machine_now
    from detbench.bench.results import SCHEMA_VERSION
    from detbench.reports.terminal.latency import environment_lines

    check_output_paths(json_files(json), [], [])
    with status("looking at the machine"):
        found, now = environment(), machine_now()
    document = {
        "schema_version": SCHEMA_VERSION,
        "environment": found.as_dict(),
        "machine": asdict(now),
    }
    save_json(json, document, "environment")
    show_results(json, document, lambda: environment_lines(found, now))
