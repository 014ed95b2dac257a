"""Preview: pictures with detections beside ground truth and the model's own input, so that wrong preprocessing is seen at a glance."""

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
_WIDEST_PANEL = 1600
_GAP = 12
_CAPTION_HEIGHT = 26
_SHOWN_SCORE = 0.3
_PAPER, _INK = "#ffffff", "#222222"


def save_previews(
    detector: Detector, ground_truth: GroundTruth, detections: Detections, count: int, folder: Path
) -> list[Path]:
    """Write `count` pictures, spread over the dataset, as `preview-FILE.png`: ground truth, detections and the model's input.

    Ground truth is drawn dashed in white on black, detections from a score of 0.3 in a colour per class. The model's input is shown as the
    model gets it, channel by channel, stretched to the full range: a BGR model's input looks blue where the picture is red. Pictures that
    cannot be read are left out with a warning.
    """
    image_folder = ground_truth.require_image_folder()
    images = np.unique(
        np.linspace(0, len(ground_truth.image_ids) - 1, min(count, len(ground_truth.image_ids)))
        .round()
        .astype(int)
    )
    paths = []
    for image in images.tolist():
        name = ground_truth.image_names[image]
        path = folder / ("preview-" + re.sub(r"[^\w.-]+", "-", name) + ".png")
        try:
            picture = read_image(image_folder / name).pixels
        except InputError as error:
            warnings.warn(f"no preview: {error}", DetbenchWarning, stacklevel=2)
            continue
        with atomic_path(path) as temporary:
            preview(detector, ground_truth, detections, image, picture).save(temporary)
        paths.append(path)
    return paths


def preview(
    detector: Detector,
    ground_truth: GroundTruth,
    detections: Detections,
    image: int,
    picture: ImageArray,
) -> Image:
    """Return the preview of the picture of the image at position `image`: two panels, the picture with boxes and the model's input."""
    from PIL import Image, ImageDraw

    left = _scaled(Image.fromarray(picture))
    zoom = np.array([left.width / picture.shape[1], left.height / picture.shape[0]] * 2)
    draw = ImageDraw.Draw(left)
    objects = slice(ground_truth.offsets[image], ground_truth.offsets[image + 1])
    for box in ground_truth.boxes[objects]:
        draw_ground_truth(draw, box * zoom)
    found = range(detections.offsets[image], detections.offsets[image + 1])
    shown = [row for row in found if detections.scores[row] >= _SHOWN_SCORE]
    for row in sorted(shown, key=lambda row: detections.scores[row]):
        k = int(detections.class_index[row])
        label = f"{detections.class_names[k]} {detections.scores[row]:.2f}"
        draw_detection(draw, detections.boxes[row] * zoom, label, k)
    right = _scaled(Image.fromarray(input_picture(detector, picture)))
    drawn = f"{objects.stop - objects.start} objects (dashed), {len(shown)} of {len(found)} detections from score {_SHOWN_SCORE}"
    captions = (
        f"{ground_truth.image_ids[image]}: {drawn}",
        "input as the model gets it: " + _described(detector.settings.get("preprocessing")),
    )
    return _side_by_side([left, right], captions)


def input_picture(detector: Detector, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the model gets for a picture as (height, width, 3) 0–255: its channels in their order, stretched to the full range."""
    pixels = np.asarray(detector.preprocess([picture]).inputs[0], np.float64)
    if pixels.shape[0] == 3 and pixels.shape[-1] != 3:
        pixels = pixels.transpose(1, 2, 0)
    low, high = pixels.min(), pixels.max()
    return np.asarray(((pixels - low) * (255 / max(high - low, 1e-12))).round(), np.uint8)


def _described(preprocessing: Any) -> str:
    if not isinstance(preprocessing, dict):
        return "preprocessing not stated"
    width, height = preprocessing["size"]
    parts = [f"{width}x{height}", preprocessing["fit"], preprocessing["color"].upper()]
    if preprocessing["fit"].startswith("letterbox"):
        parts.append(f"pad {preprocessing['pad_value']}")
    return ", ".join(parts)


def _scaled(picture: Image) -> Image:
    """Return a picture as high as a panel, or lower where it would be too wide."""
    zoom = min(_PANEL_HEIGHT / picture.height, _WIDEST_PANEL / picture.width)
    return picture.resize(
        (max(round(picture.width * zoom), 1), max(round(picture.height * zoom), 1))
    )


def _side_by_side(panels: Sequence[Image], captions: Sequence[str]) -> Image:
    """Return panels beside each other, each under its caption; a panel is as wide as its caption at least."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=13)
    widths = [
        max(panel.width, round(font.getlength(caption)))
        for panel, caption in zip(panels, captions, strict=True)
    ]
    sheet = Image.new(
        "RGB",
        (sum(widths) + _GAP * (len(panels) + 1), _PANEL_HEIGHT + _CAPTION_HEIGHT + _GAP),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    x = _GAP
    for panel, caption, width in zip(panels, captions, widths, strict=True):
        draw.text((x, 6), caption, fill=_INK, font=font)
        sheet.paste(panel, (x, _CAPTION_HEIGHT))
        x += width + _GAP
    return sheet
