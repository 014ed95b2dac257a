"""`detbench history`: what runs came to over commits, kept in one plain file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from detbench.cli.shared.app import app
from detbench.cli.shared.console import log, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths
from detbench.errors import DetbenchError, InputError

history_app = typer.Typer(
    help="Keep what runs came to over commits.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(history_app, name="history")
HistoryFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="The history: JSON, a line for each run.", show_default=False
    ),
]
Detector = Annotated[
    str | None, typer.Option("--name", help="Only runs of this detector.", show_default=False)
]
_MOST_MEASURES = 3
_ONLY_THESE = "Only these, in this order. Default:"


@history_app.command("add")
def add_command(
    file: HistoryFile,
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)
    ],
    branch: Annotated[str | None, typer.Option(help="Of the commit.", show_default=False)] = None,
    commit: Annotated[
        str | None, typer.Option(help="Default: the one that the run recorded.", show_default=False)
    ] = None,
    verdict: Annotated[
        Literal["passed", "failed", "inconclusive"] | None,
        typer.Option(help="What the gate said.", show_default=False),
    ] = None,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="Read the verdict from what `detbench gate --json` wrote.", show_default=False
        ),
    ] = None,
) -> None:
    """Add runs; of one that is there already, only what is new: a verdict, or another folder."""
    from detbench.bench.history import add, entry_of
    from detbench.bench.runs import read_run
    from detbench.metrics.warmup import warm_scoring
    from detbench.reports.one_line import one_line

    if verdict and gate:
        raise DetbenchError("--verdict and --gate both say what the gate said; give one of them")
    check_output_paths([file], [], [*runs, *([gate] if gate else [])])
    warm_scoring(log)
    for folder in runs:
        with status(f"reading {folder}"):
            run = read_run(folder)
            outcome = _outcome(gate, run.detections.digest) if gate else verdict
            entry = entry_of(run, file, commit=commit, branch=branch, verdict=outcome)
        added = add(file, entry)
        log(
            one_line(
                f"{file}: {entry.name} at {entry.commit or 'no commit'}{'' if added else ' is there already'}"
            )
        )


@history_app.command("show")
def show_command(
    file: HistoryFile,
    measure: Annotated[
        list[str] | None,
        typer.Option(help=f"{_ONLY_THESE} the first {_MOST_MEASURES}.", show_default=False),
    ] = None,
    name: Detector = None,
    json: JsonTarget = None,
) -> None:
    """Show runs, oldest first."""
    import msgspec

    from detbench.bench.history import read_history
    from detbench.bench.results import SCHEMA_VERSION
    from detbench.reports.terminal.history import history_table

    check_output_paths(json_files(json), [], [file])
    entries = [entry for entry in read_history(file) if name in (None, entry.name)]
    known = list(dict.fromkeys(one for entry in entries for one in entry.measures))
    _check_measures(measure or (), known)
    document = {"schema_version": SCHEMA_VERSION, "runs": msgspec.to_builtins(entries)}
    save_json(json, document, "history")
    table = history_table(entries, measure or known[:_MOST_MEASURES])
    show_results(json, document, lambda: [table])


@history_app.command("plot")
def plot_command(
    file: HistoryFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Where MEASURE.png goes.", show_default=False
        ),
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option(help=f"{_ONLY_THESE} every one that a run has.", show_default=False),
    ] = None,
    name: Detector = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw on dark paper.")] = False,
) -> None:
    """Draw measures over commits, with their intervals."""
    from detbench.bench.history import history_frame
    from detbench.reports.plots.figure_files import file_stems, save_figures
    from detbench.reports.plots.history import trend

    check_output_paths([], [output], [file])
    frame = history_frame(file)
    if frame.empty:
        raise InputError(
            file,
            "has no run with measures, so there is nothing to draw",
            fix="add runs with `detbench history add`",
        )
    if name and not frame["name"].eq(name).any():
        raise DetbenchError(
            f"the history has no run of {name!r}, but of {', '.join(frame['name'].unique())}"
        )
    frame = frame[frame["name"] == name] if name else frame
    known = list(dict.fromkeys(frame["measure"]))
    _check_measures(measure or (), known)
    theme: Literal["light", "dark"] = "dark" if dark else "light"
    asked = measure or known
    stems = file_stems(asked)
    figures = {stems[one]: (lambda one=one: trend(frame, one, theme=theme)) for one in asked}
    with status("drawing"):
        drawn = save_figures(
            figures, output, theme=theme, names=[*map(str, frame["name"].unique())]
        )
    log(f"plots: {len(drawn)} files in {output}")


def _check_measures(asked: list[str] | tuple[str, ...], known: list[str]) -> None:
    if unknown := [one for one in asked if one not in known]:
        raise DetbenchError(
            f"no run of the history has {unknown[0]!r}; the measures there are {', '.join(known) or 'none'}"
        )


def _outcome(file: Path, detections: str) -> Literal["passed", "failed", "inconclusive"]:
    """Return the outcome that a gate's JSON has, which must be about these detections."""
    import msgspec

    from detbench.bench.gate.gate import GateResult

    try:
        result = msgspec.json.decode(file.read_bytes(), type=GateResult)
    except OSError as error:
        raise InputError(
            file, f"cannot be read: {error.strerror}", fix="`detbench gate --json` writes one"
        ) from error
    except msgspec.DecodeError as error:
        raise InputError(file, f"is not what `detbench gate --json` writes: {error}") from error
    if result.candidate.digests.get("detections") != detections:
        raise InputError(file, "is about another run", fix="gate this run, or give its own file")
    return result.outcome
