"""Tables of what makes processes differ: per cause, variants against the default."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from detbench.bench.latency.statistics.processes import mean_interval
from detbench.bench.machine_speed.speed import EXCHANGE_LIMIT, MachineSpeed
from detbench.metrics.uncertainty.student_t import student_t_quantile
from tests.experiments.process_host import ClockReading, HostReading
from tests.experiments.process_turns import Turn, best_of, counts, is_undisturbed
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


def ratio_to_baseline(
    p50s: dict[Key, dict[int, float]], key: Key
) -> tuple[float, float, float] | None:
    """Return the ratio of p50 to the baseline with its 95% interval, by least squares.

    The logarithm of each p50 is that of its variant plus that of its group, so that a group whose
    baseline was set aside counts through its other variants. The residuals of all variants
    together give the interval (Student's t). It is about the ratio of the geometric means.

    Returns:
        The ratio and the ends of the interval, NaN without residuals. None if no group connects
        the variant with the baseline.
    """
    in_company = key[0] == ALONE.cause
    base = (ALONE.cause, ALONE.name) if in_company else (DEFAULT, DEFAULT)
    merged = {(DEFAULT, SAME): base} if key != (DEFAULT, SAME) else {}
    rows = [
        (merged.get(one, one), group, math.log(value))
        for one, groups in p50s.items()
        if (one[0] == ALONE.cause) == in_company
        for group, value in groups.items()
    ]
    variants = [one for one in dict.fromkeys(row[0] for row in rows) if one != base]
    if key not in variants:
        return None
    groups = list(dict.fromkeys(row[1] for row in rows))
    design = np.array(
        [
            [float(row[0] == one) for one in variants] + [float(row[1] == one) for one in groups]
            for row in rows
        ]
    )
    logs = np.array([row[2] for row in rows])
    inverse = np.linalg.pinv(design)
    contrast = np.eye(design.shape[1])[variants.index(key)]
    if not np.allclose(contrast @ inverse @ design, contrast, atol=1e-6):
        return None
    estimate = float(contrast @ inverse @ logs)
    freedom = len(rows) - int(np.linalg.matrix_rank(design))
    if freedom < 1:
        return math.exp(estimate), math.nan, math.nan
    residuals = logs - design @ (inverse @ logs)
    deviation = math.sqrt(float(residuals @ residuals) / freedom)
    margin = (
        student_t_quantile(0.975, freedom) * deviation * float(np.linalg.norm(contrast @ inverse))
    )
    return math.exp(estimate), math.exp(estimate - margin), math.exp(estimate + margin)


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
    ratio = ratio_to_baseline(p50s, key)
    if ratio is None:
        return ""
    center, low, high = ratio
    return f"{center:.3f}" + ("" if math.isnan(low) else f" ({low:.3f} to {high:.3f})")


def host_table(turns: Sequence[Turn], readings: Sequence[HostReading]) -> Iterator[str]:
    """Yield a Markdown table of turns of the default by the exchange time around them.

    Turns of a slower machine are in it, those beside other work are not.
    """
    best = best_of(turns)
    turns = [turn for turn in turns if is_undisturbed(turn)]
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


def share_line(turns: Sequence[Turn]) -> str:
    """Return how many turns were set aside, and why."""
    best = best_of(turns)
    kept = sum(counts(turn, best) for turn in turns)
    busy = sum(not is_undisturbed(turn) for turn in turns)
    return (
        f"\n{len(turns)} turns: {kept} count, {busy} were beside other work, "
        f"{len(turns) - kept - busy} only on a slower machine"
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
