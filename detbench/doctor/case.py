"""Case: everything the checks look at, read once: ground truth, detections as rows, and what their files say beside that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.reading.rows import Rows, copied, rows_of
from detbench.metrics.protocols.protocol import Protocol, protocol_named
from detbench.metrics.scoring.evaluation import Evaluation

SAMPLED_IMAGES = 400
"""Images scored again under another reading: AP of 400 images tells .02 apart and takes a few hundredths of a second."""


@dataclass(frozen=True)
class Labels:
    """What the source calls the images or classes of its rows: the names, and for each row the one it has."""

    names: tuple[str, ...]
    codes: Ints

    def of(self, rows: Ints) -> list[str]:
        """Return the different names of the source's rows (M,) of these numbers."""
        return [self.names[code] for code in np.unique(self.codes[rows])]


@dataclass(frozen=True)
class Source:
    """What the file or folder of the detections says beyond the rows."""

    path: Path
    form: str
    """coco, voc, yolo or parquet."""
    images: Labels
    classes: Labels
    written: Floats
    """(N, 4) the four numbers of a box as they stand."""
    texts: Flags
    """(N,) rows in which a text, or nothing, stands where a number belongs."""
    nameless: Flags
    """(N,) those of them that do not say their image or their class."""
    first_text: str = ""
    """Where the first one is, and what stands there."""
    text_ids: int = 0
    """COCO rows whose image_id is a text that spells a number."""
    first_text_id: str = ""
    files_missing: tuple[str, ...] = ()
    """Classes without a file, where each needs one."""


@dataclass(frozen=True)
class ListedPart:
    """What is wrong with the images or the categories of the annotations."""

    name: str
    count: int
    odd: tuple[str, ...] = ()
    """Where a text, or nothing, stands for a number, and what stands there."""
    endless: tuple[str, ...] = ()
    """Where a size is not finite."""
    negative: tuple[str, ...] = ()
    """Where a size is below zero."""
    shared: tuple[str, ...] = ()
    """Ids that several have."""
    copied: bool = False
    """Whether all that share an id are the same."""


@dataclass(frozen=True)
class AnnotationFile:
    """What the files of the annotations say beyond the ground truth, by annotation."""

    form: Literal["coco", "voc", "yolo"]
    ids: list[Any]
    """As the file gives them; in files that give none, the numbers from 1."""
    areas: Floats
    """(A,) NaN where missing."""
    boxes: Floats
    """(A, 4) the four numbers as they stand."""
    sizes: Floats
    """(A, 2) widths and heights, in the format that boxes should have."""
    rows: Ints
    """(G,) the annotation of each object of the ground truth."""
    odd: Flags
    """(A,) a text, or nothing, stands where a number or a flag belongs."""
    odd_boxes: Flags
    """(A,) those of them whose box is no four numbers."""
    odd_areas: Flags
    """(A,) those of them whose area is no number, or that are no annotations at all."""
    image_order: Ints
    """(I,) position in the ground truth of each image, as the file lists them."""
    place: Callable[[int], str]
    """Says where an annotation stands."""
    parts: tuple[ListedPart, ListedPart]
    """The images and the categories."""
    first_odd: str = ""
    """Where the first odd one is, and what stands there."""
    numbered: bool = True
    """Whether all ids of images are numbers."""
    unknown_images: int = 0
    unknown_classes: int = 0
    regions: int = 0
    """Annotations drawn as crowds are (run-length masks) that are not flagged as such."""
    without_crowd_key: int = 0
    difficult_keys: int = 0
    truncated_keys: int = 0
    ignored: int = 0
    """Annotations with `ignore` set."""
    first_unknown: str = ""
    """Where the first label of a class that no name is given for is, and which; of YOLO."""
    outside: Floats | None = None
    """(A,) how far the values of a label lie outside 0..1; of YOLO."""
    split: str | None = None
    """The one that was read; None for a COCO file."""


@dataclass(frozen=True, eq=False)
class Case:
    """One ground truth and one detector's results on it."""

    truth: GroundTruth
    rows: Rows
    protocol: Protocol
    truth_path: Path = field(default_factory=Path)
    source: Source | None = None
    """None for detections that were loaded before."""
    annotations: AnnotationFile | None = None
    """None for ground truth that holds numbers and nothing else (Parquet), or that was loaded before."""
    marked_difficult: int = 0
    """Entries of VOC's class lists that say an image holds only difficult objects of a class."""
    options: tuple[str, ...] = ()
    """Options of the command line that choose ground truth and protocol."""
    truth_mended: bool = False
    """Whether the boxes of the ground truth were read in another format than their own."""
    mended: tuple[str, ...] = ()
    """Ids of the findings that the rows were mended of already."""

    @cached_property
    def regular(self) -> Flags:
        """(G,) objects that are neither difficult nor crowds."""
        return ~(self.truth.difficult | self.truth.iscrowd)

    @cached_property
    def scored(self) -> Rows:
        """The rows that can be scored."""
        usable = self.rows.usable
        return self.rows if usable.all() else self.rows.where(usable)

    @cached_property
    def copies(self) -> Flags:
        """Which of the scored rows are copies of others."""
        return copied(self.scored)

    @cached_property
    def sample(self) -> Ints:
        """Positions of the images that are scored again; all where there are few."""
        images = len(self.truth.image_ids)
        if images <= SAMPLED_IMAGES:
            return np.arange(images)
        return np.sort(np.random.default_rng(0).choice(images, SAMPLED_IMAGES, replace=False))

    @cached_property
    def sampled_truth(self) -> GroundTruth:
        """The ground truth of the sampled images."""
        return self.truth.select_images(self.sample)


def case_of(evaluation: Evaluation) -> Case:
    """Return the case of an evaluation, whose files were read without fault."""
    return Case(evaluation.ground_truth, rows_of(evaluation.detections), evaluation.protocol)


def own_protocol(truth: GroundTruth) -> Protocol:
    """Return the protocol a dataset is scored by unless another is asked for."""
    return protocol_named(truth.protocol)
