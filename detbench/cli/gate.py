"""`detbench gate`: one exit code for whether a candidate may replace its baseline."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import INTERRUPTED, Groups, app
from detbench.cli.shared.console import log, log_to_github, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.timing import Processes, timing_progress
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.bench.gate.gate import ModelSizes
    from detbench.bench.gate.remeasure import RemeasuredRuns, SpecPair
    from detbench.bench.gate.rules import Rule
    from detbench.bench.gate.verdict import Verdict
    from detbench.bench.runs import Run

_HISTORY = "history:"
_NO_VERDICT = 2


@contextmanager
def _exit_with_2_without_a_verdict() -> Iterator[None]:
    """Replace exit code 1 of typer and libraries, which would mean that the candidate failed."""
    try:
        yield
    except (BrokenPipeError, EOFError, SystemExit):
        with suppress(OSError):
            log(traceback.format_exc().rstrip())
        raise typer.Exit(_NO_VERDICT) from None


@app.command("gate")
@_exit_with_2_without_a_verdict()
def gate_command(
    baseline: Annotated[
        str | None,
        typer.Argument(
            help="A run folder, or history:FILE for the last run that passed on --branch.",
            show_default=False,
        ),
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Argument(help="The run folder to check against the baseline.", show_default=False),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="TOML file of rules. Default: see --show-rules.", show_default=False),
    ] = None,
    show_rules: Annotated[
        bool, typer.Option("--show-rules", help="Print the default rules and exit.")
    ] = False,
    branch: Annotated[
        str, typer.Option(help="With history:FILE, the branch on which the baseline passed.")
    ] = "main",
    models: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="BASELINE CANDIDATE",
            help="Time these two models side by side, for rules on latency and throughput.",
            show_default=False,
        ),
    ] = None,
    remeasure: Annotated[
        bool,
        typer.Option("--remeasure", help="Like --models, with the models recorded in the runs."),
    ] = False,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Maximum seconds of timing for each model and stage, over all processes. "
            "Default: 6, or less if loading takes most of a minute.",
            show_default=False,
        ),
    ] = None,
    processes: Processes = None,
    resamples: Annotated[int, typer.Option(min=100, help="Number of bootstrap resamples.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    groups: Groups = None,
    json: JsonTarget = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML.", show_default=False),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the verdicts as Markdown, for a pull request.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Stop a regression: compare a candidate with its baseline, rule by rule.

    Exits with 0 if passed, 1 if failed, 2 if an error prevents a verdict, 3 if inconclusive.
    """
    from detbench.bench.gate.gate import gate
    from detbench.bench.gate.rules import default_rules, default_text, read_rules
    from detbench.bench.gate.verdict import EXIT_CODES, overall_outcome
    from detbench.cli.shared.output_paths import model_path
    from detbench.metrics.warmup import warm_scoring

    if show_rules:
        sys.stdout.write(default_text())
        return
    if baseline is None or candidate is None:
        raise DetbenchError(
            "BASELINE and CANDIDATE are missing; name two run folders as `detbench eval -o` writes"
        )
    outputs = _Outputs(json, junit, markdown)
    baseline_path = Path(baseline.removeprefix(_HISTORY))
    outputs.check(baseline_path, candidate, rules, groups, *map(model_path, models or ()))
    gate_rules = read_rules(rules) if rules else default_rules()
    first, second = _read_runs(baseline, candidate, branch, groups)
    specs = models or (_recorded_specs(first, second, outputs) if remeasure else None)
    timed = None
    if specs:
        timed = _time_again(first, second, gate_rules, specs, max_seconds, processes)
        first, second = timed.baseline, timed.candidate
    warm_scoring(log)
    with status("resampling images"):
        verdicts = gate(
            first,
            second,
            gate_rules,
            pairs=timed.pairs if timed else (),
            sizes=_sizes(specs),
            resamples=resamples,
            seed=seed,
        )
    outputs.write(first, second, verdicts)
    _show(first, second, verdicts, json)
    raise typer.Exit(EXIT_CODES[overall_outcome(verdicts)])


def _read_runs(baseline: str, candidate: Path, branch: str, groups: Path | None) -> tuple[Run, Run]:
    """Return both runs; groups from a file replace those that they recorded."""
    from detbench.bench.runs import read_run
    from detbench.data.groups import read_groups

    with status(f"reading {candidate}"):
        second = read_run(candidate)
    with status(f"reading {baseline}"):
        first = read_run(_baseline_folder(baseline, second.name, branch))
    if groups:
        by_image = read_groups(groups, first.ground_truth)
        first = replace(first, ground_truth=replace(first.ground_truth, groups=by_image))
        second = replace(second, ground_truth=replace(second.ground_truth, groups=None))
    return first, second


def _baseline_folder(baseline: str, name: str, branch: str) -> Path:
    if not baseline.startswith(_HISTORY):
        return Path(baseline)
    from detbench.bench.history.history_file import last_passed
    from detbench.wording import one_line

    folder = last_passed(Path(baseline.removeprefix(_HISTORY)), name, branch)
    log(one_line(f"baseline: {folder}, the last run of {name} that passed on {branch}"))
    return folder


def _recorded_specs(first: Run, second: Run, outputs: _Outputs) -> SpecPair:
    from detbench.bench.gate.remeasure import recorded_specs
    from detbench.cli.shared.output_paths import model_path

    specs = recorded_specs(first, second)
    outputs.check(*map(model_path, specs))
    return specs


def _sizes(specs: SpecPair | None) -> ModelSizes:
    from detbench.bench.gate.remeasure import model_bytes

    return (model_bytes(specs[0]), model_bytes(specs[1])) if specs else (None, None)


def _time_again(
    first: Run,
    second: Run,
    rules: Sequence[Rule],
    specs: SpecPair,
    max_s: float | None,
    processes: int | None,
) -> RemeasuredRuns:
    from detbench.bench.compare import timing_images
    from detbench.bench.gate.remeasure import MODEL_NAMES, remeasure

    try:
        return remeasure(
            first,
            second,
            rules,
            specs,
            timing_images(second.ground_truth),
            max_s=max_s,
            processes=processes,
            show_progress=partial(timing_progress, MODEL_NAMES),
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@dataclass(frozen=True)
class _Outputs:
    """The files that the verdicts go to, and the summary of a job on GitHub."""

    json: str | None
    junit: Path | None
    markdown: Path | None

    def check(self, *inputs: Path | None) -> None:
        """Refuse outputs that cannot be written, or would replace an input."""
        from detbench.cli.shared.output_paths import check_distinct, check_output_paths

        files = [*json_files(self.json), *(file for file in (self.junit, self.markdown) if file)]
        input_paths = [path for path in inputs if path]
        check_output_paths(files, [], input_paths)
        check_distinct([*files, *([self._summary] if self._summary else [])], input_paths)

    def write(self, baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> None:
        from detbench.bench.gate.gate import gate_document
        from detbench.data.files import atomic_path
        from detbench.reports.ci.junit import gate_junit
        from detbench.reports.ci.markdown import gate_markdown

        save_json(self.json, gate_document(baseline, candidate, verdicts), "verdicts")
        text = gate_markdown(baseline, candidate, verdicts)
        contents = (
            (self.junit, gate_junit(baseline, candidate, verdicts)),
            (self.markdown, text.encode(errors="replace")),
        )
        for file, content in contents:
            if file:
                with atomic_path(file) as temporary:
                    temporary.write_bytes(content)
                log(f"verdicts: {file}")
        if self._summary:
            _append(self._summary, text)

    @property
    def _summary(self) -> Path | None:
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        return Path(path) if path else None


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8", errors="replace") as summary:
            summary.write(text)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(file, problem, fix="name a file in GITHUB_STEP_SUMMARY") from error


def _show(baseline: Run, candidate: Run, verdicts: Sequence[Verdict], json: str | None) -> None:
    """Show the verdicts; on GitHub, also as annotations of the job."""
    from detbench.bench.gate.gate import gate_document
    from detbench.reports.ci.github import workflow_commands
    from detbench.reports.terminal.gate import gate_lines, gate_table

    show_results(
        json,
        gate_document(baseline, candidate, verdicts),
        lambda: [gate_table(verdicts), *gate_lines(baseline, candidate, verdicts)],
    )
    if os.environ.get("GITHUB_ACTIONS"):
        for command in workflow_commands(verdicts):
            log_to_github(command)
