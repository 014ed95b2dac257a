"""PredictionGallery: a sheet of images with ground truth and predictions, drawn during training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.classes import map_classes
from detbench.adapters.detector import Detector, ImageArray, ImageDetections
from detbench.adapters.drawing import draw_detection, draw_ground_truth
from detbench.data.files import atomic_path
from detbench.errors import DetbenchError
from detbench.training.keras.examples import Example
from detbench.training.keras.validation_callback import MakeDetector, ValidationCallback
from detbench.wording import plural

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL_SIDE = 320
_GAP = 16
_CAPTION_HEIGHT = 24
_HEADER_HEIGHT = 56
_TITLE_SIZE, _TEXT_SIZE = 24, 14
_BACKGROUND, _TITLE_COLOR, _TEXT_COLOR, _CELL_COLOR = "#ffffff", "#222222", "#666666", "#f2f2f2"


class PredictionGallery(ValidationCallback):
    """Draw the same images at the end of epochs, as `epoch-003.png` (counted from 1) in a folder.

    Ground truth is dashed in white on black. Predictions have a color per class, and a label with
    class and score.
    """

    def __init__(
        self,
        data: Any,
        folder: str | Path,
        *,
        count: int = 9,
        every: int = 1,
        score: float = 0.3,
        box_format: str | None = None,
        class_names: Sequence[str] | None = None,
        detector: MakeDetector | None = None,
    ) -> None:
        """Take the images to draw.

        Args:
            data: as for `DetectionMetrics`. Of a ground truth, images spread over the dataset are
                drawn; of other datasets, the first ones.
            folder: where the sheets are written; it is created.
            count: images on a sheet.
            every: draw every this many epochs; the first and the last are always drawn.
            score: lowest score of the predictions to draw.
            box_format: as for `DetectionMetrics`.
            class_names: as for `DetectionMetrics`.
            detector: as for `DetectionMetrics`.

        Raises:
            DetbenchError: as `DetectionMetrics` does.
        """
        super().__init__(
            data, box_format=box_format, class_names=class_names, every=every, detector=detector
        )
        if not (isinstance(count, int) and count >= 1):
            raise DetbenchError(f"count must be a whole number of images, 1 or more, not {count!r}")
        self._folder, self._count, self._score = Path(folder), count, score
        self._sample: list[Example] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draw a sheet."""
        if not self.is_due(epoch):
            return
        self._sample = self._sample or self.examples.sample(self._count)
        detector = self.current_detector()
        detections = [self._detect(detector, example) for example in self._sample]
        title, names = f"Epoch {epoch + 1}", self.examples.class_names
        sheet = draw_sheet(self._sample, detections, names, title, self._score)
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._folder / f"epoch-{epoch + 1:03}.png") as temporary:
            sheet.save(temporary, format="png")

    def _detect(self, detector: Detector, example: Example) -> ImageDetections:
        """Return detections with a high enough score, in the classes of the examples."""
        batch = self.examples.batch(detector, [example.image])
        outputs = detector.to_host(detector.infer(detector.to_device(batch)))
        (detections,) = detector.postprocess(outputs, batch)
        mapping = map_classes(detector.class_names, self.examples.class_names)
        classes = mapping.indices[detections.classes]
        is_shown = (detections.scores >= self._score) & (classes >= 0)
        return ImageDetections(
            detections.boxes[is_shown], detections.scores[is_shown], classes[is_shown]
        )


def draw_sheet(
    examples: Sequence[Example],
    detections: Sequence[ImageDetections],
    class_names: Sequence[str],
    title: str,
    score: float,
) -> Image:
    """Return images in a grid under a title, each with its ground truth and its detections.

    `score`, the lowest score of the detections, only goes into the legend.
    """
    from PIL import Image, ImageDraw, ImageFont

    columns = math.ceil(math.sqrt(len(examples)))
    rows = math.ceil(len(examples) / columns)
    cell_width = _CELL_SIDE + _GAP
    cell_height = _CELL_SIDE + _CAPTION_HEIGHT + _GAP
    sheet_size = (columns * cell_width + _GAP, _HEADER_HEIGHT + rows * cell_height)
    sheet = Image.new("RGB", sheet_size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title_font = ImageFont.load_default(size=_TITLE_SIZE)
    draw.text((_GAP, _GAP), title, fill=_TITLE_COLOR, font=title_font)
    legend = f"dashed: ground truth   colored: predictions, score {score:g} or higher"
    font = ImageFont.load_default(size=_TEXT_SIZE)
    legend_position = (sheet.width - _GAP, _GAP + _TITLE_SIZE)
    draw.text(legend_position, legend, fill=_TEXT_COLOR, font=font, anchor="rs")
    for number, (example, predictions) in enumerate(zip(examples, detections, strict=True)):
        row, column = divmod(number, columns)
        x = _GAP + column * cell_width
        y = _HEADER_HEIGHT + row * cell_height
        sheet.paste(draw_cell(example, predictions, class_names), (x, y))
        n_objects, n_predictions = len(example.classes), len(predictions.scores)
        caption = f"{plural(n_objects, 'object')}, {plural(n_predictions, 'prediction')}"
        draw.text((x, y + _CELL_SIDE + 5), caption, fill=_TEXT_COLOR, font=font)
    return sheet


def draw_cell(example: Example, detections: ImageDetections, class_names: Sequence[str]) -> Image:
    """Return one image, as large as a cell allows, with its boxes; higher scores are on top."""
    from PIL import Image, ImageDraw

    pixels = displayable(example.image)
    height, width = pixels.shape[:2]
    zoom = _CELL_SIDE / max(height, width)
    shown_width = max(round(width * zoom), 1)
    shown_height = max(round(height * zoom), 1)
    left = (_CELL_SIDE - shown_width) // 2
    top = (_CELL_SIDE - shown_height) // 2
    offset = np.array([left, top, left, top])
    image = Image.fromarray(pixels)
    image = image.resize((shown_width, shown_height), Image.Resampling.BICUBIC)
    cell = Image.new("RGB", (_CELL_SIDE, _CELL_SIDE), _CELL_COLOR)
    cell.paste(image, (left, top))
    draw = ImageDraw.Draw(cell)
    for box in example.boxes:
        draw_ground_truth(draw, box * zoom + offset)
    for row in np.argsort(detections.scores, kind="stable").tolist():
        class_index = int(detections.classes[row])
        label = f"{class_names[class_index]} {detections.scores[row]:.2f}"
        draw_detection(draw, detections.boxes[row] * zoom + offset, label, class_index)
    return cell


def displayable(image: NDArray[Any]) -> ImageArray:
    """Return an image as (height, width, 3) with values 0–255.

    Values outside 0–255, or at most 1, are stretched to that range.
    """
    image = np.moveaxis(image, 0, -1) if image.shape[2] != 3 else image
    low, high = float(image.min(initial=0)), float(image.max(initial=1))
    if low >= 0 and high > 1:
        return np.asarray(image.clip(0, 255).round(), np.uint8)
    return np.asarray(((image.astype(np.float64) - low) * (255 / (high - low))).round(), np.uint8)
