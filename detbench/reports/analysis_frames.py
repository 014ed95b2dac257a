"""Analysis frames: the pandas tables of a study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.bench.analyze import Analysis, Study
from detbench.data.files import atomic_path
from detbench.metrics.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("tide", "lrp", "calibration", "reliability", "confusion", "thresholds", "recall", "slices", "bands", "cuts", "label_errors")
"""The tables of `AnalysisFrames`, each of which becomes a file in `save_analysis_csv`."""


@dataclass(frozen=True, eq=False)
class AnalysisFrames:
    """Tables of a study; all but `label_errors` have the column `detector`.

    Shares, scores and AP lie in 0..1; what is not there is NaN. `low` and `high` are the ends of 95 % intervals, NaN without replicates.
    """

    study: Study

    @cached_property
    def tide(self) -> pd.DataFrame:
        """What each kind of error costs: `kind` (`base` is the AP itself), `cost`, `low`, `high`, `errors` (how many; NaN for FP, FN)."""
        rows = []
        for each in self.study.analyses:
            for kind, cost in {"base": each.tide.base, **each.tide.costs}.items():
                ends = _ends(each.tide_intervals.get(kind))
                rows.append({"detector": each.name, "kind": kind, "cost": cost, **ends, "errors": each.tide.counts.get(kind, np.nan)})
        return _frame(rows)

    @cached_property
    def lrp(self) -> pd.DataFrame:
        """Optimal LRP by class: `class`, `error`, `localisation`, `false_positives`, `false_negatives`, `threshold`."""
        columns = ("error", "localisation", "false_positives", "false_negatives", "threshold")
        return _frame(
            [
                {"detector": each.name, "class": name, **{column: getattr(each.lrp, column)[k] for column in columns}}
                for each in self.study.analyses
                for k, name in enumerate(_classes(each))
            ]
        )

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Calibration by detector: `d_ece`, `low`, `high`, `d_ece_sure`, `la_ece` (mean over classes); NaN for scores outside 0..1."""
        rows = []
        for each in self.study.analyses:
            found = each.calibration
            known = np.array([]) if found is None else found.la_ece[~np.isnan(found.la_ece)]
            numbers = {"d_ece": np.nan, "d_ece_sure": np.nan} if found is None else {"d_ece": found.d_ece, "d_ece_sure": found.d_ece_sure}
            la_ece = known.mean() if len(known) else np.nan
            rows.append({"detector": each.name, **numbers, **_ends(each.d_ece_interval), "la_ece": la_ece})
        return _frame(rows)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """Bins of the reliability diagram: `low_score`, `high_score`, `detections`, `score` (mean), `precision`, `placement`."""
        rows: list[dict[str, Any]] = []
        for each in self.study.analyses:
            if each.calibration is None:
                continue
            found = each.calibration.diagram
            columns = found.edges[:-1], found.edges[1:], found.counts, found.score, found.precision, found.placement
            names = ("low_score", "high_score", "detections", "score", "precision", "placement")
            rows += [{"detector": each.name, **dict(zip(names, row, strict=True))} for row in zip(*columns, strict=True)]
        return _frame(rows)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Cells of the confusion matrix that are not 0: `object`, `taken_for` (`background` for none), `times`."""
        rows = []
        for each in self.study.analyses:
            names = [*_classes(each), "background"]
            for true, said in zip(*np.nonzero(each.confusion.counts), strict=True):
                cell = {"object": names[true], "taken_for": names[said], "times": each.confusion.counts[true, said]}
                rows.append({"detector": each.name, **cell})
        return _frame(rows)

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds by class, and one for all (`class` empty).

        `class`, `threshold`, `chosen` (F-beta on the half that it was chosen on), `value`, `precision`, `recall` (on the other half).
        """
        columns = ("threshold", "chosen", "value", "precision", "recall")
        rows = []
        for each in self.study.analyses:
            for names, found in (([""], each.pooled), (_classes(each), each.operating)):
                rows += [
                    {"detector": each.name, "class": name, **{column: getattr(found, column)[k] for column in columns}}
                    for k, name in enumerate(names)
                ]
        return _frame(rows)

    @cached_property
    def recall(self) -> pd.DataFrame:
        """Recall by what objects are like: `trait`, `value`, `objects`, `reached` (by any detection), `recall`, `low`, `high`."""
        rows = []
        for each in self.study.analyses:
            for found, intervals in zip(each.recalls, each.recall_intervals, strict=True):
                for v, value in enumerate(found.trait.values):
                    cells = {"objects": found.objects[v], "reached": found.reached[v], "recall": found.taken[v]}
                    ends = _ends(intervals[v] if intervals else None)
                    rows.append({"detector": each.name, "trait": found.trait.name, "value": value, **cells, **ends})
        return _frame(rows)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """Slices of images: `attribute`, `value`, `images`, `objects`, `score`, `difference`, `low`, `high`, `p`, `p_holm`, `p_fdr`."""
        rows = []
        for each in self.study.analyses:
            for found in each.slices:
                before = {name: getattr(found, name) for name in ("attribute", "value", "images", "objects", "score")}
                after = {name: getattr(found, name) for name in ("p", "p_holm", "p_fdr")}
                change = {"difference": found.difference.estimate, **_ends(found.difference)}
                rows.append({"detector": each.name, **before, **change, **after})
        return _frame(rows)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """How far the headline measure is open: `band`, `low`, `high`, `evidence`, `rule`."""
        return _frame(
            [
                {"detector": each.name, "band": band.name, "low": band.low, "high": band.high, "evidence": band.evidence, "rule": band.rule}
                for each in self.study.analyses
                for band in each.bands
            ]
        )

    @cached_property
    def cuts(self) -> pd.DataFrame:
        """The headline measure without detections below a score: `score`, `value`."""
        rows = [(each.name, cut, value) for each in self.study.analyses for cut, value in each.cuts.items()]
        return _frame([dict(zip(("detector", "score", "value"), row, strict=True)) for row in rows])

    @cached_property
    def label_errors(self) -> pd.DataFrame:
        """Suspected label errors: `kind`, `image_id`, `class`, `detected`, `x1`, `y1`, `x2`, `y2`, `suspicion`, `detectors`."""
        images = self.study.analyses[0].evaluation.ground_truth.image_ids
        return _frame(
            [
                {
                    "kind": error.kind,
                    "image_id": images[error.image],
                    "class": error.class_name,
                    "detected": error.detected,
                    **dict(zip(("x1", "y1", "x2", "y2"), error.box, strict=True)),
                    "suspicion": error.suspicion,
                    "detectors": ", ".join(error.detectors),
                }
                for error in self.study.label_errors
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


def _ends(interval: Interval | None) -> dict[str, float]:
    return {"low": np.nan, "high": np.nan} if interval is None else {"low": interval.low, "high": interval.high}


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
