"""Process samples: samples of one series, as several processes would give them."""

import numpy as np

from detbench.bench.latency.result import ProcessSamples


def processes_of(samples_ns, count=1) -> tuple[ProcessSamples, ...]:
    """Return `count` processes that share samples in ns, in order of time."""
    parts = np.array_split(np.asarray(samples_ns, np.int64), count)
    return tuple(ProcessSamples(samples_ns=part) for part in parts)
