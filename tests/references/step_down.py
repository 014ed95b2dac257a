"""Multiple testing as its papers write it: one hypothesis after the other."""

from __future__ import annotations

import numpy as np


def holm_rejects(p, level):
    """Return the hypotheses that Holm's procedure rejects.

    The smallest p is compared with level / n, the next with level / (n − 1), until one fails.
    """
    rejected = set()
    rising = sorted(range(len(p)), key=lambda i: p[i])
    for remaining, i in zip(range(len(p), 0, -1), rising, strict=True):
        if p[i] > level / remaining:
            break
        rejected.add(i)
    return rejected


def benjamini_hochberg_rejects(p, level):
    """Return the hypotheses that Benjamini and Hochberg's procedure rejects.

    They are the i smallest p, for the largest i whose i-th smallest p is at most level · i / n.
    """
    n = len(p)
    rising = sorted(range(n), key=lambda i: p[i])
    passing = [i for i in range(1, n + 1) if p[rising[i - 1]] <= level * i / n]
    return set(rising[: max(passing, default=0)])


def step_down(p, estimates, bootstrap):
    """Return adjusted p-values as Romano and Wolf write it.

    The largest statistic is compared with the largest of all deviations in each resample, the next
    one with the largest of the remaining deviations, and so on.
    """
    count = len(estimates)
    spread = [
        np.sqrt(np.mean([(row[j] - estimates[j]) ** 2 for row in bootstrap])) or 1.0
        for j in range(count)
    ]
    remaining = sorted(range(count), key=lambda j: abs(estimates[j]) / spread[j])
    adjusted, before = [np.nan] * count, 0.0
    while remaining:
        largest = [
            max(abs(row[j] - estimates[j]) / spread[j] for j in remaining) for row in bootstrap
        ]
        j = remaining.pop()
        at_least = sum(value >= abs(estimates[j]) / spread[j] for value in largest)
        before = adjusted[j] = max(before, (1 + at_least) / (len(bootstrap) + 1), p[j])
    return np.array(adjusted)
