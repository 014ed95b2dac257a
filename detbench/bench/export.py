"""Export: write a Keras model as ONNX; the file is kept only if an audit finds the same results."""

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
from detbench.adapters.detector import ImageArray, ImageDetections
from detbench.adapters.images import read_image
from detbench.adapters.onnx.adapter import load as load_onnx
from detbench.adapters.prefetch import image_tasks
from detbench.adapters.raw_detector import RawDetector
from detbench.bench.predict import predict
from detbench.data.files import atomic_path
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.kernels.overlap import pairwise_iou
from detbench.metrics.scoring.evaluate import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD_TOLERANCE = 1e-4
"""Largest allowed difference of raw heads."""
HEAD_TOLERANCES = {RetinaNet.name: 1e-3}
"""The same for decoders whose heads are deep sums of large numbers."""
MEAN_AP_TOLERANCE = 1e-3
"""Largest allowed difference of mAP."""
MATCHED_IOU = 0.95
_N_SYNTHETIC_IMAGES = 8
"""Of each kind, noise and drawn shapes."""
_SEED = 2007


@dataclass(frozen=True)
class MeanAp:
    """The mean average precision of model and export on a dataset."""

    measure: str
    model: float
    export: float

    @property
    def difference(self) -> float:
        """Export − model."""
        return self.export - self.model


@dataclass(frozen=True)
class ExportAudit:
    """How much an export differs from its model."""

    heads: dict[str, float]
    """Largest absolute difference of each raw output."""
    n_images: int
    """Number of images on which heads and boxes were compared."""
    boxes: tuple[int, int]
    """Detections of model and export on these images, without boxes that have no area."""
    matched: int
    """Pairs of one class with an IoU of at least MATCHED_IOU; a box is in one pair at most."""
    tolerance: float
    """Of the heads."""
    mean_ap: MeanAp | None = None
    """None without a dataset."""

    @property
    def matched_share(self) -> float:
        """Matched pairs divided by the larger number of boxes, 0–1; NaN if there are none."""
        return self.matched / max(self.boxes) if max(self.boxes) else float("nan")

    @property
    def failures(self) -> list[str]:
        """What exceeds its tolerance, in words; empty if the export passes."""
        # `not <=` because NaN must fail, too.
        failures = [
            f"output {name} differs by {value:.2g}"
            for name, value in self.heads.items()
            if not value <= self.tolerance
        ]
        if self.mean_ap is not None and not abs(self.mean_ap.difference) <= MEAN_AP_TOLERANCE:
            failures.append(f"{self.mean_ap.measure} differs by {self.mean_ap.difference:+.4f}")
        return failures

    def as_dict(self) -> dict[str, Any]:
        """Return the audit as JSON-ready values."""
        mean_ap = self.mean_ap and {
            "measure": self.mean_ap.measure,
            "model": self.mean_ap.model,
            "export": self.mean_ap.export,
            "difference": self.mean_ap.difference,
            "tolerance": MEAN_AP_TOLERANCE,
        }
        boxes = {
            "model": self.boxes[0],
            "export": self.boxes[1],
            "matched": self.matched,
            "matched_iou": MATCHED_IOU,
        }
        return {
            "heads": self.heads,
            "heads_tolerance": self.tolerance,
            "images": self.n_images,
            "boxes": boxes,
            "mean_ap": mean_ap,
            "passed": not self.failures,
        }


def export(
    spec: str,
    output: Path,
    *,
    ground_truth: GroundTruth | None = None,
    max_images: int = 64,
    tolerance: float | None = None,
    allow_unmapped: bool = False,
) -> ExportAudit:
    """Export a Keras model as ONNX and audit it; an export that fails is not left at `output`.

    Args:
        spec: of a `yolo:`, `keras:` or `kerashub:` model.
        output: the ONNX file to write.
        ground_truth: a dataset with images on which both are scored. Without one, the audit uses
            noise and drawn shapes.
        max_images: maximum number of dataset images on which raw heads and boxes are compared.
        tolerance: of the raw heads; None for the one of the model's kind.
        allow_unmapped: as for `map_classes`.

    Raises:
        DetbenchError: if the model cannot be loaded or converted, and as `predict` does.
    """
    from detbench.adapters.keras.onnx_export import write_onnx

    model = _load_model(spec)
    mapping = (
        map_classes(model.class_names, ground_truth.class_names, allow_unmapped=allow_unmapped)
        if ground_truth
        else None
    )
    with tempfile.TemporaryDirectory() as folder:
        unaudited = Path(folder) / output.name
        write_onnx(model, unaudited)
        exported = load_onnx(unaudited, {})
        images = _audit_images(ground_truth, max_images)
        mean_ap = _mean_ap(model, exported, ground_truth, mapping)
        audit = audit_export(model, exported, images, tolerance, mean_ap)
        if not audit.failures:
            with atomic_path(output) as temporary:
                shutil.copyfile(unaudited, temporary)
    return audit


def audit_export(
    model: RawDetector,
    exported: RawDetector,
    images: Sequence[ImageArray],
    tolerance: float | None,
    mean_ap: MeanAp | None = None,
) -> ExportAudit:
    """Compare the raw heads and boxes of an export with those of its model.

    Args:
        model: the model.
        exported: its export.
        images: (height, width, 3) uint8 each.
        tolerance: of the raw heads; None for the one of the model's kind.
        mean_ap: of both on a dataset, for the result.
    """
    heads: dict[str, float] = dict.fromkeys(model.runtime.output_names, 0.0)
    n_boxes, matched = np.zeros(2, np.int64), 0
    for image in images:
        model_heads, model_detections = _run(model, image)
        export_heads, export_detections = _run(exported, image)
        for name in heads:
            difference = _largest_difference(model_heads[name], export_heads[name])
            # np.maximum keeps NaN, which Python's max may lose.
            heads[name] = float(np.maximum(heads[name], difference))
        n_boxes += [len(model_detections.scores), len(export_detections.scores)]
        matched += matched_boxes(model_detections, export_detections)
    if tolerance is None:
        tolerance = HEAD_TOLERANCES.get(model.decoder.name, HEAD_TOLERANCE)
    boxes = (int(n_boxes[0]), int(n_boxes[1]))
    return ExportAudit(heads, len(images), boxes, matched, tolerance, mean_ap)


def matched_boxes(first: ImageDetections, second: ImageDetections) -> int:
    """Return the number of boxes of the first that have a partner among the second's.

    Partners have the same class and an IoU of at least MATCHED_IOU. Higher scores choose first,
    and each box is the partner of one box at most.
    """
    overlaps = pairwise_iou(first.boxes, second.boxes)
    overlaps[first.classes[:, None] != second.classes] = 0.0
    matched = 0
    for row in overlaps:
        if len(row) and row.max() >= MATCHED_IOU:
            overlaps[:, row.argmax()] = 0.0
            matched += 1
    return matched


def _load_model(spec: str) -> RawDetector:
    model = load_detector(spec)
    if not isinstance(model, RawDetector):
        raise DetbenchError(f"{spec} has no raw outputs; only models with raw outputs are exported")
    return model


def _run(
    detector: RawDetector, image: ImageArray
) -> tuple[dict[str, NDArray[Any]], ImageDetections]:
    """Return raw outputs by name, and the detections that have an area."""
    batch = detector.preprocess([image])
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    (detections,) = detector.postprocess(outputs, batch)
    heads = dict(zip(detector.runtime.output_names, outputs, strict=True))
    return heads, _with_area(detections)


def _with_area(detections: ImageDetections) -> ImageDetections:
    """Leave out boxes without area, which overlap nothing and therefore have no partner."""
    has_area = (detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1)
    return ImageDetections(
        detections.boxes[has_area], detections.scores[has_area], detections.classes[has_area]
    )


def _largest_difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the largest absolute difference, infinite if the shapes differ."""
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first.astype(np.float64) - second).max(initial=0.0))


def _audit_images(ground_truth: GroundTruth | None, max_images: int) -> list[ImageArray]:
    """Return images of the dataset, else noise and drawn shapes, the same in every run."""
    if ground_truth is not None:
        return [read_image(task.path).pixels for task in image_tasks(ground_truth)[:max_images]]
    from detbench.data.shapes_image import draw_image

    rng = np.random.default_rng(_SEED)
    noise = [rng.integers(0, 256, (160, 208, 3), np.uint8) for _ in range(_N_SYNTHETIC_IMAGES)]
    return noise + [draw_image(rng).pixels for _ in range(_N_SYNTHETIC_IMAGES)]


def _mean_ap(
    model: RawDetector,
    exported: RawDetector,
    ground_truth: GroundTruth | None,
    mapping: ClassMapping | None,
) -> MeanAp | None:
    """Score both on the whole dataset under its own protocol."""
    if ground_truth is None or mapping is None:
        return None
    evaluations = [
        evaluate(ground_truth, predict(detector, ground_truth, mapping)[0])
        for detector in (model, exported)
    ]
    measure = next(iter(evaluations[0].summary))
    scores = [evaluation.summary[measure] for evaluation in evaluations]
    return MeanAp(measure, *(float("nan") if score is None else score for score in scores))
