"""`detbench history`: results of runs across commits, in one plain file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from detbench.cli.shared.app import app
from detbench.cli.shared.console import log, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    import pandas as pd

history_app = typer.Typer(
    help="Track results across commits.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(history_app, name="history")
HistoryFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="History file: one line of JSON per run.", show_default=False
    ),
]
DetectorName = Annotated[
    str | None, typer.Option("--name", help="Only runs of this detector.", show_default=False)
]
GateOutcome = Literal["passed", "failed", "inconclusive"]
_MAX_MEASURES = 3


@history_app.command("add")
def add_command(
    file: HistoryFile,
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)
    ],
    branch: Annotated[
        str | None, typer.Option(help="Branch to record for the runs.", show_default=False)
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(
            help="Commit to record. Default: the commit stored in the run.", show_default=False
        ),
    ] = None,
    verdict: Annotated[
        GateOutcome | None, typer.Option(help="Verdict of the gate.", show_default=False)
    ] = None,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="Read the verdict from a JSON file of `detbench gate --json`.", show_default=False
        ),
    ] = None,
) -> None:
    """Add runs to a history.

    A run that is already in the history is added again only with a new verdict or folder.
    """
    from detbench.bench.history.entry import history_entry
    from detbench.bench.history.history_file import add_entry
    from detbench.bench.runs import read_run
    from detbench.metrics.warmup import warm_scoring
    from detbench.wording import one_line

    if verdict and gate:
        raise DetbenchError("--verdict and --gate cannot be combined; give one of them")
    check_output_paths([file], [], [*runs, *([gate] if gate else [])])
    warm_scoring(log)
    for folder in runs:
        with status(f"reading {folder}"):
            run = read_run(folder)
            outcome = _outcome(gate, run.detections.digest) if gate else verdict
            entry = history_entry(run, file, commit=commit, branch=branch, verdict=outcome)
        action = "added" if add_entry(file, entry) else "already in the history:"
        commit_text = f"commit {entry.commit}" if entry.commit else "no commit"
        log(one_line(f"{file}: {action} {entry.name}, {commit_text}"))


@history_app.command("show")
def show_command(
    file: HistoryFile,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only these measures, in this order. Default: the first {_MAX_MEASURES}.",
            show_default=False,
        ),
    ] = None,
    name: DetectorName = None,
    json: JsonTarget = None,
) -> None:
    """Show runs, oldest first."""
    import msgspec

    from detbench.bench.history.history_file import read_history
    from detbench.data.schema_version import SCHEMA_VERSION
    from detbench.reports.terminal.history import history_table

    check_output_paths(json_files(json), [], [file])
    entries = [entry for entry in read_history(file) if name in (None, entry.name)]
    measures = list(dict.fromkeys(name for entry in entries for name in entry.measures))
    _check_measures(measure or (), measures)
    document = {"schema_version": SCHEMA_VERSION, "runs": msgspec.to_builtins(entries)}
    save_json(json, document, "history")
    table = history_table(entries, measure or measures[:_MAX_MEASURES])
    show_results(json, document, lambda: [table])


@history_app.command("plot")
def plot_command(
    file: HistoryFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for the plots, one MEASURE.png each.",
            show_default=False,
        ),
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these measures. Default: every measure of the runs.", show_default=False
        ),
    ] = None,
    name: DetectorName = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw on a dark background.")] = False,
) -> None:
    """Draw measures across commits, with their intervals."""
    from detbench.reports.plots.figure_files import file_stems, save_figures
    from detbench.reports.plots.history import trend

    check_output_paths([], [output], [file])
    frame = _frame(file, name)
    measures = list(dict.fromkeys(frame["measure"]))
    _check_measures(measure or (), measures)
    theme: Literal["light", "dark"] = "dark" if dark else "light"
    chosen = measure or measures
    stems = file_stems(chosen)
    figures = {
        stems[title]: (lambda title=title: trend(frame, title, theme=theme)) for title in chosen
    }
    names = [*map(str, frame["name"].unique())]
    with status("drawing"):
        files = save_figures(figures, output, theme=theme, names=names)
    log(f"plots: {len(files)} files in {output}")


def _frame(file: Path, name: str | None) -> pd.DataFrame:
    """Return the history as a table, of one detector if it is named; never empty."""
    from detbench.bench.history.frame import history_frame

    frame = history_frame(file)
    if frame.empty:
        fix = "add runs with `detbench history add`"
        raise InputError(file, "has no runs with measures to draw", fix=fix)
    if name is None:
        return frame
    if not frame["name"].eq(name).any():
        names = ", ".join(frame["name"].unique())
        raise DetbenchError(f"the history has no run of {name!r}; its detectors are {names}")
    return frame[frame["name"] == name]


def _check_measures(requested: Sequence[str], measures: Sequence[str]) -> None:
    if unknown := [measure for measure in requested if measure not in measures]:
        raise DetbenchError(
            f"no run in the history has {unknown[0]!r};"
            f" the measures are {', '.join(measures) or 'none'}"
        )


def _outcome(file: Path, digest: str) -> GateOutcome:
    """Return the outcome in a gate's JSON, which must be about the detections of this digest."""
    import msgspec

    from detbench.bench.gate.gate import GateResult
    from detbench.bench.schema_upgrades import upgraded_gate_result
    from detbench.data.formats.parsing.json_text import json_value

    fix = "name a file that `detbench gate --json` wrote"
    try:
        document = upgraded_gate_result(json_value(file.read_bytes()), file)
        result = msgspec.convert(document, GateResult)
    except OSError as error:
        raise InputError(file, f"cannot be read: {error.strerror}", fix=fix) from error
    except msgspec.MsgspecError as error:
        raise InputError(file, f"is not the result of a gate: {error}", fix=fix) from error
    if result.candidate.digests.get("detections") != digest:
        raise InputError(
            file, "belongs to another run", fix="gate this run, or name the file of its own gate"
        )
    return result.outcome
