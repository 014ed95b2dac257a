"""Analysis frames: the pandas tables of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.bench.analyze import Analysis, Study
from detbench.data.files import atomic_path
from detbench.metrics.errors.label_errors import places_in_images
from detbench.metrics.errors.lrp import PARTS
from detbench.metrics.uncertainty.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    "tide",
    "lrp",
    "calibration",
    "reliability",
    "confusion",
    "thresholds",
    "recall",
    "slices",
    "bands",
    "cuts",
    "label_errors",
)
"""The tables of `AnalysisFrames`, each of which becomes a file in `save_analysis_csv`."""
_PARTIAL_COUNTS = ("errors", "object_in_image")
"""Columns of whole numbers that some rows lack."""


@dataclass(frozen=True, eq=False)
class AnalysisFrames:
    """Tables of a study; all but `label_errors` have the column `detector`.

    Shares, scores and AP lie in 0..1; what is not there is NaN. `low` and `high` are the ends of 95 % intervals, NaN without replicates.
    """

    study: Study

    @cached_property
    def tide(self) -> pd.DataFrame:
        """What each kind of error costs: `kind` (`base` is the AP itself), `cost`, `low`, `high`, `errors` (how many; NA for FP, FN)."""
        rows = []
        for each in self.study.analyses:
            for kind, cost in {"base": each.tide.base, **each.tide.costs}.items():
                ends = _ends(each.tide_intervals.get(kind))
                rows.append(
                    {
                        "detector": each.name,
                        "kind": kind,
                        "cost": cost,
                        **ends,
                        "errors": each.tide.counts.get(kind, np.nan),
                    }
                )
        return _frame(rows)

    @cached_property
    def lrp(self) -> pd.DataFrame:
        """Optimal LRP by class: `class`, `error`, `localisation`, `false_positives`, `false_negatives`, `threshold`.

        Each of the first four, X, has the ends of its interval in `X_low` and `X_high`.
        """
        rows = []
        for each in self.study.analyses:
            for k, name in enumerate(_classes(each)):
                cells = {column: getattr(each.lrp, column)[k] for column in (*PARTS, "threshold")}
                ends = [
                    _ends(_of(each.lrp_class_intervals.get(part, ()), k), part) for part in PARTS
                ]
                rows.append(
                    {
                        "detector": each.name,
                        "class": name,
                        **cells,
                        **{key: end for pair in ends for key, end in pair.items()},
                    }
                )
        return _frame(rows)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Calibration by detector: `d_ece`, `d_ece_sure`, `la_ece` (mean over classes), each X with `X_low` and `X_high`.

        NaN for scores outside 0..1.
        """
        rows = []
        for each in self.study.analyses:
            row: dict[str, Any] = {"detector": each.name}
            for name in ("d_ece", "d_ece_sure", "la_ece"):
                found = each.calibration
                row[name] = np.nan if found is None else getattr(found, name)
                row |= _ends(None if found is None else getattr(found.intervals, name, None), name)
            rows.append(row)
        return _frame(rows)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """Bins of the reliability diagram: `low_score`, `high_score`, `detections`, `score` (mean), `precision`, `placement`."""
        rows: list[dict[str, Any]] = []
        for each in self.study.analyses:
            if each.calibration is None:
                continue
            found = each.calibration.diagram
            columns = (
                found.edges[:-1],
                found.edges[1:],
                found.counts,
                found.score,
                found.precision,
                found.placement,
            )
            names = ("low_score", "high_score", "detections", "score", "precision", "placement")
            rows += [
                {"detector": each.name, **dict(zip(names, row, strict=True))}
                for row in zip(*columns, strict=True)
            ]
        return _frame(rows)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Cells of the confusion matrix that are not 0: `object`, `taken_for` (`background` for none), `times`."""
        rows = []
        for each in self.study.analyses:
            names = [*_classes(each), "background"]
            for true, said in zip(*np.nonzero(each.confusion.counts), strict=True):
                cell = {
                    "object": names[true],
                    "taken_for": names[said],
                    "times": each.confusion.counts[true, said],
                }
                rows.append({"detector": each.name, **cell})
        return _frame(rows)

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds by class, and one for all (`class` empty).

        `class`, `threshold`, `chosen` (F-beta on the half that it was chosen on); on the other half `value` (F-beta, `low`, `high`),
        `precision`, `recall`.
        """
        columns = ("threshold", "chosen", "value", "precision", "recall")
        rows = []
        for each in self.study.analyses:
            together = () if each.pooled_interval is None else (each.pooled_interval,)
            for names, found, ends in (
                ([""], each.pooled, together),
                (_classes(each), each.operating, each.operating_intervals),
            ):
                for k, name in enumerate(names):
                    cells = {column: getattr(found, column)[k] for column in columns}
                    rows.append(
                        {"detector": each.name, "class": name, **cells, **_ends(_of(ends, k))}
                    )
        return _frame(rows)

    @cached_property
    def recall(self) -> pd.DataFrame:
        """Recall by what objects are like: `trait`, `value`, `objects`, `reached` (by any detection), `recall`, `low`, `high`."""
        rows = []
        for each in self.study.analyses:
            for found, intervals in zip(each.recalls, each.recall_intervals, strict=True):
                for v, value in enumerate(found.trait.values):
                    cells = {
                        "objects": found.objects[v],
                        "reached": found.reached[v],
                        "recall": found.taken[v],
                    }
                    ends = _ends(intervals[v] if intervals else None)
                    rows.append(
                        {
                            "detector": each.name,
                            "trait": found.trait.name,
                            "value": value,
                            **cells,
                            **ends,
                        }
                    )
        return _frame(rows)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """Slices of images: `attribute`, `value`, `images`, `objects`, `score`, `difference`, `low`, `high`, `p`, `p_holm`, `p_fdr`."""
        rows = []
        for each in self.study.analyses:
            for found in each.slices:
                before = {
                    name: getattr(found, name)
                    for name in ("attribute", "value", "images", "objects", "score")
                }
                after = {name: getattr(found, name) for name in ("p", "p_holm", "p_fdr")}
                change = {"difference": found.difference.estimate, **_ends(found.difference)}
                rows.append({"detector": each.name, **before, **change, **after})
        return _frame(rows)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """How far the headline measure is open: `band`, `low`, `high`, `evidence`, `rule`."""
        return _frame(
            [
                {
                    "detector": each.name,
                    "band": band.name,
                    "low": band.low,
                    "high": band.high,
                    "evidence": band.evidence,
                    "rule": band.rule,
                }
                for each in self.study.analyses
                for band in each.bands
            ]
        )

    @cached_property
    def cuts(self) -> pd.DataFrame:
        """The headline measure without detections below a score: `score`, `value`."""
        rows = [
            (each.name, cut, value)
            for each in self.study.analyses
            for cut, value in each.cuts.items()
        ]
        return _frame([dict(zip(("detector", "score", "value"), row, strict=True)) for row in rows])

    @cached_property
    def label_errors(self) -> pd.DataFrame:
        """Suspected label errors: `kind`, `image_id`, `class`, `detected`, `x1`, `y1`, `x2`, `y2`, `suspicion`, `detectors`.

        `object_in_image` says which of the objects of its image it is, from 0 in the order of the file; NA where it is missing.
        """
        truth = self.study.analyses[0].evaluation.ground_truth
        places = places_in_images(truth, self.study.label_errors)
        return _frame(
            [
                {
                    "kind": error.kind,
                    "image_id": truth.image_ids[error.image],
                    "object_in_image": np.nan if place is None else place,
                    "class": error.class_name,
                    "detected": error.detected,
                    **dict(zip(("x1", "y1", "x2", "y2"), error.box, strict=True)),
                    "suspicion": error.suspicion,
                    "detectors": ", ".join(error.detectors),
                }
                for error, place in zip(self.study.label_errors, places, strict=True)
            ]
        )


def analysis_frames(study: Study) -> AnalysisFrames:
    """Return the tables of a study."""
    return AnalysisFrames(study)


def save_analysis_csv(study: Study, folder: Path) -> list[Path]:
    """Write every table that has rows as TABLE.csv, all digits kept."""
    found, paths = AnalysisFrames(study), []
    for name in TABLES:
        frame: pd.DataFrame = getattr(found, name)
        if len(frame):
            paths.append(folder / f"{name}.csv")
            with atomic_path(paths[-1]) as temporary:
                frame.to_csv(temporary, index=False, lineterminator="\n")
    return paths


def _classes(analysis: Analysis) -> tuple[str, ...]:
    return analysis.evaluation.ground_truth.class_names


def _ends(interval: Interval | None, of: str = "") -> dict[str, float]:
    low, high = (np.nan, np.nan) if interval is None else (interval.low, interval.high)
    return {f"{of}_low": low, f"{of}_high": high} if of else {"low": low, "high": high}


def _of(intervals: Sequence[Interval], k: int) -> Interval | None:
    return intervals[k] if intervals else None


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a table; counts that are not all there are whole numbers in it, too."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    return frame.astype({name: "Int64" for name in _PARTIAL_COUNTS if name in frame})
