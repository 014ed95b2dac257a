"""Analysis tables: the rows that JSON, CSV, terminal, plots and page all show.

Rows are plain dataclasses and not pandas frames, so that the command line needs no pandas for them.
`columns_of` and `record_of` turn any row into the cells of a CSV table and into JSON. A number with
a confidence interval is an `Interval`: a field X of this type becomes the columns X, X_low and
X_high, and the JSON keys X and X_interval, which is [low, high], or null if there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.confusion_matrix import ConfusionMatrix
from detbench.metrics.errors.label_errors import LabelError, numbers_in_images
from detbench.metrics.uncertainty.intervals import CONFIDENCE, VALUE_METHOD, Interval

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class ErrorCostRow:
    """Table `tide`: a kind of error."""

    kind: str
    """`base`, then TIDE's main errors, FP and FN."""
    cost: Interval
    """AP, 0..1, that fixing all errors of the kind adds to the base; of `base` the AP itself."""
    errors: int | None
    """Number of errors; None for `base`, FP and FN."""


@dataclass(frozen=True)
class LrpRow:
    """Table `lrp`: optimal LRP of a class, 0 is perfect."""

    class_name: str | None
    """None for the mean over the classes."""
    error: Interval
    localization: Interval
    """Mean of 1 − IoU over hits."""
    false_positives: Interval
    """Share of the detections kept."""
    false_negatives: Interval
    """Share of the objects."""
    threshold: float
    """The score threshold of the optimum; infinite if to keep nothing is as good, NaN for the mean
    and for classes without objects."""


@dataclass(frozen=True)
class CalibrationRow:
    """Table `calibration`: calibration errors, 0 is perfect; no rows if scores leave 0..1."""

    class_name: str | None
    """None for all classes together; LaECE is then the mean over the classes."""
    d_ece: Interval
    """NaN for single classes, as is `d_ece_confident`."""
    d_ece_confident: Interval
    """D-ECE of the detections of at least the score `CONFIDENT`."""
    la_ece: Interval
    """Of detections above the optimal LRP threshold of their class, hits at IoU 0.1."""


@dataclass(frozen=True)
class ReliabilityRow:
    """Table `reliability`: a bin of scores; no rows if scores leave 0..1."""

    low_score: float
    high_score: float
    detections: int
    score: float
    """Mean score; NaN without detections, as are the two below."""
    precision: float
    localized_precision: float
    """Precision times the mean IoU of the hits."""


@dataclass(frozen=True)
class ConfusionRow:
    """Table `confusion`: a cell of the confusion matrix that is not 0."""

    object: str | None
    """Class of the objects; None for background."""
    detected: str | None
    """Class of the detections; None for background: the objects are not detected."""
    count: int


@dataclass(frozen=True)
class ThresholdRow:
    """Table `thresholds`: the threshold of the best F-beta on half of the images."""

    class_name: str | None
    """None for one threshold for all classes."""
    threshold: float
    """Infinite if no detection of the class is a hit; NaN without objects."""
    f_chosen: float
    """F-beta on the half that the threshold is chosen on."""
    f_held_out: Interval
    """F-beta on the other half, as are precision and recall."""
    precision: float
    recall: float


@dataclass(frozen=True)
class RecallRow:
    """Table `recall`: the objects of one value of a trait."""

    trait: str
    value: str
    objects: int
    recall: Interval
    """Share found by detections of at least the score of the best F1."""
    max_recall: float
    """Share found by any detection."""


@dataclass(frozen=True)
class ScoreCutoffRow:
    """Table `score_cutoffs`: the headline measure without detections below a score."""

    min_score: float
    value: float | None


@dataclass(frozen=True)
class CorrectedRow:
    """Table `corrected`: the headline measure if likely label errors were real."""

    corrected: str
    """`as annotated`, the kind of label errors that are corrected, or `all`."""
    value: float | None


@dataclass(frozen=True)
class LabelErrorRow:
    """Table `label_errors`, of all detectors together: a likely annotation error."""

    kind: str
    """`missing`, `class` or `spurious`."""
    image_id: str
    object_in_image: int | None
    """Number of the object in its image, from 0 in the order of the file; None if missing."""
    object_row: int | None
    """Row of the object in what `load_ground_truth` returns; None if missing."""
    class_name: str
    """As annotated; of a missing object, as detected."""
    detected: str | None
    """The class of the detections; None for a spurious object."""
    x1: float
    y1: float
    x2: float
    y2: float
    suspicion: float
    detectors: tuple[str, ...]
    """The detectors that support it."""


def confusion_rows(
    confusion: ConfusionMatrix, class_names: Sequence[str]
) -> tuple[ConfusionRow, ...]:
    """Return the cells of a confusion matrix that are not 0."""
    names = [*class_names, None]
    return tuple(
        ConfusionRow(names[row], names[column], int(confusion.counts[row, column]))
        for row, column in zip(*confusion.counts.nonzero(), strict=True)
    )


def label_error_rows(
    ground_truth: GroundTruth, errors: Sequence[LabelError]
) -> tuple[LabelErrorRow, ...]:
    """Return likely label errors as they are found in files."""
    numbers = numbers_in_images(ground_truth, errors)
    return tuple(
        LabelErrorRow(
            error.kind,
            ground_truth.image_ids[error.image],
            number,
            error.object,
            error.class_name,
            error.detected,
            *error.box,
            error.suspicion,
            error.detectors,
        )
        for error, number in zip(errors, numbers, strict=True)
    )


def without_interval(value: float) -> Interval:
    """Return a number that has no interval."""
    return Interval(value, math.nan, math.nan, CONFIDENCE, VALUE_METHOD)


def columns_of(row: DataclassInstance) -> dict[str, Any]:
    """Return the cells of a row of a CSV table or pandas frame."""
    cells: dict[str, Any] = {}
    for name, value in _cells(row):
        if isinstance(value, Interval):
            cells |= {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            cells[name] = ", ".join(value) if isinstance(value, tuple) else value
    return cells


def record_of(row: DataclassInstance) -> dict[str, Any]:
    """Return a row as JSON; null for NaN, infinity and None."""
    record: dict[str, Any] = {}
    for name, value in _cells(row):
        if isinstance(value, Interval):
            ends = (value.low, value.high) if value.is_defined else None
            record |= {name: finite(value.estimate), f"{name}_interval": ends}
        else:
            record[name] = finite(value)
    return record


def intervals_of(row: DataclassInstance) -> list[Interval]:
    """Return the numbers of a row that can have an interval."""
    return [value for _, value in _cells(row) if isinstance(value, Interval)]


def finite(value: Any) -> Any:
    """Return a value, None for NaN and infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cells(row: DataclassInstance) -> list[tuple[str, Any]]:
    names = [field.name for field in fields(row)]
    return [("class" if name == "class_name" else name, getattr(row, name)) for name in names]
