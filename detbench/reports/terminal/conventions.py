"""Conventions: one detector's mAP under every convention in use, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from detbench.metrics.scoring.conventions import INTERPOLATIONS, Convention
from detbench.reports.terminal.table import number_text, plain_table

_RULES = {"ignore": "ignored", "count": "counted", "drop": "dropped"}
_DIGITS = 5


def convention_grid(rows: Sequence[Convention]) -> Table:
    """Return the mAP of one detector under every convention.

    Rows are the interpolation and the rule on difficult objects; columns are "+1" in widths and
    the overlap test.
    """
    table = plain_table("AP method", "difficult", text_columns=2)
    columns = [(plus_one, strict) for plus_one in (True, False) for strict in (False, True)]
    for plus_one, strict in columns:
        heading = f"{'+1' if plus_one else 'no +1'}, {'>' if strict else '≥'} 0.5"
        table.add_column(heading, justify="right", no_wrap=True)
    values = {
        (row.interpolation, row.difficult, row.plus_one, row.strict_overlap): row.value
        for row in rows
    }
    rules = list(dict.fromkeys(row.difficult for row in rows))
    for interpolation in INTERPOLATIONS:
        for rule in rules:
            cells = [
                number_text(values[interpolation, rule, plus_one, strict], _DIGITS)
                for plus_one, strict in columns
            ]
            table.add_row(
                interpolation if rule == rules[0] else "",
                _RULES[rule] if len(rules) > 1 else "none marked",
                *cells,
                end_section=rule == rules[-1],
            )
    return table


def convention_lines(name: str, coco: Mapping[str, float | None]) -> tuple[str, str]:
    """Return the lines above and below the grid of the detector `name`."""
    numbers = ", ".join(f"{key} {number_text(value, _DIGITS)}" for key, value in coco.items())
    return (
        f"{name}: mAP at IoU 0.5 under every convention",
        f"COCO protocol on the same boxes: {numbers}",
    )
