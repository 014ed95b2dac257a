"""Previews: images with ground truth and detections beside the model's own input.

A preview shows wrong preprocessing at a glance.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Detector, ImageArray
from detbench.adapters.drawing import draw_detection, draw_ground_truth
from detbench.adapters.images import read_image
from detbench.data.detections import Detections
from detbench.data.files import atomic_path
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

if TYPE_CHECKING:
    from PIL.Image import Image

_PANEL_HEIGHT = 420
_MAX_PANEL_WIDTH = 1600
_GAP = 12
_CAPTION_HEIGHT = 26
_MIN_SCORE = 0.3
"""Detections from this score on are drawn."""
_BACKGROUND, _TEXT = "#ffffff", "#222222"


def save_previews(
    detector: Detector, ground_truth: GroundTruth, detections: Detections, count: int, folder: Path
) -> list[Path]:
    """Write `preview-FILE.png` for `count` images, evenly spaced in the dataset.

    Ground truth is dashed, white on black; detections from a score of 0.3 have a color per class.
    The model's input is shown as the model gets it, channel by channel, stretched to 0–255: that of
    a BGR model looks blue where the image is red. Images that cannot be read are skipped with a
    warning.

    Returns:
        The paths of the previews.
    """
    image_folder = ground_truth.require_image_folder()
    n_images = len(ground_truth.image_ids)
    positions = np.linspace(0, n_images - 1, min(count, n_images)).round().astype(int)
    paths = []
    for position in np.unique(positions).tolist():
        name = ground_truth.image_names[position]
        path = folder / ("preview-" + re.sub(r"[^\w.-]+", "-", name) + ".png")
        try:
            pixels = read_image(image_folder / name).pixels
        except InputError as error:
            warnings.warn(f"no preview: {error}", DetbenchWarning, stacklevel=2)
            continue
        with atomic_path(path) as temporary:
            preview(detector, ground_truth, detections, position, pixels).save(temporary)
        paths.append(path)
    return paths


def preview(
    detector: Detector,
    ground_truth: GroundTruth,
    detections: Detections,
    position: int,
    pixels: ImageArray,
) -> Image:
    """Return two panels with captions: an image with boxes, and the model's input.

    Args:
        detector: whose input is shown.
        ground_truth: of the dataset.
        detections: of the detector.
        position: of the image in the ground truth.
        pixels: the image, uint8 RGB (height, width, 3).
    """
    from PIL import Image, ImageDraw

    left = _scaled(Image.fromarray(pixels))
    zoom = np.array([left.width / pixels.shape[1], left.height / pixels.shape[0]] * 2)
    draw = ImageDraw.Draw(left)
    objects = slice(ground_truth.offsets[position], ground_truth.offsets[position + 1])
    for box in ground_truth.boxes[objects]:
        draw_ground_truth(draw, box * zoom)

    rows = range(detections.offsets[position], detections.offsets[position + 1])
    shown = [row for row in rows if detections.scores[row] >= _MIN_SCORE]
    for row in sorted(shown, key=lambda row: detections.scores[row]):
        k = int(detections.class_index[row])
        label = f"{detections.class_names[k]} {detections.scores[row]:.2f}"
        draw_detection(draw, detections.boxes[row] * zoom, label, k)

    right = _scaled(Image.fromarray(model_input(detector, pixels)))
    n_objects = objects.stop - objects.start
    counts = f"{n_objects} objects (dashed), {len(shown)} of {len(rows)} detections"
    preprocessing = _preprocessing_text(detector.settings.get("preprocessing"))
    captions = (
        f"{ground_truth.image_ids[position]}: {counts} with score ≥ {_MIN_SCORE}",
        f"model input: {preprocessing}",
    )
    return _side_by_side([left, right], captions)


def model_input(detector: Detector, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the model gets for an image, as uint8 (height, width, 3).

    The channels are in the model's order, and values are stretched to 0–255.
    """
    values = np.asarray(detector.preprocess([pixels]).inputs[0], np.float64)
    if values.shape[0] == 3 and values.shape[-1] != 3:
        values = values.transpose(1, 2, 0)
    low, high = values.min(), values.max()
    return np.asarray(((values - low) * (255 / max(high - low, 1e-12))).round(), np.uint8)


def _preprocessing_text(preprocessing: Any) -> str:
    if not isinstance(preprocessing, dict):
        return "preprocessing not stated"
    width, height = preprocessing["size"]
    parts = [f"{width}x{height}", preprocessing["fit"], preprocessing["color"].upper()]
    if preprocessing["fit"].startswith("letterbox"):
        parts.append(f"pad {preprocessing['pad_value']}")
    return ", ".join(parts)


def _scaled(image: Image) -> Image:
    """Return an image with the height of a panel, less if it would be too wide."""
    zoom = min(_PANEL_HEIGHT / image.height, _MAX_PANEL_WIDTH / image.width)
    return image.resize((max(round(image.width * zoom), 1), max(round(image.height * zoom), 1)))


def _side_by_side(panels: Sequence[Image], captions: Sequence[str]) -> Image:
    """Return panels beside each other, each under its caption and as wide as that or wider."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=13)
    widths = [
        max(panel.width, round(font.getlength(caption)))
        for panel, caption in zip(panels, captions, strict=True)
    ]
    size = (sum(widths) + _GAP * (len(panels) + 1), _PANEL_HEIGHT + _CAPTION_HEIGHT + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    x = _GAP
    for panel, caption, width in zip(panels, captions, widths, strict=True):
        draw.text(
            (x, 6),
            caption,
            fill=_TEXT,
            font=font,
        )
        sheet.paste(panel, (x, _CAPTION_HEIGHT))
        x += width + _GAP
    return sheet
