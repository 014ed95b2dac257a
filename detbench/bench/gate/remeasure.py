"""Remeasure: both models timed anew, in turns on this machine, for the rules that are about time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from detbench.adapters.catalogue import parse_spec
from detbench.bench.compare import is_model
from detbench.bench.environment import environment
from detbench.bench.gate.rules import Rule
from detbench.bench.latency.contender import Task
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.models import Model, load_contender
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.latency.sweep import Plan, Timed, sweep
from detbench.bench.runs import Run
from detbench.data.files import stored_bytes
from detbench.errors import DetbenchError, InputError

Specs = tuple[str, str]
_NAMES = ("baseline", "candidate")


@dataclass(frozen=True)
class Remeasured:
    """The runs with the times just taken in the place of recorded ones."""

    baseline: Run
    candidate: Run
    pairs: tuple[Pair, ...]


def recorded_specs(baseline: Run, candidate: Run) -> Specs:
    """Return the models that `detbench compare` made the runs with; InputError where a run does not say."""
    return _recorded_spec(baseline), _recorded_spec(candidate)


def remeasured(
    baseline: Run,
    candidate: Run,
    rules: Sequence[Rule],
    specs: Specs,
    images: Sequence[EncodedImage],
    *,
    most_s: float,
    on_task: Callable[[Task], None] = lambda _: None,
) -> Remeasured:
    """Time two models in turns on everything that rules ask for; DetbenchError for a model that cannot be loaded."""
    plans = _plans(rules, most_s)
    done = Timed()
    with ExitStack() as opened:
        contenders = []
        for spec, name in zip(specs, _NAMES, strict=True):
            contenders.append(load_contender(Model(spec, name), images))
            opened.callback(contenders[-1].close)
        for plan in plans:
            timed = sweep(contenders, plan, on_task)
            done = Timed(done.results + timed.results, done.pairs + timed.pairs, timed.interrupted)
            if timed.interrupted:
                raise KeyboardInterrupt
    found = environment().as_dict()
    ours, theirs = (
        replace(
            run,
            record={**run.record, "environment": found},
            latency=tuple(result for result in done.results if result.model == name),
        )
        for run, name in zip((baseline, candidate), _NAMES, strict=True)
    )
    return Remeasured(ours, theirs, tuple(done.pairs))


def model_bytes(spec: str) -> int | None:
    """Return the size of what a spec names: of a file, or of all files in a folder; None for neither."""
    return stored_bytes(Path(parse_spec(spec).target))


def _plans(rules: Sequence[Rule], most_s: float) -> list[Plan]:
    """Return what has to be timed: for each scenario and batch size its stages."""
    scenario_named = {str(name): scenario for name, scenario in SCENARIOS.items()}
    stages: dict[tuple[str, int], list[str]] = {}
    for rule in rules:
        if rule.measure.timed and rule.stage not in stages.setdefault(
            (rule.scenario, rule.batch), []
        ):
            stages[rule.scenario, rule.batch].append(rule.stage)
    return [
        Plan(tuple(asked), (batch,), scenario_named[scenario], min(Plan().min_s, most_s), most_s)  # type: ignore[arg-type]
        for (scenario, batch), asked in stages.items()
    ]


def _recorded_spec(run: Run) -> str:
    passed = run.record.get("options", {}).get("passed", {}).get("detectors", ())
    models = [spec for spec in passed if isinstance(spec, str) and is_model(spec)]
    wanted = {run.record.get("model"), run.name}
    fitting = [
        spec
        for spec in models
        if {Path(parse_spec(spec).target).name, Path(parse_spec(spec).target).stem} & wanted
    ]
    if len(fitting) != 1:
        raise InputError(
            run.folder,
            "does not say which model it was made with",
            fix="give both with --models BASELINE CANDIDATE",
        )
    target = Path(parse_spec(fitting[0]).target)
    if not target.exists():
        raise DetbenchError(
            f"{run.folder}: its model {target} is not there any more; give both with --models BASELINE CANDIDATE"
        )
    return fitting[0]
