"""Augmentation with Keras' layers: mirror, shift, zoom and recolor images with their boxes.

The layers have some surprising defaults and habits; this module handles them as follows:

- `RandomTranslation` and `RandomZoom` fill uncovered areas by reflection, which shows objects that
  nobody annotated. Here the padding's gray fills them.
- Boxes are clipped to the image, however little of them is left, and keep their label. Here an
  object becomes ignored if less than a quarter of it is still visible.
- Padding rows are transformed like the others. Here the label marks padding, never the box.
- The layers write into the dict that they receive, and draw from a state of their own. Here each
  batch gets a new dict and a seed of its own, so that a resumed training sees the same images.
- A zoom keeps the centers of pixels in place, not their edges: boxes are off by at most
  |1 − 1/zoom| / 2 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.training.yolo.targets import IGNORED, ImageObjects

_MIN_VISIBLE_SHARE = 0.25
"""Share of an object's area that must stay visible; otherwise the object is ignored."""
_MIN_VISIBLE_SIDE = 2.0
"""Pixels that the visible part of an object must be wide and high."""


class Augmentation:
    """Random changes of batches; the same seed makes the same change."""

    def __init__(self, fill: float, max_objects: int = 1) -> None:
        """Build the layers.

        Args:
            fill: gray value, 0–1, of areas that a shift or zoom uncovers.
            max_objects: largest number of objects in an image.
        """
        import keras
        from keras import layers

        uncovered: dict[str, Any] = {
            "fill_mode": "constant",
            "fill_value": fill,
            "bounding_box_format": "xyxy",
        }
        self._flip = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
        self._zoom = layers.RandomZoom((-0.25, 0.25), **uncovered)
        self._translation = layers.RandomTranslation(0.15, 0.15, **uncovered)
        self._color_layers = [
            layers.RandomBrightness(0.15, value_range=(0.0, 1.0)),
            layers.RandomContrast(0.25, value_range=(0.0, 1.0)),
        ]
        self._generator = keras.random.SeedGenerator(0)
        self._compiled_transform = _compile(self._transform)
        self._max_objects = max_objects

    def __call__(
        self, images: NDArray[np.float32], objects: Sequence[ImageObjects], seed: int
    ) -> tuple[NDArray[np.float32], list[ImageObjects]]:
        """Return changed images (B, height, width, 3), values 0–1, and their objects."""
        self._generator.state.assign(np.array([seed, 0], np.uint32))
        counts = [len(image_objects.labels) for image_objects in objects]
        padded = _pad(objects, max(self._max_objects, *counts))
        transformed = self._compiled_transform(images, **padded)
        changed, boxes, labels, zoom = map(np.asarray, transformed)
        # Areas at the new zoom, but before anything left the image.
        whole_areas = _areas(padded["boxes"]) / zoom
        return changed, _unpad(boxes.astype(np.float64), labels, whole_areas, counts)

    def _transform(self, images: Any, boxes: Any, labels: Any) -> tuple[Any, Any, Any, Any]:
        """Return changed images, boxes and labels, and the factor (B, 1) by which areas shrank."""
        data: dict[str, Any] = {
            "images": images,
            "bounding_boxes": {"boxes": boxes, "labels": labels},
        }
        zoom: Any = 1.0
        for layer in (self._flip, self._zoom, self._translation):
            change = layer.get_random_transformation(data, seed=self._generator)
            bounding_boxes = dict(data["bounding_boxes"])
            data = {
                "images": layer.transform_images(data["images"], change),
                "bounding_boxes": layer.transform_bounding_boxes(bounding_boxes, change),
            }
            if layer is self._zoom:
                zoom = change["height_zoom"] * change["width_zoom"]
        for layer in self._color_layers:
            change = layer.get_random_transformation(data, seed=self._generator)
            data["images"] = layer.transform_images(data["images"], change)
        bounding_boxes = data["bounding_boxes"]
        return data["images"], bounding_boxes["boxes"], bounding_boxes["labels"], zoom


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as a TensorFlow graph, or unchanged on other backends.

    The hundreds of small operations take a third of the time in a graph.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)  # type: ignore[no-any-return]


def _pad(objects: Sequence[ImageObjects], max_objects: int) -> dict[str, NDArray[np.float32]]:
    """Return boxes (B, max_objects, 4) and labels (B, max_objects)."""
    boxes = np.zeros((len(objects), max_objects, 4), np.float32)
    labels = np.full((len(objects), max_objects), IGNORED, np.float32)
    for row, image_objects in enumerate(objects):
        count = len(image_objects.labels)
        boxes[row, :count] = image_objects.boxes
        labels[row, :count] = image_objects.labels
    return {"boxes": boxes, "labels": labels}


def _unpad(
    boxes: NDArray[np.float64],
    labels: NDArray[Any],
    whole_areas: NDArray[np.float64],
    counts: Sequence[int],
) -> list[ImageObjects]:
    """Return the objects of each image; those that are hardly visible become ignored."""
    sides = boxes[..., 2:] - boxes[..., :2]
    is_large = (sides >= _MIN_VISIBLE_SIDE).all(axis=-1)
    is_visible = is_large & (_areas(boxes) >= _MIN_VISIBLE_SHARE * whole_areas)
    new_labels = np.where(is_visible, labels, IGNORED).astype(np.int64)
    return [
        ImageObjects(boxes[row, :count], new_labels[row, :count])
        for row, count in enumerate(counts)
    ]


def _areas(boxes: NDArray[Any]) -> NDArray[np.float64]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return np.asarray(sides.prod(axis=-1), np.float64)
