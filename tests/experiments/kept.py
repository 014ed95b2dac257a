"""Results of an experiment's tasks, saved one by one, so that an interrupted run can resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Task = tuple[int, ...]


def results(
    workers: Pool, function: Callable[[Task], Any], tasks: Sequence[Task], folder: Path | None
) -> NDArray[Any]:
    """Return the results of all tasks, as an array (tasks, ...).

    Results in `folder` are not computed again; the others are added to it.
    """
    if folder is None:
        return np.array(workers.map(function, tasks, chunksize=4))
    folder.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks if not _file(folder, function, task).exists()]
    for task, result in workers.imap_unordered(partial(_with_task, function), missing):
        np.save(_file(folder, function, task), result)
    return np.array([np.load(_file(folder, function, task)) for task in tasks])


def _with_task(function: Callable[[Task], Any], task: Task) -> tuple[Task, Any]:
    return task, function(task)


def _file(folder: Path, function: Callable[[Task], Any], task: Task) -> Path:
    return folder / f"{function.__name__}-{'-'.join(map(str, task))}.npy"
