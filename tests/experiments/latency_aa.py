"""Compare a function with itself, interleaved and sequentially: how often is a difference found?

    python -m tests.experiments.latency_aa --repetitions 1000 --record latency_aa.jsonl

A repetition is a short comparison of one numpy call of about 80 µs with itself, or with itself and
an extra spin of 3%. Each is done on an idle machine and while another process loads every core in
bursts. Finished repetitions are in the record, so that an interrupted run resumes. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.statistics.comparison import Comparison, compare_rounds

ROUNDS = 30
SAMPLES_PER_ROUND = 8
SLOWDOWN = 0.03
EFFECT = 0.01
BLOCK = 100
"""Repetitions after which the load changes."""
Samples = NDArray[np.int64]
Call = Callable[[], object]


def workload() -> Call:
    """Return a call of about 80 µs on one core, the same work each time."""
    values = np.random.default_rng(0).random(2**12)
    return lambda: np.sort(values)


def spinning(call: Call, extra_ns: float) -> Call:
    """Return a call that takes `extra_ns` longer; sleeping would be far less exact."""

    def slower() -> None:
        call()
        until = time.perf_counter_ns() + extra_ns
        while time.perf_counter_ns() < until:
            pass

    return slower


def take(call: Call, count: int) -> Samples:
    """Return the time of each of `count` calls in ns, after one that is dropped."""
    call()
    stamps = np.empty(count + 1, np.int64)
    stamps[0] = time.perf_counter_ns()
    for place in range(count):
        call()
        stamps[place + 1] = time.perf_counter_ns()
    return np.diff(stamps)


def interleaved(a: Call, b: Call, rng: np.random.Generator) -> Comparison:
    """Compare in rounds, each in random order."""
    a_rounds, b_rounds = [], []
    for a_first in rng.random(ROUNDS) < 0.5:
        for call, rounds in (
            ((a, a_rounds), (b, b_rounds)) if a_first else ((b, b_rounds), (a, a_rounds))
        ):
            rounds.append(take(call, SAMPLES_PER_ROUND))
    return compare_rounds(a_rounds, b_rounds)


def sequential(a: Call, b: Call) -> Comparison:
    """Compare as is common: all of A, then all of B, with an interval for independent samples."""
    a_ns, b_ns = take(a, ROUNDS * SAMPLES_PER_ROUND), take(b, ROUNDS * SAMPLES_PER_ROUND)
    ratio = float(np.median(b_ns) / np.median(a_ns))
    half = math.hypot(
        *(_half_interval(samples) / float(np.median(samples)) for samples in (a_ns, b_ns))
    )
    low, high = ratio * math.exp(-half), ratio * math.exp(half)
    is_different = (low > 1 and ratio >= 1 + EFFECT) or (high < 1 and ratio <= 1 / (1 + EFFECT))
    return Comparison(
        ratio,
        (low, high),
        ("slower" if ratio > 1 else "faster") if is_different else "inconclusive",
    )


def _half_interval(samples: Samples) -> float:
    count = len(samples)
    ranks = count / 2 - 0.5 + np.array([-0.98, 0.98]) * math.sqrt(count)
    low, high = np.interp(ranks, np.arange(count), np.sort(samples))
    return float(high - low) / 2


@contextmanager
def load(enabled: bool) -> Iterator[None]:
    """Load the machine in bursts by a second process, if enabled."""
    if not enabled:
        yield
        return
    other = subprocess.Popen([sys.executable, __file__, "--burst"])
    try:
        time.sleep(1)
        yield
    finally:
        other.kill()
        other.wait()


def burst() -> None:
    """Work on every core for 10 to 200 ms, then rest for 10 to 400 ms; repeat until killed."""
    rng, matrix = np.random.default_rng(), np.ones((256, 256))
    while True:
        until = time.perf_counter() + rng.uniform(0.01, 0.2)
        while time.perf_counter() < until:
            matrix @ matrix
        time.sleep(rng.uniform(0.01, 0.4))


def repetition(call: Call, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield the outcome of each way to compare, without and with the slowdown."""
    extra_ns = SLOWDOWN * float(np.median(take(call, 50)))
    for slowdown, other in ((0.0, call), (SLOWDOWN, spinning(call, extra_ns))):
        for way, comparison in (
            ("interleaved", interleaved(call, other, rng)),
            ("sequential", sequential(call, other)),
        ):
            yield {
                "way": way,
                "slowdown": slowdown,
                "ratio": comparison.ratio,
                "interval": comparison.interval,
                "verdict": comparison.verdict,
            }


def measure(path: Path, repetitions: int) -> list[dict[str, Any]]:
    """Do the repetitions that the record lacks; return all rows."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    call, rng = workload(), np.random.default_rng()
    with path.open("a") as record:
        for until in range(BLOCK, repetitions + BLOCK, BLOCK):
            for loaded in (False, True):
                done = (
                    max((row["repetition"] for row in rows if row["loaded"] == loaded), default=-1)
                    + 1
                )
                missing = range(done, min(until, repetitions))
                with load(loaded and len(missing) > 0):
                    for number in missing:
                        fresh = [
                            {"repetition": number, "loaded": loaded, **row}
                            for row in repetition(call, rng)
                        ]
                        record.write("".join(json.dumps(row) + "\n" for row in fresh))
                        rows += fresh
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["loaded"], row["slowdown"], row["way"]].append(row)
    heading = (
        "| load | slowdown | order | repetitions | interval without 1 "
        "| slower | faster | same | inconclusive | 95% of the ratios |"
    )
    lines = [heading, "|---|---|---|---|---|---|---|---|---|---|"]
    for (loaded, slowdown, way), group in sorted(groups.items()):
        verdicts = collections.Counter(row["verdict"] for row in group)
        outside = np.mean([not row["interval"][0] <= 1 <= row["interval"][1] for row in group])
        low, high = np.percentile([row["ratio"] for row in group], [2.5, 97.5])
        shares = " | ".join(
            f"{verdicts[name] / len(group):.1%}"
            for name in ("slower", "faster", "same", "inconclusive")
        )
        load_name = "bursts" if loaded else "none"
        lines.append(
            f"| {load_name} | {slowdown:.0%} | {way} | {len(group):,} | {outside:.1%} "
            f"| {shares} | {low:.3f}–{high:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--record", type=Path, default=Path("latency_aa.jsonl"))
    parser.add_argument("--burst", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.burst:
        burst()
    started = time.perf_counter()
    rows = measure(options.record, options.repetitions)
    typical = float(np.median(take(workload(), 200)))
    print(table(rows))
    print(
        f"\nThe call takes {typical / 1e3:.0f} µs; {os.cpu_count()} cores; "
        f"load average {os.getloadavg()[0]:.1f}; {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
