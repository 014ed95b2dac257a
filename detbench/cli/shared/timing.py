"""Timing progress: what a measurement will do, how long it takes, and what it does now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.console import log, status
from detbench.wording import first_few, plural

if TYPE_CHECKING:
    from detbench.bench.latency.budget import Budget
    from detbench.bench.latency.sweep import Progress
    from detbench.bench.latency.timed_model import TimingTask
    from detbench.bench.latency.timing_plan import TimingPlan

Processes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Fresh processes of each model. Default: as many as fit in a minute, from 5 to 10. "
        "1 is a quick look.",
        show_default=False,
    ),
]
_MAX_NAMES = 3


@contextmanager
def timing_progress(
    names: Sequence[str], plan: TimingPlan, *, repetitions: int = 1
) -> Iterator[Progress]:
    """Say what will be done, prepare for it, and yield the callbacks that report progress.

    The time that all takes is said when the models have been loaded once. Kernels are compiled
    here, so that every process finds them in the cache.

    Args:
        names: Of the models.
        plan: What is timed.
        repetitions: Of the whole measurement.
    """
    from detbench.bench.latency.sweep import Progress
    from detbench.metrics.warmup import warm_postprocessing

    log(_announcement(names, plan))
    warm_postprocessing(log)
    with ExitStack() as shown:
        state = _State(names, plan, repetitions, shown)
        yield Progress(state.loading, state.planned, state.timing)


class _State:
    """Shows the present work, on a terminal only."""

    def __init__(
        self, names: Sequence[str], plan: TimingPlan, repetitions: int, shown: ExitStack
    ) -> None:
        self._n_models = 1 if plan.turns == "in_process" else len(names)
        self._repetitions, self._shown = repetitions, shown
        self._budget: Budget | None = None
        self._process = 0

    def loading(self, name: str, process: int) -> None:
        self._process = process
        self._show(f"loading {name}")

    def planned(self, budget: Budget) -> None:
        is_first, self._budget = self._budget is None, budget
        if is_first:
            self._shown.close()
            log(budget.sentence(self._n_models, self._repetitions))

    def timing(self, task: TimingTask) -> None:
        self._show(f"timing {task.stage}, batch {task.batch}")

    def _show(self, text: str) -> None:
        number = f", process {self._process + 1}"
        of = f" of {self._budget.processes}" if self._budget else ""
        self._shown.close()
        self._shown.enter_context(status(f"{text}{number}{of}"))


def _announcement(names: Sequence[str], plan: TimingPlan) -> str:
    """Return what is known before a model is loaded."""
    from detbench.bench.latency.budget import MAX_PROCESSES, MAX_S, MIN_PROCESSES

    if plan.turns == "in_process":
        processes = "all in this process"
    elif plan.processes is None:
        processes = (
            f"{MIN_PROCESSES} to {MAX_PROCESSES} processes of each, as many as fit in a minute"
        )
    else:
        processes = f"{plural(plan.processes, 'process')} of each"
    return (
        f"to time: {first_few(names, _MAX_NAMES)}; {processes};"
        f" samples of {', '.join(plan.stages)} for at most {plan.max_s or MAX_S:g} s each"
    )
