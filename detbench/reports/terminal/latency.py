"""Latency tables: times, comparisons, and why results are not valid, in a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from detbench.bench.latency.assembly import TimedPair
from detbench.bench.latency.result import LatencyResult, Turns
from detbench.bench.latency.scenario import SCENARIOS
from detbench.reports.terminal.table import ABSENT, plain_table

CAPTION = (
    "infer: the model alone, its input on the device; end_to_end: from encoded images to boxes"
)
_NUMBERS = (
    "p50 ms",
    "95% CI",
    "processes",
    "p50 of each",
    "p90",
    "p95",
    "p99",
    "mean",
    "jitter",
    "images/s",
    "first call s",
    "samples",
    "set aside",
)
_DROPPABLE = (
    "jitter",
    "mean",
    "first call s",
    "p95",
    "set aside",
    "samples",
    "p99",
    "images/s",
    "processes",
    "p50 of each",
)
"""Columns that a narrow terminal omits, in this order, unless the scenario is reported by them."""
_THROUGHPUT = "images/s"
_WRAPPED = ("model", "B", "compared with A")
_TURNS: dict[Turns, str] = {
    "stopped": "other models stopped meanwhile",
    "parked": "other models idle meanwhile",
    "restarted": "other models not loaded meanwhile",
    "in_process": "other models loaded in the same process",
}
_UNLIMITED_WIDTH = 10_000
_SIGNIFICANT_DIGITS = 3
_MAX_DECIMALS = 6
_MAX_EXAMPLES = 2
_BYTES_PER_MB = 1e6
_STYLES = {
    "valid": "green",
    "quick look": "yellow",
    "invalid": "bold red",
    "faster": "green",
    "slower": "bold red",
    "same": "",
    "inconclusive": "yellow",
}


def latency_table(results: Sequence[LatencyResult]) -> RenderableType:
    """Return a row per model, batch size and stage; what the scenario is reported by is bold.

    "p50 of each" is the lowest and the highest p50 of all processes. "set aside" is the share of
    samples from while the machine was slower than at its best; no other column contains them.

    A narrow terminal shows fewer columns, and a line below the table names the omitted ones.
    """
    bold = _reported_columns(results)
    droppable = [heading for heading in _DROPPABLE if heading not in bold]
    return _FittingTable(lambda omitted: _result_table(results, omitted, bold), droppable)


@dataclass(frozen=True)
class _FittingTable:
    """Omits columns until the table fits into the console."""

    table_without: Callable[[Sequence[str]], Table]
    """Returns the table without columns of these headings."""
    droppable: Sequence[str]
    """Headings, in the order in which columns are omitted."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unlimited = options.update_width(_UNLIMITED_WIDTH)
        for count in range(len(self.droppable) + 1):
            table = self.table_without(self.droppable[:count])
            if table.__rich_measure__(console, unlimited).maximum <= options.max_width:
                break
        yield table
        if count:
            omitted = ", ".join(self.droppable[:count])
            yield Text(f"columns omitted in this narrow terminal: {omitted}")


def _reported_columns(results: Sequence[LatencyResult]) -> set[str]:
    percentiles = {SCENARIOS[result.scenario].percentile for result in results}
    return {_THROUGHPUT if q is None else f"p{q:g}" for q in percentiles}


def _result_table(
    results: Sequence[LatencyResult], omitted: Sequence[str], bold: set[str]
) -> Table:
    headings = [heading for heading in _NUMBERS if heading not in omitted]
    table = _table(
        ["model", "batch", "stage", *headings, "verdict"],
        text_columns=("model", "stage", "verdict"),
        bold=bold,
    )
    last_group: tuple[str, int] | None = None
    for result in _ordered(results):
        group = (result.model, result.batch)
        labels = [result.model, str(result.batch)] if group != last_group else ["", ""]
        numbers = _numbers(result)
        cells = [*labels, result.stage, *(numbers[heading] for heading in headings)]
        table.add_row(*map(Text, cells), Text(result.verdict, _STYLES[result.verdict]))
        last_group = group
    return table


def _ordered(results: Sequence[LatencyResult]) -> list[LatencyResult]:
    """Return results by model, in the order of their first results, then by batch size."""
    models = list(dict.fromkeys(result.model for result in results))
    return sorted(results, key=lambda result: (models.index(result.model), result.batch))


def settings_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return, per model, where and how it ran, how much memory it used, and what others did."""
    is_alone = len({result.model for result in results}) == 1
    lines = {
        result.model: f"{result.model}: {_runtime_text(result)}; {_memory_text(result)}"
        + ("" if is_alone else f"; {_TURNS[result.turns]}")
        for result in results
        if result.settings
    }
    return list(lines.values())


def reason_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return why results are not valid: a line per kind of reason, with its first examples."""
    tasks: dict[str, dict[str, list[str]]] = {}
    for result in results:
        for reason in result.reasons:
            kind, _, detail = reason.partition(": ")
            task = f"{result.model} {result.stage}, batch {result.batch}"
            tasks.setdefault(kind, {}).setdefault(detail or task, []).append(task)
    return [_reason_line(kind, by_detail, len(results)) for kind, by_detail in tasks.items()]


def _reason_line(kind: str, tasks: Mapping[str, Sequence[str]], count: int) -> str:
    """Return a line about one kind of reason.

    Args:
        kind: Of the reason.
        tasks: By the detail of the reason; a reason without one has the task as its detail.
        count: Of all results.
    """
    examples = []
    for detail, (first, *others) in tasks.items():
        also = f" and {len(others)} more" if others else ""
        examples.append(first if detail == first else f"{first}{also}: {detail}")
    n_affected = len({task for of_detail in tasks.values() for task in of_detail})
    more = f"; and {len(examples) - _MAX_EXAMPLES} more" if len(examples) > _MAX_EXAMPLES else ""
    return f"invalid: {kind}, {n_affected} of {count}: {'; '.join(examples[:_MAX_EXAMPLES])}{more}"


def remark_lines(results: Sequence[LatencyResult]) -> list[str]:
    """Return what a reader of the numbers must know, one line per remark."""
    remarks = [remark for result in results for remark in result.remarks]
    return [
        f"note: {remarks.count(remark)} of {len(results)} results: {remark}"
        for remark in dict.fromkeys(remarks)
    ]


def comparison_table(pairs: Sequence[TimedPair]) -> RenderableType:
    """Return the time of each second model as a multiple of the first one's.

    "processes" is the number of pairs of processes that were timed side by side.
    """
    return _FittingTable(lambda omitted: _pair_table(pairs, omitted), ["processes"])


def _pair_table(pairs: Sequence[TimedPair], omitted: Sequence[str]) -> Table:
    headings = ["B", "compared with A", "batch", "stage", "B/A", "95% CI", "processes", "B is"]
    shown = [heading for heading in headings if heading not in omitted]
    table = _table(shown, text_columns=("B", "compared with A", "stage", "B is"))
    for pair in pairs:
        comparison = pair.comparison
        low, high = comparison.interval
        cells = {
            "B": pair.b,
            "compared with A": pair.a,
            "batch": str(pair.task.batch),
            "stage": pair.task.stage,
            "B/A": ABSENT if math.isnan(comparison.ratio) else f"{comparison.ratio:.3f}",
            "95% CI": f"{low:.3f} to {high:.3f}" if math.isfinite(high) else ABSENT,
            "processes": f"{comparison.processes}",
            "B is": comparison.verdict,
        }
        *texts, verdict = (cells[heading] for heading in shown)
        table.add_row(*map(Text, texts), Text(verdict, _STYLES[verdict]))
    return table


def false_alarm_lines(pairs: Sequence[TimedPair]) -> list[str]:
    """Return how often a model was called faster or slower than itself, a line per task."""
    lines = []
    for task in dict.fromkeys(pair.task for pair in pairs):
        comparisons = [pair.comparison for pair in pairs if pair.task == task]
        verdicts = [comparison.verdict for comparison in comparisons]
        ratios = [one.ratio for one in comparisons if not math.isnan(one.ratio)]
        n_alarms = verdicts.count("faster") + verdicts.count("slower")
        lines.append(
            f"{pairs[0].a} against itself, {task.stage}, batch {task.batch}:"
            f" {n_alarms} false alarms in {len(verdicts)} comparisons"
            f" ({verdicts.count('same')} same, {verdicts.count('inconclusive')} inconclusive)"
            + (f", ratios from {min(ratios):.3f} to {max(ratios):.3f}" if ratios else "")
        )
    return lines


def _numbers(result: LatencyResult) -> dict[str, str]:
    """Return the cells of a result by heading."""
    medians = result.process_percentiles_ms(50)
    cells = (
        three_digits(result.percentile_ms(50)),
        _range_text(result.interval_ms(50)),
        f"{len(medians)}",
        _range_text((min(medians), max(medians)) if len(medians) > 1 else None),
        *(three_digits(result.percentile_ms(q)) for q in (90, 95, 99)),
        three_digits(result.mean_ms),
        three_digits(result.jitter_ms),
        three_digits(result.throughput_per_s),
        three_digits(result.first_call_s),
        f"{len(result.samples_ns):,}",
        ABSENT if result.set_aside_share is None else f"{result.set_aside_share:.0%}",
    )
    return dict(zip(_NUMBERS, cells, strict=True))


def _range_text(ends: tuple[float, float] | None) -> str:
    return f"{three_digits(ends[0])} to {three_digits(ends[1])}" if ends else ABSENT


def _runtime_text(result: LatencyResult) -> str:
    settings = result.settings
    runtime = ", ".join(str(settings[key]) for key in ("backend", "provider") if key in settings)
    text = (
        f"{runtime or 'a detector'} on {settings['device']},"
        f" threads {settings['threads']}, clock {settings['clock']}"
    )
    if settings["requests_per_query"] > 1:
        text += f", {settings['requests_per_query']} batches per query"
    return text


def _memory_text(result: LatencyResult) -> str:
    sizes = [("host", result.peak_host_bytes), ("device", result.peak_device_bytes)]
    peaks = [
        f"{size / _BYTES_PER_MB:,.0f} MB of {kind} memory"
        for kind, size in sizes
        if size is not None
    ]
    return f"peak {' and '.join(peaks)}" if peaks else "memory unknown"


def three_digits(value: float | None) -> str:
    """Return a number with three significant digits.

    Numbers from a thousand on have all their whole digits, those below 1e-6 have fewer.
    """
    if value is None:
        return ABSENT
    magnitude = math.floor(math.log10(value)) if value > 0 else _SIGNIFICANT_DIGITS
    decimals = min(max(_SIGNIFICANT_DIGITS - 1 - magnitude, 0), _MAX_DECIMALS)
    return f"{value:,.{decimals}f}"


def _table(
    headings: Sequence[str], *, text_columns: Sequence[str], bold: set[str] | None = None
) -> Table:
    table = plain_table()
    for heading in headings:
        justify: JustifyMethod = "left" if heading in text_columns else "right"
        style = "bold" if heading in (bold or ()) else ""
        is_wrapped = heading in _WRAPPED
        table.add_column(
            heading, justify=justify, overflow="fold", no_wrap=not is_wrapped, style=style
        )
    return table
