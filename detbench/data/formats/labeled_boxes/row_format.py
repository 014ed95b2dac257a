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
from detbench.data.garbage_collection import paused_collection
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

    def ground_truth_reader(self, columns: str | None = None) -> GroundTruthReader:
        """Return the reader of ground truth, as the table of formats has it.

        `columns` is what the user states about the columns of a CSV file.
        """

        @paused_collection()
        def read(path: Path, split: str | None, images: Path | None) -> GroundTruth:
            return to_ground_truth(self.read(Source(path, split, images, columns)))

        @paused_collection()
        def leniently(path: Path, split: str | None, images: Path | None) -> LenientGroundTruth:
            return annotations_of(self.read(Source(path, split, images, columns)))

        return GroundTruthReader(self.ground_truth, self.recognizes, read, leniently)

    def detections_reader(self, columns: str | None = None) -> DetectionsReader:
        """Return the reader of detections; see `ground_truth_reader`."""

        def recognizes(path: Path, _: GroundTruth) -> bool:
            return self.recognizes(path)

        def labeled_boxes(path: Path, ground_truth: GroundTruth) -> LabeledBoxes:
            return self.read(Source(path, columns=columns, scored=True, ground_truth=ground_truth))

        @paused_collection()
        def read(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
            labeled = labeled_boxes(path, ground_truth)
            return to_detections(labeled, ground_truth, allow_unknown=allow_unknown)

        @paused_collection()
        def leniently(path: Path, ground_truth: GroundTruth) -> LenientDetections:
            return detections_of(labeled_boxes(path, ground_truth), ground_truth)

        return DetectionsReader(self.detections, recognizes, read, leniently)
