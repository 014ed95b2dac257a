"""Export: a Keras model written as ONNX, kept only when an audit finds that both say the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.adapters.catalogue import load_detector
from detbench.adapters.classes import ClassMapping, map_classes
from detbench.adapters.decoders.dense.retinanet import RetinaNet
from detbench.adapters.detector import Found, Picture
from detbench.adapters.images import read_picture
from detbench.adapters.onnx.adapter import load as load_onnx
from detbench.adapters.preparation import tasks_of
from detbench.adapters.raw_detector import RawDetector
from detbench.bench.predict import predict
from detbench.data.files import atomic_path
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.kernels.overlap import iou
from detbench.metrics.scoring.evaluate import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADS = 1e-4
"""Largest difference of raw heads allowed."""
HEADS_OF = {RetinaNet.name: 1e-3}
"""The same for decoders whose heads are deep sums of large numbers."""
MEAN_AP = 1e-3
"""Largest difference of mAP allowed."""
MATCHED_IOU = 0.95
_OWN_PICTURES = 8
_SEED = 2007


@dataclass(frozen=True)
class MeanAp:
    """The mean average precision of model and export on a dataset."""

    measure: str
    model: float
    export: float

    @property
    def difference(self) -> float:
        """Export less model."""
        return self.export - self.model


@dataclass(frozen=True)
class ExportAudit:
    """How far an export is from its model."""

    heads: dict[str, float]
    """Largest absolute difference per raw output."""
    pictures: int
    """Over how many pictures."""
    boxes: tuple[int, int]
    """Detections of model and export in these pictures, those without area left out: they overlap nothing."""
    matched: int
    """Pairs of one class with an IoU of at least MATCHED_IOU, each box in one pair at most."""
    tolerance: float
    """Of the heads."""
    mean_ap: MeanAp | None = None
    """None without a dataset."""

    @property
    def share_matched(self) -> float:
        """Matched boxes of the larger number of boxes, 0..1; NaN where there are none."""
        return self.matched / max(self.boxes) if max(self.boxes) else float("nan")

    @property
    def failures(self) -> list[str]:
        """What is beyond its tolerance, in words; empty if the export passes."""
        far = [
            f"output {name} differs by {value:.2g}"
            for name, value in self.heads.items()
            if not value <= self.tolerance
        ]
        if self.mean_ap is not None and not abs(self.mean_ap.difference) <= MEAN_AP:
            far.append(f"{self.mean_ap.measure} differs by {self.mean_ap.difference:+.4f}")
        return far

    def as_dict(self) -> dict[str, Any]:
        """Return the audit as JSON-ready values."""
        scored = self.mean_ap and {
            "measure": self.mean_ap.measure,
            "model": self.mean_ap.model,
            "export": self.mean_ap.export,
            "difference": self.mean_ap.difference,
            "tolerance": MEAN_AP,
        }
        return {
            "heads": self.heads,
            "heads_tolerance": self.tolerance,
            "pictures": self.pictures,
            "boxes": {
                "model": self.boxes[0],
                "export": self.boxes[1],
                "matched": self.matched,
                "matched_iou": MATCHED_IOU,
            },
            "mean_ap": scored,
            "passed": not self.failures,
        }


def export(
    spec: str,
    output: Path,
    *,
    ground_truth: GroundTruth | None = None,
    pictures: int = 64,
    tolerance: float | None = None,
    allow_unmapped: bool = False,
) -> ExportAudit:
    """Export a Keras model as ONNX, and audit the export; one that fails is not left at `output`.

    Args:
        spec: of a `yolo:`, `keras:` or `kerashub:` model.
        output: where the ONNX file goes.
        ground_truth: of a dataset with pictures, on which both are scored; without one the audit takes noise and drawn shapes.
        pictures: of the dataset, over which raw heads and boxes are compared, at most.
        tolerance: of the raw heads; None for that of the model's kind.
        allow_unmapped: as for `map_classes`.

    Raises:
        DetbenchError: for models that cannot be loaded or converted, and as `predict` does.
    """
    from detbench.adapters.keras.onnx_export import write_onnx

    model = _loaded(spec)
    mapping = (
        map_classes(model.class_names, ground_truth.class_names, allow_unmapped=allow_unmapped)
        if ground_truth
        else None
    )
    with tempfile.TemporaryDirectory() as folder:
        hidden = Path(folder) / output.name
        write_onnx(model, hidden)
        exported = load_onnx(hidden, {})
        audit = compared(
            model,
            exported,
            _pictures(ground_truth, pictures),
            tolerance,
            _mean_ap(model, exported, ground_truth, mapping),
        )
        if not audit.failures:
            with atomic_path(output) as temporary:
                shutil.copyfile(hidden, temporary)
    return audit


def compared(
    model: RawDetector,
    exported: RawDetector,
    pictures: Sequence[Picture],
    tolerance: float | None,
    mean_ap: MeanAp | None = None,
) -> ExportAudit:
    """Return how far an export's raw heads and boxes are from its model's on pictures (height, width, 3) uint8."""
    heads: dict[str, float] = dict.fromkeys(model.runtime.output_names, 0.0)
    counts, matched = np.zeros(2, np.int64), 0
    for picture in pictures:
        raw, found = zip(*(_run(one, picture) for one in (model, exported)), strict=True)
        for name in heads:
            heads[name] = float(
                np.maximum(heads[name], _largest_difference(raw[0][name], raw[1][name]))
            )
        seen = [_with_area(one) for one in found]
        counts += [len(one.scores) for one in seen]
        matched += matched_boxes(*seen)
    limit = HEADS_OF.get(model.decoder.name, HEADS) if tolerance is None else tolerance
    return ExportAudit(
        heads, len(pictures), (int(counts[0]), int(counts[1])), matched, limit, mean_ap
    )


def matched_boxes(one: Found, other: Found) -> int:
    """Return how many boxes of one have a partner among the other's, best scores first: same class, IoU of at least MATCHED_IOU."""
    overlaps = iou(one.boxes, other.boxes)
    overlaps[one.classes[:, None] != other.classes] = 0.0
    matched = 0
    for row in overlaps:
        if len(row) and row.max() >= MATCHED_IOU:
            overlaps[:, row.argmax()] = 0.0
            matched += 1
    return matched


def _with_area(found: Found) -> Found:
    rows = (found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1)
    return Found(found.boxes[rows], found.scores[rows], found.classes[rows])


def _loaded(spec: str) -> RawDetector:
    model = load_detector(spec)
    if not isinstance(model, RawDetector):
        raise DetbenchError(f"{spec} is no model of raw outputs, and only such models are exported")
    return model


def _run(detector: RawDetector, picture: Picture) -> tuple[dict[str, NDArray[Any]], Found]:
    batch = detector.preprocess([picture])
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    return dict(zip(detector.runtime.output_names, outputs, strict=True)), detector.postprocess(
        outputs, batch
    )[0]


def _largest_difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the largest absolute difference, infinite where the shapes differ."""
    return (
        float(np.abs(one.astype(np.float64) - other).max(initial=0.0))
        if one.shape == other.shape
        else float("inf")
    )


def _pictures(ground_truth: GroundTruth | None, most: int) -> list[Picture]:
    """Return pictures of the dataset, else noise and drawn shapes, which are the same in every run."""
    if ground_truth is not None:
        return [read_picture(task.path).picture for task in tasks_of(ground_truth)[:most]]
    from detbench.data.shapes_image import draw_picture

    random = np.random.default_rng(_SEED)
    noise = [random.integers(0, 256, (160, 208, 3), np.uint8) for _ in range(_OWN_PICTURES)]
    return noise + [draw_picture(random).pixels for _ in range(_OWN_PICTURES)]


def _mean_ap(
    model: RawDetector,
    exported: RawDetector,
    ground_truth: GroundTruth | None,
    mapping: ClassMapping | None,
) -> MeanAp | None:
    """Score both on the whole dataset under its own protocol."""
    if ground_truth is None or mapping is None:
        return None
    scored = [
        evaluate(ground_truth, predict(one, ground_truth, mapping)[0]) for one in (model, exported)
    ]
    measure = next(iter(scored[0].summary))
    values = [float("nan") if (value := one.summary[measure]) is None else value for one in scored]
    return MeanAp(measure, *values)
