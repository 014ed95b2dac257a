"""`detbench history`: what runs came to over commits, kept in one plain file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from detbench.cli.app import app
from detbench.cli.talk import show, status, talk
from detbench.errors import DetbenchError, InputError

history_app = typer.Typer(help="Keep what runs came to over commits.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(history_app, name="history")
HistoryFile = Annotated[Path, typer.Argument(metavar="FILE", help="The history: JSON, a line for each run.", show_default=False)]
Measures = Annotated[list[str] | None, typer.Option(help="Only these, in this order. Default: accuracy.", show_default=False)]
Detector = Annotated[str | None, typer.Option("--name", help="Only runs of this detector.", show_default=False)]
_MOST_MEASURES = 3


@history_app.command("add")
def add_command(
    file: HistoryFile,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    branch: Annotated[str | None, typer.Option(help="Of the commit.", show_default=False)] = None,
    commit: Annotated[str | None, typer.Option(help="Default: the one that the run recorded.", show_default=False)] = None,
    verdict: Annotated[
        Literal["passed", "failed", "inconclusive"] | None, typer.Option(help="What the gate said.", show_default=False)
    ] = None,
    gate: Annotated[Path | None, typer.Option(help="Read the verdict from what `detbench gate --json` wrote.", show_default=False)] = None,
) -> None:
    """Add runs; one that is there already is left as it is."""
    from detbench.bench.history import add, entry_of
    from detbench.bench.runs import read_run
    from detbench.metrics.warmup import warm_scoring

    if verdict and gate:
        raise DetbenchError("--verdict and --gate both say what the gate said; give one of them")
    warm_scoring(talk)
    for folder in runs:
        with status(f"reading {folder}"):
            run = read_run(folder)
            said = _said(gate, run.detections.digest) if gate else verdict
            entry = entry_of(run, file, commit=commit, branch=branch, verdict=said)
        added = add(file, entry)
        talk(f"{file}: {entry.name} at {entry.commit or 'no commit'}{'' if added else ' is there already'}")


@history_app.command("show")
def show_command(
    file: HistoryFile,
    measure: Measures = None,
    name: Detector = None,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write the runs as JSON; - prints them and nothing else.", show_default=False)
    ] = None,
) -> None:
    """Show runs, oldest first."""
    import msgspec

    from detbench.bench.history import read_history
    from detbench.bench.runs import json_bytes, write_json
    from detbench.reports.history_table import history_table

    entries = [entry for entry in read_history(file) if name in (None, entry.name)]
    known = list(dict.fromkeys(one for entry in entries for one in entry.measures))
    _check_measures(measure or (), known)
    document = {"schema_version": 1, "runs": msgspec.to_builtins(entries)}
    if json == "-":
        sys.stdout.buffer.write(json_bytes(document))
    elif json:
        write_json(Path(json), document)
        talk(f"history: {json}")
    else:
        show(history_table(entries, measure or known[:_MOST_MEASURES]))


@history_app.command("plot")
def plot_command(
    file: HistoryFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where MEASURE.png goes.", show_default=False)],
    measure: Measures = None,
    name: Detector = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw on dark paper.")] = False,
) -> None:
    """Draw measures over commits, with their intervals."""
    from detbench.bench.history import history_frame
    from detbench.data.files import check_place
    from detbench.reports.figure_files import file_stems, save_figures
    from detbench.reports.history_plot import trend

    check_place(output, folder=True)
    frame = history_frame(file)
    frame = frame[frame["name"] == name] if name else frame
    known = list(dict.fromkeys(frame["measure"]))
    _check_measures(measure or (), known)
    theme: Literal["light", "dark"] = "dark" if dark else "light"
    asked = measure or known
    stems = file_stems(asked)
    figures = {stems[one]: (lambda one=one: trend(frame, one, theme=theme)) for one in asked}
    with status("drawing"):
        drawn = save_figures(figures, output, theme=theme, names=[*map(str, frame["name"].unique())])
    talk(f"plots: {len(drawn)} files in {output}")


def _check_measures(asked: list[str] | tuple[str, ...], known: list[str]) -> None:
    if unknown := [one for one in asked if one not in known]:
        raise DetbenchError(f"no run of the history has {unknown[0]!r}; the measures there are {', '.join(known) or 'none'}")


def _said(file: Path, detections: str) -> Literal["passed", "failed", "inconclusive"]:
    """Return the outcome that a gate's JSON has, which must be about these detections."""
    import msgspec

    from detbench.bench.gate.gate import Said

    try:
        said = msgspec.json.decode(file.read_bytes(), type=Said)
    except OSError as error:
        raise InputError(file, f"cannot be read: {error.strerror}", fix="`detbench gate --json` writes one") from error
    except msgspec.DecodeError as error:
        raise InputError(file, f"is not what `detbench gate --json` writes: {error}") from error
    if said.candidate.digests.get("detections") != detections:
        raise InputError(file, "is about another run", fix="gate this run, or give its own file")
    return said.outcome
