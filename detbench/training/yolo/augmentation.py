"""Augmentation by Keras' own layers: mirrored, moved, zoomed and recoloured pictures with the boxes that belong to them.

What these layers do unless told otherwise, and what is done about it here:

- `RandomTranslation` and `RandomZoom` fill what comes into view by reflection, which shows objects nobody annotated: filled with the
  padding's grey instead.
- Boxes are cut to the picture, however little of them is left, and keep their label: an object of which less than a quarter can still
  be seen is neither to be found nor held against the model.
- Padding rows are moved with the rest: they are told by their label, never by their box.
- The layers write into the dict they are given, and draw from a state of their own: each batch gets a new dict and a seed of its own,
  so that a training that goes on after an interruption sees the same pictures.
- A zoom keeps the middle of pixels, not edges, in place: boxes are off by at most |1 − 1/zoom| / 2 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.yolo.targets import NONE, Objects

_SEEN = 0.25
"""The part of an object's area that must stay in view for it to be looked for."""
_SMALLEST = 2.0
"""Pixels that what stays of an object must be wide and high to be looked for."""


class Augmentation:
    """Random changes of batches; the same seed makes the same change."""

    def __init__(self, fill: float, room: int = 1) -> None:
        """Build the layers; `fill`, 0–1, surrounds what is moved or made smaller; `room` objects are in a picture, at most."""
        import keras
        from keras import layers

        outside: dict[str, Any] = {
            "fill_mode": "constant",
            "fill_value": fill,
            "bounding_box_format": "xyxy",
        }
        self._flip = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
        self._zoom = layers.RandomZoom((-0.25, 0.25), **outside)
        self._move = layers.RandomTranslation(0.15, 0.15, **outside)
        self._colour = [
            layers.RandomBrightness(0.15, value_range=(0.0, 1.0)),
            layers.RandomContrast(0.25, value_range=(0.0, 1.0)),
        ]
        self._generator, self._changed = keras.random.SeedGenerator(0), _compiled(self._change)
        self._room = room

    def __call__(
        self, images: NDArray[np.float32], pictures: Sequence[Objects], seed: int
    ) -> tuple[NDArray[np.float32], list[Objects]]:
        """Return changed pictures (B, height, width, 3), values 0–1, and their objects."""
        self._generator.state.assign(np.array([seed, 0], np.uint32))
        padded = _padded(pictures, max(self._room, *(len(each.labels) for each in pictures)))
        changed, boxes, labels, zoom = map(np.asarray, self._changed(images, **padded))
        counts = [len(each.labels) for each in pictures]
        return changed, _unpadded(
            boxes.astype(np.float64), labels, _areas(padded["boxes"]) / zoom, counts
        )

    def _change(self, images: Any, boxes: Any, labels: Any) -> tuple[Any, Any, Any, Any]:
        """Return images, boxes and labels, changed, and by how much the area of each image's objects shrank (B, 1)."""
        data: dict[str, Any] = {
            "images": images,
            "bounding_boxes": {"boxes": boxes, "labels": labels},
        }
        zoom: Any = 1.0
        for layer in (self._flip, self._zoom, self._move):
            change = layer.get_random_transformation(data, seed=self._generator)
            data = {
                "images": layer.transform_images(data["images"], change),
                "bounding_boxes": layer.transform_bounding_boxes(
                    dict(data["bounding_boxes"]), change
                ),
            }
            if layer is self._zoom:
                zoom = change["height_zoom"] * change["width_zoom"]
        for layer in self._colour:
            data["images"] = layer.transform_images(
                data["images"], layer.get_random_transformation(data, seed=self._generator)
            )
        return (
            data["images"],
            data["bounding_boxes"]["boxes"],
            data["bounding_boxes"]["labels"],
            zoom,
        )


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as TensorFlow's graph, whose hundreds of small steps cost a third of the time one by one; as it is elsewhere."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)  # type: ignore[no-any-return]


def _padded(pictures: Sequence[Objects], room: int) -> dict[str, NDArray[np.float32]]:
    """Return boxes (B, room, 4) and labels (B, room)."""
    boxes = np.zeros((len(pictures), room, 4), np.float32)
    labels = np.full((len(pictures), room), NONE, np.float32)
    for row, each in enumerate(pictures):
        boxes[row, : len(each.labels)], labels[row, : len(each.labels)] = each.boxes, each.labels
    return {"boxes": boxes, "labels": labels}


def _unpadded(
    boxes: NDArray[np.float64],
    labels: NDArray[Any],
    areas: NDArray[np.float64],
    counts: Sequence[int],
) -> list[Objects]:
    """Return the objects; those of which too little can be seen lose their label."""
    seen = (_areas(boxes) >= _SEEN * areas) & (boxes[..., 2:] - boxes[..., :2] >= _SMALLEST).all(
        axis=-1
    )
    known = np.where(seen, labels, NONE).astype(np.int64)
    return [Objects(boxes[row, :count], known[row, :count]) for row, count in enumerate(counts)]


def _areas(boxes: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1), np.float64)
