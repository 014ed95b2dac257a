"""Tables of an export: what the audit compared, and the largest differences."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from detbench.bench.export import MATCHED_IOU, MEAN_AP_TOLERANCE, ExportAudit
from detbench.reports.terminal.table import plain_table


def audit_table(audit: ExportAudit) -> Table:
    """Return a table of the compared values, their differences, and the tolerances."""
    table = plain_table("compared", "difference", "tolerance", text_columns=3)
    for name, value in audit.heads.items():
        table.add_row(Text(f"raw output {name}, largest"), f"{value:.2g}", f"{audit.tolerance:g}")
    share = f"{audit.matched_share:.2%} matched" if max(audit.boxes) else "no boxes"
    model_boxes, export_boxes = audit.boxes
    boxes = f"{model_boxes:,} and {export_boxes:,} boxes, at IoU {MATCHED_IOU:g}"
    table.add_row(boxes, share, "")
    if audit.mean_ap is not None:
        scores = audit.mean_ap
        table.add_row(
            f"{scores.measure} {scores.model:.4f} and {scores.export:.4f}",
            f"{scores.difference:+.5f}",
            f"±{MEAN_AP_TOLERANCE:g}",
        )
    return table
