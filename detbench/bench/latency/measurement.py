"""Measurement: times models that are named by specs, with the machine's speed around each turn."""

from __future__ import annotations

from collections.abc import Sequence

from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.sources import model_sources
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.sweep import Progress, SweepResult, sweep
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.bench.machine_speed.best_known import best_known, remember
from detbench.bench.machine_speed.meter import SpeedMeter


def measure(
    specs: Sequence[ModelSpec],
    images: Sequence[EncodedImage],
    plan: TimingPlan,
    progress: Progress | None = None,
    *,
    seed: int = 0,
) -> SweepResult:
    """Time models on everything that a plan contains.

    The best speed of the machine is remembered for later measurements. In-process turns are not
    judged by it: the threads of the models would slow the machine down that is measured.

    Args:
        specs: Of the models, which are compared with each other if there are several.
        images: Queries rotate over these.
        plan: What to time.
        progress: Called as the measurement goes on.
        seed: Of the order of turns.

    Raises:
        DetbenchError: See `sweep`.
    """
    sources = model_sources(specs, images, plan.turns)
    if plan.turns == "in_process":
        return sweep(sources, plan, progress, seed=seed)
    with SpeedMeter() as meter:
        judge = SpeedJudge(meter, best_known())
        timed = sweep(sources, plan, progress, judge=judge, seed=seed)
    remember(judge.speeds)
    return timed
