"""Case: everything that the checks look at, read once from the files of both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from detbench.data.columns import Flags
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import AnnotationsFile, DetectionsFile
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.duplicates import duplicate_rows
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.placement import regular_objects
from detbench.metrics.scoring.quick_score import QuickScore


@dataclass(frozen=True, eq=False)
class Case:
    """One ground truth and one detector's results on it, as far as they are fixed already.

    Checks run one after the other. What one of them can fix is fixed, in memory, before the next.
    """

    ground_truth: GroundTruth
    ground_truth_path: Path
    annotations: AnnotationsFile | None
    """None for Parquet, which holds nothing beyond `ground_truth`."""
    rows: DetectionRows
    file: DetectionsFile
    quick_score: QuickScore
    n_only_difficult: int = 0
    """Entries of VOC's class lists that say: only difficult objects of this class in this image."""
    options: tuple[str, ...] = ()
    """Options of the command line that choose ground truth and protocol."""
    is_ground_truth_fixed: bool = False
    """Whether the boxes of the ground truth were read in another format than their own."""
    fixed: tuple[str, ...] = ()
    """IDs of the findings that `rows` are already without."""

    @property
    def protocol(self) -> Protocol:
        """The protocol that decides what counts."""
        return self.quick_score.protocol

    @cached_property
    def regular(self) -> Flags:
        """(G,) objects that are neither difficult nor crowds."""
        return regular_objects(self.ground_truth)

    @cached_property
    def scored(self) -> DetectionRows:
        """The rows that can be scored."""
        scorable = self.rows.scorable
        return self.rows if scorable.all() else self.rows.select(scorable)

    @cached_property
    def duplicates(self) -> Flags:
        """Which of the scored rows repeat others."""
        return duplicate_rows(self.scored)

    def with_rows(self, rows: DetectionRows, *, without: str | None = None) -> Case:
        """Return the case with other rows, which are without the finding of this ID."""
        if without is None or without in self.fixed:
            return replace(self, rows=rows)
        return replace(self, rows=rows, fixed=(*self.fixed, without))

    def with_ground_truth(self, ground_truth: GroundTruth) -> Case:
        """Return the case with another ground truth."""
        quick_score = QuickScore(ground_truth, self.protocol, self.quick_score.n_detections)
        return replace(self, ground_truth=ground_truth, quick_score=quick_score)
