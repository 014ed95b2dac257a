"""Latency tables: what was timed, what was compared, and why something must not be quoted, for people, with rich."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from detbench.bench.environment import Environment
from detbench.bench.gpu import GpuState
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.machine import MachineState
from detbench.reports.terminal.table import ABSENT, plain_table

CAPTION = "infer is the model alone, its input on the device already; end_to_end goes from encoded pictures to boxes"
_NUMBERS = (
    "p50 ms",
    "95% interval",
    "p90",
    "p95",
    "p99",
    "mean",
    "jitter",
    "pictures/s",
    "first call s",
    "samples",
)
_SPARE = ("jitter", "mean", "p95", "first call s", "p99", "samples", "pictures/s")
"""What is left out first where the terminal is narrow, unless the scenario is quoted by it."""
_MODELS = ("model", "B", "beside A")
_ANY_WIDTH = 10_000
_DIGITS = 3
_MOST_DECIMALS = 6
_MOST_NAMED = 2
_STYLES = {
    "valid": "green",
    "invalid": "bold red",
    "faster": "green",
    "slower": "bold red",
    "same": "",
    "inconclusive": "yellow",
}


def latency_table(results: Sequence[LatencyResult]) -> RenderableType:
    """Return models, batch sizes and stages down, percentiles and rates across; what the scenario is quoted by is bold.

    A narrow terminal is shown fewer columns, and told which are left out.
    """
    return _FittingTable(results)


@dataclass(frozen=True)
class _FittingTable:
    results: Sequence[LatencyResult]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bold = _quoted_by(self.results)
        spare = [heading for heading in _SPARE if heading not in bold]
        for count in range(len(spare) + 1):
            table = _table_without(spare[:count], self.results, bold)
            if (
                table.__rich_measure__(console, options.update_width(_ANY_WIDTH)).maximum
                <= options.max_width
            ):
                break
        yield table
        if count:
            yield Text(f"not shown for want of width: {', '.join(spare[:count])}")


def _quoted_by(results: Sequence[LatencyResult]) -> set[str]:
    quoted = {SCENARIOS[result.scenario].percentile for result in results}
    return {f"p{q:g}" for q in quoted if q is not None} | (
        {"pictures/s"} if None in quoted else set()
    )


def _table_without(
    left_out: Sequence[str], results: Sequence[LatencyResult], bold: set[str]
) -> Table:
    headings = [heading for heading in _NUMBERS if heading not in left_out]
    table = _table(
        ["model", "batch", "stage", *headings, "verdict"],
        texts=("model", "stage", "verdict"),
        bold=bold,
    )
    shown: tuple[str, int] | None = None
    for result in sorted(results, key=lambda each: (_first_place(results, each.model), each.batch)):
        group = (result.model, result.batch)
        names = [result.model, str(result.batch)] if group != shown else ["", ""]
        numbers = _numbers(result)
        table.add_row(
            *map(Text, [*names, result.stage, *(numbers[heading] for heading in headings)]),
            Text(result.verdict, _STYLES[result.verdict]),
        )
        shown = group
    return table


def settings_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return, for each model, where and how it ran and how much memory it took."""
    lines = {}
    for result in results:
        if result.settings:
            lines[result.model] = f"{result.model}: {_where(result)}; {_memory(result)}"
    return list(lines.values())


def reason_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return why numbers must not be quoted, one kind of reason per line, with the first few that it is about."""
    kinds: dict[str, list[str]] = {}
    for result in results:
        for reason in result.reasons:
            kind, _, detail = reason.partition(": ")
            about = f"{result.model} {result.stage}, batch {result.batch}"
            kinds.setdefault(kind, []).append(f"{about}: {detail}" if detail else about)
    return [_reason_line(kind, entries, len(results)) for kind, entries in kinds.items()]


def remark_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return what must be said beside numbers, one line for each remark."""
    remarks = [remark for result in results for remark in result.remarks]
    return [
        f"note: {remarks.count(remark)} of {len(results)} have {remark}"
        for remark in dict.fromkeys(remarks)
    ]


def _reason_line(kind: str, entries: Sequence[str], count: int) -> str:
    more = f"; and {len(entries) - _MOST_NAMED} more" if len(entries) > _MOST_NAMED else ""
    return f"invalid: {kind}, {len(entries)} of {count}: {'; '.join(entries[:_MOST_NAMED])}{more}"


def comparison_table(pairs: Sequence[Pair]) -> Table:
    """Return how long each second model takes as a multiple of the first."""
    table = _table(
        ["B", "beside A", "batch", "stage", "B/A", "95% interval", "B is"],
        texts=("B", "beside A", "stage", "B is"),
    )
    for pair in pairs:
        found = pair.comparison
        low, high = found.interval
        interval = f"{low:.3f} to {high:.3f}" if math.isfinite(high) else ABSENT
        cells = (
            pair.b,
            pair.a,
            str(pair.task.batch),
            pair.task.stage,
            f"{found.ratio:.3f}",
            interval,
        )
        table.add_row(*map(Text, cells), Text(found.verdict, _STYLES[found.verdict]))
    return table


def alarm_lines(pairs: Sequence[Pair]) -> list[str]:
    """Return, for each stage and batch size of a model timed against itself, how often a difference was seen that cannot be there."""
    lines = []
    for task in dict.fromkeys(pair.task for pair in pairs):
        verdicts = [pair.comparison.verdict for pair in pairs if pair.task == task]
        alarms = sum(verdict in ("faster", "slower") for verdict in verdicts)
        spread = [pair.comparison.ratio for pair in pairs if pair.task == task]
        lines.append(
            f"{pairs[0].a} against itself, {task.stage}, batch {task.batch}: {alarms} false alarms in {len(verdicts)} comparisons "
            f"({verdicts.count('same')} same, {verdicts.count('inconclusive')} inconclusive), "
            f"ratios from {min(spread):.3f} to {max(spread):.3f}"
        )
    return lines


def _first_place(results: Sequence[LatencyResult], model: str) -> int:
    return next(place for place, result in enumerate(results) if result.model == model)


def _numbers(result: LatencyResult) -> dict[str, str]:
    found = result.interval_ms(50)
    cells = (
        _number(result.percentile_ms(50)),
        f"{_number(found[0])} to {_number(found[1])}" if found else ABSENT,
        *(_number(result.percentile_ms(q)) for q in (90, 95, 99)),
        _number(result.mean_ms),
        _number(result.jitter_ms),
        _number(result.throughput_per_s),
        _number(result.first_call_s),
        f"{len(result.samples_ns):,}",
    )
    return dict(zip(_NUMBERS, cells, strict=True))


def _where(result: LatencyResult) -> str:
    settings = result.settings
    runs = ", ".join(str(settings[key]) for key in ("backend", "provider") if key in settings)
    queries = (
        f", {settings['requests_per_query']} batches per query"
        if settings["requests_per_query"] > 1
        else ""
    )
    return f"{runs or 'a detector'} on {settings['device']}, threads {settings['threads']}, clock {settings['clock']}{queries}"


def _memory(result: LatencyResult) -> str:
    parts = [("host", result.peak_host_bytes), ("device", result.peak_device_bytes)]
    told = [f"{size / 1e6:,.0f} MB of {where} memory" for where, size in parts if size is not None]
    return f"at most {' and '.join(told)}" if told else "memory unknown"


def _number(value: float | None) -> str:
    """Return a number with three significant digits, more where it is a thousand or above, fewer where it is below a µs."""
    if value is None:
        return ABSENT
    decimals = _DIGITS - 1 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{min(max(decimals, 0), _MOST_DECIMALS)}f}"


def _table(headings: Sequence[str], *, texts: Sequence[str], bold: set[str] | None = None) -> Table:
    table = plain_table()
    for heading in headings:
        justify: JustifyMethod = "left" if heading in texts else "right"
        style = "bold" if heading in (bold or ()) else ""
        table.add_column(
            heading, justify=justify, overflow="fold", no_wrap=heading not in _MODELS, style=style
        )
    return table


def environment_lines(found: Environment, now: MachineState) -> list[str]:
    """Return the machine, its state and the versions, one thing per line."""
    memory = f"{found.memory_bytes / 2**30:.1f} GiB" if found.memory_bytes else ABSENT
    clock = f"{now.cpu_mhz:,.0f} MHz" if now.cpu_mhz else ABSENT
    lines = [
        ("machine", f"{found.platform}, Python {found.python}"),
        (
            "CPU",
            f"{found.cpu}, {found.cores} cores, {clock}, governor {found.cpu_governor or ABSENT}, {memory} memory",
        ),
        ("load", f"{now.outside_cores or 0.0:.1f} cores busy with other processes"),
        (
            "throttling",
            f"{now.cpu_throttle_events:,} events since start"
            if now.cpu_throttle_events is not None
            else "not told by the CPU",
        ),
        *(
            ("GPU", f"{gpu.name}, driver {gpu.driver}, {gpu.memory_bytes / 2**30:.1f} GiB")
            for gpu in found.gpus
        ),
        *([("GPU now", _gpu_state(now.gpu))] if now.gpu else [("GPU", "none that NVML knows")]),
        ("git", found.git_commit or ABSENT),
        ("libraries", ", ".join(f"{name} {version}" for name, version in found.libraries.items())),
    ]
    return [f"{name:<11}{value}" for name, value in lines]


def _gpu_state(gpu: GpuState) -> str:
    values = [(gpu.sm_clock_mhz, "MHz"), (gpu.power_w, "W"), (gpu.temperature_c, "°C")]
    told = [f"{value:g} {unit}" for value, unit in values if value is not None]
    return ", ".join([*told, *gpu.clock_reasons])
