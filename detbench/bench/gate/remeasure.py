"""Remeasure: both models timed again, side by side on this machine, for rules on time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detbench.adapters.catalogue import parse_spec
from detbench.bench.compare import is_model
from detbench.bench.environment import environment
from detbench.bench.gate.rules import Rule
from detbench.bench.latency.assembly import SweepResult, TimedPair
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.measurement import measure
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.scenario import scenario_named
from detbench.bench.latency.sweep import Progress
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.bench.runs import Run
from detbench.data.files import bytes_on_disk
from detbench.errors import DetbenchError, InputError

SpecPair = tuple[str, str]
"""Specs of the baseline's and the candidate's model."""
MODEL_NAMES = ("baseline", "candidate")
ShowProgress = Callable[[TimingPlan], AbstractContextManager[Progress]]
"""Shows the progress of one measurement."""
_FIX = "name both models with --models BASELINE CANDIDATE"


@dataclass(frozen=True)
class RemeasuredRuns:
    """Two runs with new times instead of the recorded ones."""

    baseline: Run
    candidate: Run
    pairs: tuple[TimedPair, ...]


def recorded_specs(baseline: Run, candidate: Run) -> SpecPair:
    """Return the models that `detbench compare` made the runs with.

    Raises:
        InputError: A run has no such model.
        DetbenchError: Its model is missing.
    """
    return _recorded_spec(baseline), _recorded_spec(candidate)


def remeasure(
    baseline: Run,
    candidate: Run,
    rules: Sequence[Rule],
    specs: SpecPair,
    images: Sequence[EncodedImage],
    *,
    max_s: float | None = None,
    processes: int | None = None,
    show_progress: ShowProgress = lambda _: nullcontext(Progress()),
) -> RemeasuredRuns:
    """Time two models side by side, on everything that rules on time are about.

    Args:
        baseline: The run whose times are replaced by those of the first model.
        candidate: The same for the second model.
        rules: Those that are not about time are ignored.
        specs: Of the models.
        images: Queries rotate over these.
        max_s: Maximum seconds for each model and stage; None as in `TimingPlan`.
        processes: Of each model; None as in `TimingPlan`.
        show_progress: Entered for the measurement of each plan.

    Raises:
        DetbenchError: A model cannot be loaded.
        KeyboardInterrupt: Ctrl-C.
    """
    total = SweepResult()
    models = [ModelSpec(spec, name) for spec, name in zip(specs, MODEL_NAMES, strict=True)]
    for plan in _plans(rules, max_s, processes):
        with show_progress(plan) as progress:
            timed = measure(models, images, plan, progress)
        if timed.interrupted:
            raise KeyboardInterrupt
        total = SweepResult(total.results + timed.results, total.pairs + timed.pairs)
    machine = environment().as_dict()
    first, second = (
        _with_times(run, name, total, machine)
        for run, name in zip((baseline, candidate), MODEL_NAMES, strict=True)
    )
    return RemeasuredRuns(first, second, tuple(total.pairs))


def _with_times(run: Run, name: str, timed: SweepResult, machine: dict[str, Any]) -> Run:
    record = {**run.record, "environment": machine}
    return replace(run, record=record, latency=tuple(timed.results_of(name)))


def model_bytes(spec: str) -> int | None:
    """Return the size of a model: of its file, or of all files in its folder; None for neither."""
    return bytes_on_disk(Path(parse_spec(spec).target))


def _plans(rules: Sequence[Rule], max_s: float | None, processes: int | None) -> list[TimingPlan]:
    """Return what rules need timed: one plan per scenario and batch size, with its stages."""
    stages: dict[tuple[str, int], dict[str, None]] = {}
    for rule in rules:
        if rule.measure.timed:
            stages.setdefault((rule.scenario, rule.batch), {})[rule.stage] = None
    return [
        TimingPlan(
            stages=tuple(names),  # type: ignore[arg-type]
            batches=(batch,),
            scenario=scenario_named(scenario),
            max_s=max_s,
            processes=processes,
        )
        for (scenario, batch), names in stages.items()
    ]


def _recorded_spec(run: Run) -> str:
    arguments = run.record.get("options", {}).get("passed", {}).get("detectors", ())
    models = [text for text in arguments if isinstance(text, str) and is_model(text)]
    names = {run.record.get("model"), run.name}
    matching = [spec for spec in models if names & _file_names(spec)]
    if len(matching) != 1:
        raise InputError(run.folder, "does not record which model made its detections", fix=_FIX)
    target = Path(parse_spec(matching[0]).target)
    if not target.exists():
        raise DetbenchError(f"{run.folder}: its model {target} is missing; {_FIX}")
    return matching[0]


def _file_names(spec: str) -> set[str]:
    """Return the name of a model's file, with and without its suffix."""
    target = Path(parse_spec(spec).target)
    return {target.name, target.stem}
