"""Memory check: whether another model fits into memory beside those that are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import psutil

from detbench.bench.latency.timed_model import TimedModel
from detbench.errors import DetbenchError

_BYTES_PER_GB = 1e9


def check_memory(models: Sequence[TimedModel], n_loaded: int) -> None:
    """Check that there is memory for one more model as large as the largest.

    Args:
        models: Loaded now.
        n_loaded: How many are to be loaded at once.

    Raises:
        DetbenchError: There is not.
    """
    largest = max(map(_resident_bytes, models))
    available = psutil.virtual_memory().available
    if len(models) < n_loaded and largest > available:
        raise DetbenchError(
            f"not enough memory for {n_loaded} models at once: after {models[-1].name} was loaded,"
            f" {available / _BYTES_PER_GB:.1f} GB are left; time them with `detbench latency"
            f" --loaded {len(models)}`"
        )


def _resident_bytes(model: TimedModel) -> int:
    sizes = [0]
    for pid in model.pids:
        with suppress(psutil.Error):
            sizes.append(int(psutil.Process(pid).memory_info().rss))
    return sum(sizes)
