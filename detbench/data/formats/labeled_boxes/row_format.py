"""A format that is only read: a recognizer and a reader of labeled boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detbench.data.detections import Detections
from detbench.data.formats.format import (
    DetectionsReader,
    GroundTruthReader,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.lenient import annotations_of, detections_of
from detbench.data.formats.labeled_boxes.strict import to_detections, to_ground_truth
from detbench.data.formats.lenient_files import LenientDetections, LenientGroundTruth
from detbench.data.ground_truth import GroundTruth


@dataclass(frozen=True)
class RowFormat:
    """A format of labeled boxes."""

    name: str
    recognizes: Callable[[Path], bool]
    """Tells whether a file or folder is of this format, by little more than its head."""
    read: Callable[[Source], LabeledBoxes]
    """Reads ground truth, or detections if the source asks for scores.

    It raises InputError if the file cannot be parsed, or is not what the source asks for.
    """
    ground_truth: str = ""
    """What files of ground truth look like; empty if the format has none."""
    detections: str = ""
    """What files of detections look like; empty if the format has none."""

    def ground_truth_reader(self) -> GroundTruthReader:
        """Return the reader of ground truth, as the table of formats has it."""

        def read(path: Path, split: str | None, images: Path | None) -> GroundTruth:
            return to_ground_truth(self.read(Source(path, split, images)))

        def leniently(path: Path, split: str | None, images: Path | None) -> LenientGroundTruth:
            return annotations_of(self.read(Source(path, split, images)))

        return GroundTruthReader(self.ground_truth, self.recognizes, read, leniently)

    def detections_reader(self) -> DetectionsReader:
        """Return the reader of detections, as the table of formats has it."""

        def recognizes(path: Path, _: GroundTruth) -> bool:
            return self.recognizes(path)

        def read(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
            labeled = self.read(Source(path, scored=True, ground_truth=ground_truth))
            return to_detections(labeled, ground_truth, allow_unknown=allow_unknown)

        def leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
            source = Source(path, scored=True, ground_truth=ground_truth)
            return detections_of(self.read(source), ground_truth)

        return DetectionsReader(self.detections, recognizes, read, leniently)
