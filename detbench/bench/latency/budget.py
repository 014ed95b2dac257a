"""Budget: how many processes of each model are timed, and for how long, known beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detbench.wording import plural

TOTAL_S = 50.0
"""What a measurement at the defaults is planned to take at most: a minute, less what the command
takes to start, and some reserve."""
MIN_PROCESSES, MAX_PROCESSES = 5, 10
MAX_S, MIN_MAX_S = 6.0, 2.0
"""Default maximum time of samples for each model and task, of all processes together: the first, or
down to the second if loading takes most of the time."""
_OVERHEAD = 1.35
"""Time of turns with all that is done between them, as a multiple of that of the samples."""
_PREPARATION = 1.5
"""Time to load, prepare and end a model, as a multiple of the time to load it."""


@dataclass(frozen=True)
class Budget:
    """The size of a measurement."""

    processes: int
    """Of each model."""
    max_s: float
    """For each model and task, of all processes together."""
    total_s: float
    """The whole measurement takes about so long."""
    limit_s: float
    """It may take so long to replace processes that met only a slow or busy machine."""

    def sentence(self, n_models: int, repetitions: int = 1) -> str:
        """Return what will be done and how long it takes, for people."""
        text = f"timing in {plural(self.processes, 'process')}"
        text += "" if n_models == 1 else " of each model"
        if repetitions > 1:
            text += f", {repetitions} times"
        text += f": about {repetitions * self.total_s:.0f} s in total, including loading"
        if self.limit_s > self.total_s:
            text += f"; up to {repetitions * self.limit_s:.0f} s if the machine is slow or busy"
        return text


def budget(
    n_models: int,
    n_tasks: int,
    load_s: float,
    *,
    processes: int | None = None,
    max_s: float | None = None,
    patience_s: float = 0.0,
) -> Budget:
    """Return the size of a measurement.

    Args:
        n_models: Timed side by side.
        n_tasks: Of each model.
        load_s: Mean time to load a model.
        processes: Requested; None for as many as fit in a minute, from 5 to 10.
        max_s: Requested; None for 6 s, or less if loading takes most of a minute.
        patience_s: Additional time to replace processes. What is left of a minute serves for that
            in any case, unless the number of processes or their time was requested.
    """
    is_default = processes is None and max_s is None
    loads_s = n_models * load_s * _PREPARATION
    tasks = n_models * n_tasks * _OVERHEAD
    if max_s is None:
        spare_s = TOTAL_S - (processes or MIN_PROCESSES) * loads_s
        max_s = min(max(spare_s / tasks, MIN_MAX_S), MAX_S)
    if processes is None:
        affordable = math.floor((TOTAL_S - tasks * max_s) / max(loads_s, 1e-3))
        processes = min(max(affordable, MIN_PROCESSES), MAX_PROCESSES)
    total_s = tasks * max_s + processes * loads_s
    limit_s = max(total_s, TOTAL_S) if is_default else total_s
    return Budget(processes, max_s, total_s, limit_s + patience_s)
