"""An evaluation as HTML for notebooks, everything escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.metrics.scoring.evaluation import Evaluation

_MOST_ROWS = 100
_ABSENT = "–"


def headline(evaluation: Evaluation) -> str:
    """Return in a line which detector was scored on what, by which protocol, with which result."""
    truth, [measure, *_] = evaluation.ground_truth, evaluation.summary.items()
    size = f"{len(truth.image_ids):,} images, {len(truth.class_names):,} classes"
    changed = (
        f" (changed: {', '.join(evaluation.protocol.changed)})"
        if evaluation.protocol.changed
        else ""
    )
    name, value = measure
    number = _ABSENT if value is None else f"{value:.4f}"
    return f"{evaluation.detections.name} on {truth.name}: {name} {number}, protocol {evaluation.protocol.name}{changed}, {size}"


def evaluation_html(evaluation: Evaluation) -> str:
    """Return headline, summary and classes; of more than a hundred classes the first and last fifty."""
    import pandas as pd

    summary = pd.DataFrame([evaluation.summary], dtype=float)
    classes = evaluation.per_class().rename_axis(None)
    look: dict[str, Any] = {"float_format": "{:.4f}".format, "na_rep": _ABSENT, "border": 0}
    tables = (summary.to_html(index=False, **look), classes.to_html(max_rows=_MOST_ROWS, **look))
    return f"<p><b>{escape(headline(evaluation))}</b></p>{''.join(tables)}"
