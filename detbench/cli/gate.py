"""`detbench gate`: one exit code for whether a candidate may take its baseline's place."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import INTERRUPTED, Groups, app
from detbench.cli.shared.console import log, log_to_github, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.bench.gate.remeasure import Remeasured, Specs
    from detbench.bench.gate.rules import Rule
    from detbench.bench.gate.verdict import Verdict
    from detbench.bench.runs import Run

_HISTORY = "history:"
_NO_VERDICT = 2


@contextmanager
def _no_verdict_is_no_failure() -> Iterator[None]:
    """Leave with 2 where typer and libraries would leave with 1, which says that the candidate failed."""
    try:
        yield
    except (BrokenPipeError, EOFError, SystemExit):
        with suppress(OSError):
            log(traceback.format_exc().rstrip())
        raise typer.Exit(_NO_VERDICT) from None


@app.command("gate")
@_no_verdict_is_no_failure()
def gate_command(
    baseline: Annotated[
        str | None,
        typer.Argument(
            help="A run folder; or history:FILE for the last run that passed on --branch.",
            show_default=False,
        ),
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Argument(help="The run folder that is to take its place.", show_default=False),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="TOML file of rules. Default: see --show-rules.", show_default=False),
    ] = None,
    show_rules: Annotated[
        bool,
        typer.Option(
            "--show-rules", help="Print the default rules, to start from, and nothing else."
        ),
    ] = False,
    branch: Annotated[
        str, typer.Option(help="Where the baseline of a history must have passed.")
    ] = "main",
    models: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="BASELINE CANDIDATE",
            help="Time these two models anew, in turns, for rules on time.",
            show_default=False,
        ),
    ] = None,
    remeasure: Annotated[
        bool,
        typer.Option("--remeasure", help="The same with the models that the runs were made with."),
    ] = False,
    max_seconds: Annotated[
        float, typer.Option(min=0.1, help="Of timing anew, for each model and stage, at most.")
    ] = 10.0,
    replicates: Annotated[int, typer.Option(min=100, help="Draws of images.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Names the draws.")] = 0,
    groups: Groups = None,
    json: JsonTarget = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write them as JUnit XML.", show_default=False),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write them as Markdown, for a pull request.", show_default=False
        ),
    ] = None,
) -> None:
    """Stop a regression: compare a candidate with its baseline, rule by rule.

    Leaves with 0 where it passed, 1 where it failed, 3 where that cannot be told, 2 where there is no verdict.
    """
    from detbench.bench.gate.gate import gate
    from detbench.bench.gate.remeasure import model_bytes, recorded_specs
    from detbench.bench.gate.rules import default_rules, default_text, read_rules
    from detbench.bench.gate.verdict import EXIT_CODES, overall
    from detbench.bench.runs import read_run
    from detbench.cli.shared.output_paths import model_path
    from detbench.data.groups import read_groups

    if show_rules:
        sys.stdout.write(default_text())
        return
    if baseline is None or candidate is None:
        raise DetbenchError(
            "a gate needs a BASELINE and a CANDIDATE, two run folders as `detbench eval -o` writes them"
        )
    targets = _Targets(json, junit, markdown)
    targets.check(
        Path(baseline.removeprefix(_HISTORY)),
        candidate,
        rules,
        groups,
        *map(model_path, models or ()),
    )
    asked = read_rules(rules) if rules else default_rules()
    with status(f"reading {candidate}"):
        second = read_run(candidate)
    with status(f"reading {baseline}"):
        first = read_run(_baseline_folder(baseline, second.name, branch))
    if groups:
        first = replace(
            first,
            ground_truth=replace(
                first.ground_truth, groups=read_groups(groups, first.ground_truth)
            ),
        )
        second = replace(second, ground_truth=replace(second.ground_truth, groups=None))
    specs = models or (recorded_specs(first, second) if remeasure else None)
    if specs and not models:
        targets.check(*map(model_path, specs))
    timed = _timed(first, second, asked, specs, max_seconds) if specs else None
    if timed:
        first, second = timed.baseline, timed.candidate
    sizes = (model_bytes(specs[0]), model_bytes(specs[1])) if specs else (None, None)
    from detbench.metrics.warmup import warm_scoring

    warm_scoring(log)
    with status("drawing images"):
        pairs = timed.pairs if timed else ()
        verdicts = gate(
            first, second, asked, pairs=pairs, sizes=sizes, replicates=replicates, seed=seed
        )
    targets.write(first, second, verdicts)
    _show(first, second, verdicts, json)
    raise typer.Exit(EXIT_CODES[overall(verdicts)])


def _baseline_folder(given: str, name: str, branch: str) -> Path:
    if not given.startswith(_HISTORY):
        return Path(given)
    from detbench.bench.history import last_passed
    from detbench.reports.one_line import one_line

    folder = last_passed(Path(given.removeprefix(_HISTORY)), name, branch)
    log(one_line(f"baseline: {folder}, the last of {name} that passed on {branch}"))
    return folder


def _timed(
    first: Run, second: Run, rules: Sequence[Rule], specs: Specs, most_s: float
) -> Remeasured:
    from detbench.bench.compare import timing_pictures
    from detbench.bench.gate.remeasure import remeasured

    log("timing both models in turns")
    try:
        return remeasured(
            first, second, rules, specs, timing_pictures(second.ground_truth), most_s=most_s
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@dataclass(frozen=True)
class _Targets:
    """Where the verdicts go; GitHub's summary of the job is where `GITHUB_STEP_SUMMARY` says."""

    json: str | None
    junit: Path | None
    markdown: Path | None

    def check(self, *inputs: Path | None) -> None:
        """Refuse targets that cannot be written, or would replace what the gate reads."""
        from detbench.cli.shared.output_paths import check_distinct, check_output_paths

        files = [*json_files(self.json), *(file for file in (self.junit, self.markdown) if file)]
        given = [path for path in inputs if path]
        check_output_paths(files, [], given)
        check_distinct([*files, *([self._summary] if self._summary else [])], given)

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
        named = os.environ.get("GITHUB_STEP_SUMMARY")
        return Path(named) if named else None


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8", errors="replace") as summary:
            summary.write(text)
    except OSError as error:
        raise InputError(
            file, f"cannot be written: {error.strerror}", fix="GITHUB_STEP_SUMMARY must name a file"
        ) from error


def _show(baseline: Run, candidate: Run, verdicts: Sequence[Verdict], json: str | None) -> None:
    """Show the verdicts, and tell GitHub where it is listening."""
    from detbench.bench.gate.gate import gate_document
    from detbench.reports.ci.github import workflow_commands
    from detbench.reports.terminal.gate import gate_lines, gate_table

    show_results(
        json,
        gate_document(baseline, candidate, verdicts),
        lambda: [gate_table(verdicts), *gate_lines(baseline, candidate, verdicts)],
    )
    if os.environ.get("GITHUB_ACTIONS"):
        for line in workflow_commands(verdicts):
            log_to_github(line)
