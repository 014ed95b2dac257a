"""The audit of an export as a table for people."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.bench.export import MATCHED_IOU, MEAN_AP, ExportAudit


def audit_table(audit: ExportAudit) -> Table:
    """Return what was compared, what was found, and what is allowed."""
    table = Table("compared", "found", "allowed", box=SIMPLE_HEAD)
    for name, value in audit.heads.items():
        table.add_row(Text(f"largest difference of {name}"), f"{value:.2g}", f"{audit.tolerance:g}")
    share = f"{audit.share_matched:.2%}" if max(audit.boxes) else "no boxes"
    table.add_row(
        f"boxes matched at IoU {MATCHED_IOU:g} ({audit.boxes[0]:,} and {audit.boxes[1]:,})",
        share,
        "",
    )
    if audit.mean_ap is not None:
        scored = audit.mean_ap
        table.add_row(
            f"{scored.measure} {scored.model:.4f} and {scored.export:.4f}",
            f"{scored.difference:+.5f}",
            f"±{MEAN_AP:g}",
        )
    return table
