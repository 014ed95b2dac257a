"""Tables of what makes processes differ: per cause, variants against the default."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from detbench.bench.latency.statistics.processes import mean_interval
from detbench.bench.machine_speed.speed import EXCHANGE_LIMIT, MachineSpeed
from tests.experiments.process_host import ClockReading, HostReading
from tests.experiments.process_turns import Turn, best_of, counts
from tests.experiments.process_variants import (
    ALONE,
    BASELINES,
    COMPANY,
    DEFAULT,
    KERAS_VARIANTS,
    SAME,
    VARIANTS,
)

Key = tuple[str, str]
"""Cause and variant."""
_FAR = 1.5
"""As multiples of the best exchange time: beyond, the cores share no cache."""
_NS_PER_MS = 1e6


def cause_tables(turns: Sequence[Turn]) -> Iterator[str]:
    """Yield a Markdown table of each cause."""
    best = best_of(turns)
    p50 = process_p50s([turn for turn in turns if counts(turn, best)])
    keys = [(one.cause, one.name) for one in (*BASELINES, *VARIANTS, *KERAS_VARIANTS, *COMPANY)]
    turns = sorted(turns, key=lambda turn: keys.index((turn.cause, turn.variant)))
    for cause in dict.fromkeys(turn.cause for turn in turns):
        yield (
            f"\n**{cause}**\n\n| model | variant | processes | p50 ms (95% CI) | lowest to highest "
            "| times the baseline (95% CI) | set aside |\n|---|---|---|---|---|---|---|"
        )
        own = [turn for turn in turns if turn.cause == cause]
        for model in dict.fromkeys(turn.model for turn in own):
            for variant in dict.fromkeys(turn.variant for turn in own if turn.model == model):
                rows = [turn for turn in own if (turn.model, turn.variant) == (model, variant)]
                yield _row(p50.get(model, {}), model, (cause, variant), rows, best)


def process_p50s(turns: Sequence[Turn]) -> dict[str, dict[Key, dict[int, float]]]:
    """Return the p50 of each process in ms, by model, variant and group."""
    samples: dict[str, dict[Key, dict[int, list[int]]]] = {}
    for turn in turns:
        groups = samples.setdefault(turn.model, {}).setdefault((turn.cause, turn.variant), {})
        groups.setdefault(turn.group, []).extend(turn.samples_ns)
    return {
        model: {
            key: {group: float(np.median(ns)) / _NS_PER_MS for group, ns in groups.items()}
            for key, groups in variants.items()
        }
        for model, variants in samples.items()
    }


def log_ratios(p50s: dict[Key, dict[int, float]], key: Key) -> list[float]:
    """Return log(p50 / p50 of the baseline) of each group that has both.

    The baseline is the mean of the two default processes; for the second of them it is the first,
    and in company it is the process that was alone.
    """
    if key[0] == ALONE.cause:
        bases: list[Key] = [(ALONE.cause, ALONE.name)]
    else:
        bases = (
            [(DEFAULT, DEFAULT)]
            if key == (DEFAULT, SAME)
            else [(DEFAULT, DEFAULT), (DEFAULT, SAME)]
        )
    ratios = []
    for group, value in p50s.get(key, {}).items():
        baseline = [math.log(p50s[base][group]) for base in bases if group in p50s.get(base, {})]
        if baseline:
            ratios.append(math.log(value) - float(np.mean(baseline)))
    return ratios


def _row(
    p50s: dict[Key, dict[int, float]],
    model: str,
    key: Key,
    turns: Sequence[Turn],
    best: MachineSpeed,
) -> str:
    values = list(p50s.get(key, {}).values())
    share = np.mean([not counts(turn, best) for turn in turns])
    if not values:
        return f"| {model} | {key[1]} | 0 | | | | {share:.0%} |"
    interval = mean_interval(values)
    shown = f"{np.mean(values):.2f}" + (
        f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    )
    return (
        f"| {model} | {key[1]} | {len(values)} | {shown} | {min(values):.2f} to {max(values):.2f} "
        f"| {_ratio(p50s, key)} | {share:.0%} |"
    )


def _ratio(p50s: dict[Key, dict[int, float]], key: Key) -> str:
    if key in ((DEFAULT, DEFAULT), (ALONE.cause, ALONE.name)):
        return "1"
    logs = log_ratios(p50s, key)
    interval = mean_interval(logs)
    if interval is None:
        return f"{math.exp(np.mean(logs)):.3f}" if logs else ""
    low, high = map(math.exp, interval)
    return f"{math.exp(np.mean(logs)):.3f} ({low:.3f} to {high:.3f})"


def host_table(turns: Sequence[Turn], readings: Sequence[HostReading]) -> Iterator[str]:
    """Yield a Markdown table of turns of the default by the exchange time around them.

    Turns that are set aside elsewhere are in it.
    """
    best = best_of(turns)
    models = list(dict.fromkeys(turn.model for turn in turns))
    yield (
        "\n**placement of the cores**\n\n| exchange time | turns | exchange µs | hash on all cores "
        f"/ on one | {' | '.join(f'{model} p50 ms (10–90%)' for model in models)} |\n"
        f"|---|---|---|---|{'---|' * len(models)}"
    )
    ratios = [_exchange_of(turn) / best.exchange_us for turn in turns]
    for low, high, name in _BINS:
        rows = [turn for turn, ratio in zip(turns, ratios, strict=True) if low < ratio <= high]
        hashes = [
            one.all_cores_us / one.one_core_us
            for one in readings
            if low < one.exchange_us / best.exchange_us <= high
        ]
        exchange = f"{np.median([_exchange_of(turn) for turn in rows]):.1f}" if rows else ""
        slowdown = f"{np.median(hashes):.2f} (of {len(hashes)})" if hashes else ""
        cells = " | ".join(_p50_of_default(rows, model) for model in models)
        share = len(rows) / len(turns)
        yield f"| {name} | {share:.0%} of {len(turns)} | {exchange} | {slowdown} | {cells} |"


_BINS = (
    (0.0, EXCHANGE_LIMIT, f"within {EXCHANGE_LIMIT - 1:.0%} of the best"),
    (EXCHANGE_LIMIT, _FAR, f"up to {_FAR:g} times the best"),
    (_FAR, math.inf, f"more than {_FAR:g} times"),
)


def _exchange_of(turn: Turn) -> float:
    return max(turn.before.exchange_us, turn.after.exchange_us)


def _p50_of_default(turns: Sequence[Turn], model: str) -> str:
    values = [
        float(np.median(turn.samples_ns)) / _NS_PER_MS
        for turn in turns
        if turn.model == model and turn.variant in (DEFAULT, SAME, ALONE.name)
    ]
    if not values:
        return ""
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f}–{high:.2f}, {len(values)} turns)"


def spread_lines(turns: Sequence[Turn]) -> Iterator[str]:
    """Yield how processes of the default differ, and how the turns of one process do."""
    best = best_of(turns)
    for model in dict.fromkeys(turn.model for turn in turns):
        processes: dict[tuple[str, int], list[float]] = {}
        for turn in turns:
            if turn.model == model and turn.cause == DEFAULT and counts(turn, best):
                logs = processes.setdefault((turn.variant, turn.group), [])
                logs.append(float(np.log(np.median(turn.samples_ns))))
        repeated = [logs for logs in processes.values() if len(logs) > 1]
        if len(processes) < 2 or not repeated:
            continue
        within = math.sqrt(np.mean([np.var(logs, ddof=1) for logs in repeated]))
        between = np.std([np.median(logs) for logs in processes.values()], ddof=1)
        yield (
            f"\n{model}, default: standard deviation of p50 {between:.1%} between "
            f"{len(processes)} processes, {within:.1%} between the turns of a process"
        )


def clock_lines(turns: Sequence[Turn], readings: Sequence[ClockReading]) -> Iterator[str]:
    """Yield how the speed of arithmetic varied over the experiment and after a pause."""
    speeds = [speed.compute_us for turn in turns for speed in (turn.before, turn.after)]
    low, middle, high = np.percentile(speeds, [5, 50, 95])
    best = best_of(turns).compute_us
    yield (
        f"\narithmetic on all cores, {len(speeds)} readings: best {best:.2f} µs, median "
        f"{middle:.2f} µs, 5–95% {low:.2f} to {high:.2f} µs"
    )
    if readings:
        ratios = [one.after_idle_us / one.sustained_us for one in readings]
        yield (
            f"arithmetic on one core after a pause / steady, {len(ratios)} readings: median "
            f"{np.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}"
        )
