"""PredictionGallery: a sheet of pictures with what is in them and what the model finds, drawn as it trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.classes import map_classes
from detbench.adapters.counting import counted
from detbench.adapters.detector import Detector, Found, Picture
from detbench.adapters.drawing import draw_found, draw_truth
from detbench.data.files import atomic_path
from detbench.errors import DetbenchError
from detbench.training.keras.examples import Example
from detbench.training.keras.validation_callback import MakeDetector, Watching

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL = 320
_GAP = 16
_CAPTION_HEIGHT = 24
_HEAD_HEIGHT = 56
_TITLE_SIZE, _TEXT_SIZE = 24, 14
_PAPER, _INK, _FAINT, _CELL_GROUND = "#ffffff", "#222222", "#666666", "#f2f2f2"


class PredictionGallery(Watching):
    """Draw the same pictures at the end of epochs, as `epoch-003.png` (counted from 1) in a folder.

    Ground truth is dashed in white on black; predictions are in a colour per class, with class and score.
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
        """Take the pictures to draw.

        Args:
            data: as `DetectionMetrics` takes it; of a ground truth, pictures spread over it are drawn, of other datasets the first ones.
            folder: where the sheets go; it is made.
            count: pictures on a sheet.
            every: draw every how many epochs; the first and the last are always drawn.
            score: only predictions of at least this score are drawn.
            box_format: as `DetectionMetrics` takes it.
            class_names: likewise.
            detector: likewise.

        Raises:
            DetbenchError: as `DetectionMetrics` does.
        """
        super().__init__(
            data, box_format=box_format, class_names=class_names, every=every, detector=detector
        )
        if not (isinstance(count, int) and count >= 1):
            raise DetbenchError(
                f"count must be a whole number of pictures, 1 or more, not {count!r}"
            )
        self._folder, self._count, self._score = Path(folder), count, score
        self._shown: list[Example] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draw a sheet."""
        if not self.is_due(epoch):
            return
        self._shown = self._shown or self.examples.sample(self._count)
        detector = self.present_detector()
        found = [self._found(detector, example) for example in self._shown]
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._folder / f"epoch-{epoch + 1:03}.png") as temporary:
            sheet(
                self._shown, found, self.examples.class_names, f"Epoch {epoch + 1}", self._score
            ).save(temporary, format="png")

    def _found(self, detector: Detector, example: Example) -> Found:
        """Return what the model finds with a high enough score, in the classes of the examples."""
        batch = self.examples.batch(detector, [example.image])
        (found,) = detector.postprocess(
            detector.to_host(detector.infer(detector.to_device(batch))), batch
        )
        classes = map_classes(detector.class_names, self.examples.class_names).indices[
            found.classes
        ]
        shown = (found.scores >= self._score) & (classes >= 0)
        return Found(found.boxes[shown], found.scores[shown], classes[shown])


def sheet(
    examples: Sequence[Example],
    found: Sequence[Found],
    class_names: Sequence[str],
    title: str,
    score: float,
) -> Image:
    """Return pictures in a grid under a title, each with its ground truth and what was found in it (`score` is for the legend)."""
    from PIL import Image, ImageDraw, ImageFont

    columns = math.ceil(math.sqrt(len(examples)))
    rows = math.ceil(len(examples) / columns)
    width, height = _CELL + _GAP, _CELL + _CAPTION_HEIGHT + _GAP
    page = Image.new("RGB", (columns * width + _GAP, _HEAD_HEIGHT + rows * height), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((_GAP, _GAP), title, fill=_INK, font=ImageFont.load_default(size=_TITLE_SIZE))
    legend = f"dashed: ground truth   coloured: found, score {score:g} or more"
    font = ImageFont.load_default(size=_TEXT_SIZE)
    draw.text((page.width - _GAP, _GAP + _TITLE_SIZE), legend, fill=_FAINT, font=font, anchor="rs")
    for number, (example, each) in enumerate(zip(examples, found, strict=True)):
        x, y = _GAP + number % columns * width, _HEAD_HEIGHT + number // columns * height
        page.paste(cell(example, each, class_names), (x, y))
        caption = f"{counted(len(example.classes), 'object')}, {len(each.scores)} found"
        draw.text((x, y + _CELL + 5), caption, fill=_FAINT, font=font)
    return page


def cell(example: Example, found: Found, class_names: Sequence[str]) -> Image:
    """Return one picture, as large as a cell allows, with its boxes; the surest on top."""
    from PIL import Image, ImageDraw

    picture = shown_picture(example.image)
    zoom = _CELL / max(picture.shape[:2])
    size = (max(round(picture.shape[1] * zoom), 1), max(round(picture.shape[0] * zoom), 1))
    corner = ((_CELL - size[0]) // 2, (_CELL - size[1]) // 2)
    image = Image.new("RGB", (_CELL, _CELL), _CELL_GROUND)
    image.paste(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), corner)
    draw = ImageDraw.Draw(image)
    for box in example.boxes:
        draw_truth(draw, box * zoom + np.array(corner * 2))
    for row in np.argsort(found.scores, kind="stable").tolist():
        name = class_names[int(found.classes[row])]
        draw_found(
            draw,
            found.boxes[row] * zoom + np.array(corner * 2),
            f"{name} {found.scores[row]:.2f}",
            int(found.classes[row]),
        )
    return image


def shown_picture(image: NDArray[Any]) -> Picture:
    """Return an image as (height, width, 3) 0–255; numbers that are not within 0–255 are stretched to that range."""
    image = np.moveaxis(image, 0, -1) if image.shape[2] != 3 else image
    low, high = float(image.min(initial=0)), float(image.max(initial=1))
    if low >= 0 and high > 1:
        return np.asarray(image.clip(0, 255).round(), np.uint8)
    return np.asarray(((image.astype(np.float64) - low) * (255 / (high - low))).round(), np.uint8)
