"""Measurement: times models that are named by specs, with the machine's speed around each turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from detbench.bench.interrupts import sigterm_as_exit
from detbench.bench.latency.assembly import SweepResult
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.sources import model_sources
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.sweep import Progress, sweep
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
    repetitions: int = 1,
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
        repetitions: Sweeps, each with processes of its own.

    Returns:
        The results and comparisons of all repetitions. Ctrl-C ends with the present one.

    Raises:
        DetbenchError: See `sweep`.
    """
    sources = model_sources(specs, images, plan.turns)

    def sweeps(judge: SpeedJudge | None = None) -> SweepResult:
        timed = []
        for repetition in range(repetitions):
            timed.append(sweep(sources, plan, progress, judge=judge, seed=seed + repetition))
            if timed[-1].interrupted:
                break
        return _joined(timed)

    if plan.turns == "in_process":
        return sweeps()
    with sigterm_as_exit(), SpeedMeter() as meter:
        judge = SpeedJudge(meter, best_known())
        timed = sweeps(judge)
    remember(judge.speeds)
    return timed


def _joined(timed: Sequence[SweepResult]) -> SweepResult:
    return SweepResult(
        list(chain.from_iterable(one.results for one in timed)),
        list(chain.from_iterable(one.pairs for one in timed)),
        any(one.interrupted for one in timed),
    )
