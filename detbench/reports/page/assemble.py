"""Assemble: from frames to the content of a page; runs that are not comparable are kept apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.metrics.uncertainty.clusters import group_count
from detbench.reports.curves import plotted_iou
from detbench.reports.detector_columns import BEST_F1_COLUMNS
from detbench.reports.frames import Frames
from detbench.reports.page.claims import claims
from detbench.reports.page.content import (
    BestF1,
    ClassName,
    ClassPairCell,
    ClassRow,
    Comparison,
    Content,
    Detector,
    Ends,
    PairRow,
    SizeRange,
    Timing,
)
from detbench.reports.page.error_analysis import error_analysis
from detbench.reports.page.explorer import explorer_data
from detbench.reports.page.gallery import gallery
from detbench.reports.page.names import isolated
from detbench.reports.page.provenance import (
    changed_switches_text,
    command_of,
    run_provenance,
    shared_provenance,
)
from detbench.reports.scored_detector import ScoredDetector

if TYPE_CHECKING:
    import pandas as pd

_UNLIMITED_AREA = 1e10
"""COCO's upper limit of the area of large objects, in square pixels."""


def content_of(frames: Frames, *, command: str, gallery_size: int) -> Content:
    """Return the content of a page, with detectors in their order.

    Detectors on different data or under different protocols make different comparisons.

    Args:
        frames: the tables of all detectors.
        command: command line that rebuilds the page.
        gallery_size: maximum number of example images of a comparison.
    """
    from detbench import __version__

    comparisons = tuple(
        _comparison(f"p{place}", group, gallery_size) for place, group in enumerate(frames.split())
    )
    datasets = ", ".join(dict.fromkeys(isolated(each.dataset) for each in comparisons))
    names = [scored.name for scored in frames.detectors]
    subject = isolated(names[0]) if len(names) == 1 else f"{len(names)} detectors"
    return Content(
        title=f"{subject} on {datasets}",
        comparisons=comparisons,
        notices=_notices(comparisons),
        command=command,
        version=str(__version__),
    )


def _notices(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Return a warning not to compare across several comparisons."""
    if len(comparisons) == 1:
        return ()
    headings = "; ".join(f"{number}. {each.heading}" for number, each in enumerate(comparisons, 1))
    notice = (
        "These runs differ in data, protocol or groups of images, so their scores must not be "
        f"compared across the {len(comparisons)} comparisons on this page: {headings}."
    )
    return (notice,)


def _comparison(key: str, frames: Frames, gallery_size: int) -> Comparison:
    first = frames.detectors[0]
    group = frames.groups.iloc[0]
    headline = str(group["measure"])
    images = int(group["images"])
    groups = group_count(first.evaluation.ground_truth)
    classes = tuple(
        ClassName(str(row["class"]), int(row["ground_truths"]))
        for row in _rows(frames.classes, first)
    )
    detectors = tuple(
        _detector(frames, scored, series) for series, scored in enumerate(frames.detectors)
    )
    shared = tuple(
        row
        for row in detectors[0].provenance
        if all(row in detector.provenance for detector in detectors)
    )
    pairs = _pair_rows(frames)
    reference, class_pairs = _class_pair_cells(frames)
    cards, note = gallery(frames, gallery_size)
    return Comparison(
        key=key,
        heading=str(group["heading"]),
        dataset=first.evaluation.ground_truth.name,
        images=images,
        groups=groups,
        objects=int(group["ground_truths"]),
        protocol=first.evaluation.protocol.name,
        changed_switches=changed_switches_text(first.evaluation),
        headline=headline,
        detectors=tuple(_without_provenance(detector, shared) for detector in detectors),
        pairs=pairs,
        reference=reference,
        class_pairs=class_pairs,
        classes=classes,
        sizes=tuple(_size(row) for row in _rows(frames.sizes, first)),
        ious=first.by_iou.protocol.iou_thresholds,
        plotted_iou=plotted_iou(first.evaluation),
        explorer=explorer_data(frames),
        claims=claims(
            detectors,
            headline,
            [row.name for row in classes],
            images,
            pairs,
            class_pairs,
            groups=groups,
        ),
        error_analysis=error_analysis(
            [scored.evaluation for scored in frames.detectors], with_images=gallery_size > 0
        ),
        gallery=cards,
        gallery_note=note,
        provenance=(*shared_provenance(first.evaluation), *shared),
    )


def _without_provenance(detector: Detector, rows: Sequence[tuple[str, str]]) -> Detector:
    return replace(
        detector, provenance=tuple(row for row in detector.provenance if row not in rows)
    )


def _pair_rows(frames: Frames) -> tuple[PairRow, ...]:
    position = _positions(frames)
    return tuple(
        PairRow(
            better=position[row["better"]],
            worse=position[row["worse"]],
            points=row["difference"] * 100,
            interval=_points_interval(row),
            p=_none_if_nan(row["p"]),
            significant=row["significant"],
        )
        for row in _records(frames.pairs)
    )


def _class_pair_cells(
    frames: Frames,
) -> tuple[int | None, dict[int, tuple[ClassPairCell, ...]]]:
    """Return the position of the reference, and the differences to it by position and class."""
    position = _positions(frames)
    rows = _records(frames.class_pairs)
    cells: dict[int, tuple[ClassPairCell, ...]] = {}
    for row in rows:
        difference = _none_if_nan(row["difference"])
        points = None if difference is None else difference * 100
        cell = ClassPairCell(points, _points_interval(row), row["significant"])
        d = position[row["detector"]]
        cells[d] = (*cells.get(d, ()), cell)
    return (position[rows[0]["reference"]] if rows else None), cells


def _positions(frames: Frames) -> dict[str, int]:
    return {scored.name: place for place, scored in enumerate(frames.detectors)}


def _points_interval(row: Mapping[str, Any]) -> Ends | None:
    """Return the interval of a difference in points."""
    ends = _interval(row, "difference")
    return (ends[0] * 100, ends[1] * 100) if ends else None


def _rank_text(frames: Frames, name: str) -> str:
    """Return `1`, or `2–3` for a range of ranks; empty without a ranking."""
    places = {place.name: place for place in frames.ranking.detectors} if frames.ranking else {}
    if name not in places:
        return ""
    first = places[name].best_rank
    last = places[name].worst_rank
    return str(first) if first == last else f"{first}–{last}"


def _detector(frames: Frames, scored: ScoredDetector, series: int) -> Detector:
    [summary] = _rows(frames.summary, scored)
    by_iou = _rows(frames.ious, scored)
    by_size = _rows(frames.sizes, scored)
    measures = scored.evaluation.summary
    return Detector(
        name=scored.name,
        series=series,
        summary={measure: _none_if_nan(summary[measure]) for measure in measures},
        intervals=_intervals(summary, measures),
        with_intervals=bool(scored.intervals),
        rank=_rank_text(frames, scored.name),
        detections=int(summary["detections"]),
        best=_best_f1(summary),
        classes=tuple(_class_row(row) for row in _rows(frames.classes, scored)),
        by_iou=tuple(_none_if_nan(row["AP"]) for row in by_iou),
        iou_intervals=tuple(_interval(row, "AP") for row in by_iou),
        by_size=tuple(_none_if_nan(row["AP"]) for row in by_size),
        size_intervals=tuple(_interval(row, "AP") for row in by_size),
        timings=tuple(timing(entry) for entry in scored.latency),
        suspicions=scored.suspicions,
        provenance=run_provenance(scored.run) if scored.run else (),
        command=command_of(scored.run) if scored.run else "",
    )


def _class_row(row: Mapping[str, Any]) -> ClassRow:
    measures = {
        name: _none_if_nan(row[name]) for name in ("AP", "AP50", "AP75", "recall") if name in row
    }
    return ClassRow(measures, _intervals(row, measures), int(row["detections"]), _best_f1(row))


def _intervals(row: Mapping[str, Any], measures: Iterable[str]) -> dict[str, Ends]:
    return {name: ends for name in measures if (ends := _interval(row, name))}


def _interval(row: Mapping[str, Any], measure: str) -> Ends | None:
    """Return the interval in the columns `X_low` and `X_high` of a measure `X`, if any."""
    low, high = (_none_if_nan(row.get(f"{measure}_{end}")) for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


def timing(entry: Mapping[str, Any]) -> Timing:
    """Return a latency summary of a record, with the keys that the page shows."""
    return msgspec.convert({**entry, "reasons": entry.get("reasons") or ()}, Timing)


def _best_f1(row: Mapping[str, Any]) -> BestF1 | None:
    values = [_none_if_nan(row[column]) for column in BEST_F1_COLUMNS]
    present = [value for value in values if value is not None]
    return BestF1(*present) if len(present) == len(values) else None


def _size(row: Mapping[str, Any]) -> SizeRange:
    low = math.sqrt(max(row["low_area"], 0))
    high = math.sqrt(max(row["high_area"], 0))
    if math.isinf(high) or row["high_area"] >= _UNLIMITED_AREA:
        limits = f"{low:g}² px and more" if low else "any size"
    else:
        limits = f"{low:g}² to {high:g}² px" if low else f"up to {high:g}² px"
    return SizeRange(str(row["size"]), int(row["ground_truths"]), limits)


def _rows(table: pd.DataFrame, scored: ScoredDetector) -> list[dict[str, Any]]:
    """Return the rows of one detector."""
    return _records(table[table["detector"] == scored.name])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _none_if_nan(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
