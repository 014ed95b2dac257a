"""Measure what the detection of warm-up discards from settled and from unsettled series.

    python -m tests.experiments.latency_warmup --runs 1000

Prints a Markdown table. The same seed gives the same table on every machine.
"""

from __future__ import annotations

import argparse

import numpy as np

from detbench.bench.latency.statistics.warmup import find_warmup
from tests.experiments.latency_series import DEPENDENCE, Array

SPREAD = 0.05


def levels(count: int) -> dict[str, Array]:
    """Return the level of a series in multiples of its final level, by name."""
    now = np.arange(count)
    return {
        "settled": np.ones(count),
        "20% longer, first tenth": np.where(now < count // 10, 1.2, 1.0),
        "20% longer, decays over a twentieth": 1 + 0.2 * np.exp(-now / (count / 20)),
        "3 samples of 5 times": np.where(now < 3, 5.0, 1.0),
        "falls by 15% throughout": 1.15 - 0.15 * now / count,
    }


def row(dependence: str, name: str, level: Array, runs: int) -> str:
    """Return a row of the table."""
    series = DEPENDENCE[dependence](np.random.default_rng(0), runs, len(level))
    warmups = [find_warmup(1e6 * level * np.exp(SPREAD * each)) for each in series]
    counts = [warmup.count for warmup in warmups]
    low, middle, high = np.percentile(counts, [10, 50, 90])
    discarded = np.mean([count > 0 for count in counts])
    settled = np.mean([warmup.settled for warmup in warmups])
    return (
        f"| {len(level):,} | {dependence} | {name} | {discarded:.1%} "
        f"| {middle:.0f} ({low:.0f}–{high:.0f}) | {settled:.1%} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    options = parser.parse_args()
    print(
        "| samples | dependence | level | any discarded | discarded (10–90%) | settled |\n"
        "|---|---|---|---|---|---|"
    )
    for count in (100, 500, 2000):
        for dependence in ("independent", "AR(1) .5", "bursts of 20"):
            for name, level in levels(count).items():
                if dependence != "bursts of 20" or name == "settled":
                    print(row(dependence, name, level, options.runs), flush=True)


if __name__ == "__main__":
    main()
