"""The loss of our YOLO in named, weighted parts, for any Keras backend.

Sums over the boxes of a picture, averaged over the pictures of a batch, of

- coordinates · 5: squared differences of σ(x), σ(y) from the place in the cell, and of w, h from log(size / anchor), of responsible boxes;
- object · 5: squared difference of σ(objectness) from the IoU of the decoded box with its object, of responsible boxes; no gradient
  runs through the IoU;
- no_object · 1: σ(objectness) squared, of all other boxes but those that overlap an object by more than .6, which are forgiven;
- classes · 1: cross-entropy of the softmax over classes, of responsible boxes.

Parts and weights are those of Darknet's region layer with `rescore=1` (`coord_scale`, `object_scale`, `noobject_scale`, `class_scale` of
cfg/yolov2-voc.cfg; https://github.com/pjreddie/darknet/blob/master/src/region_layer.c). Differences: forgiveness looks at objects
that are not to be found as well (difficult ones, crowds), and there is no burn-in that draws unused boxes to their anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WEIGHTS: Mapping[str, float] = {"coordinates": 5.0, "object": 5.0, "no_object": 1.0, "classes": 1.0}
FORGIVEN_IOU = 0.6
_LARGEST_LOG = 8.0
"""Sizes are exp of this many anchors at most, so that no square of a size overflows in 32 bits."""


def loss_parts(
    raw: Any, targets: Mapping[str, Any], anchors: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """Return the weighted parts of the loss as scalars by name; their sum is the loss.

    Args:
        raw: (B, h, w, A, 5 + C) the model's output: x, y, w, h, objectness, class logits.
        targets: as `batch_targets` gives them.
        anchors: A widths and heights in cells.
    """
    from keras import ops

    _, rows, columns, count, values = raw.shape
    slots = rows * columns * count
    flat = ops.cast(ops.reshape(raw, (-1, slots, values)), "float32")
    cells, shapes = _frame(rows, columns, anchors)
    boxes = ops.concatenate(
        [
            ops.sigmoid(flat[..., :2]) + cells,
            ops.exp(ops.minimum(flat[..., 2:4], _LARGEST_LOG)) * shapes,
        ],
        axis=-1,
    )
    truth, labels, answering = (
        ops.cast(targets["boxes"], "float32"),
        targets["labels"],
        targets["slots"],
    )
    overlap = ops.stop_gradient(iou(boxes[:, :, None], truth[:, None]))
    found = ops.cast(answering >= 0, "float32")
    index = ops.maximum(answering, 0)
    own = ops.take_along_axis(flat, index[..., None], axis=1)
    parts = {
        "coordinates": _coordinates(own, truth, _taken(cells, index), _taken(shapes, index)),
        "object": (ops.sigmoid(own[..., 4]) - _own_overlap(overlap, index)) ** 2,
        "no_object": ops.sigmoid(flat[..., 4]) ** 2 * _empty(overlap, answering, slots),
        "classes": _cross_entropy(own[..., 5:], labels),
    }
    counted = {name: part if name == "no_object" else part * found for name, part in parts.items()}
    return {
        name: weight * ops.mean(ops.sum(counted[name], axis=1)) for name, weight in WEIGHTS.items()
    }


def iou(one: Any, other: Any) -> Any:
    """Return the IoU of boxes (…, 4) centre x, centre y, width, height; 0 where one of them has no area."""
    from keras import ops

    low = ops.maximum(one[..., :2] - one[..., 2:] / 2, other[..., :2] - other[..., 2:] / 2)
    high = ops.minimum(one[..., :2] + one[..., 2:] / 2, other[..., :2] + other[..., 2:] / 2)
    common = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
    union = ops.prod(one[..., 2:], axis=-1) + ops.prod(other[..., 2:], axis=-1) - common
    return common / ops.maximum(union, 1e-9)


def _frame(rows: int, columns: int, anchors: Sequence[tuple[float, float]]) -> tuple[Any, Any]:
    """Return the corner of each slot's cell and the size of its anchor, (slots, 2) in cells."""
    y, x = np.mgrid[:rows, :columns]
    cells = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    return np.repeat(cells, len(anchors), axis=0), np.tile(
        np.asarray(anchors, np.float32), (rows * columns, 1)
    )


def _taken(table: Any, index: Any) -> Any:
    from keras import ops

    return ops.take(ops.convert_to_tensor(table), index, axis=0)


def _coordinates(own: Any, truth: Any, cell: Any, shape: Any) -> Any:
    from keras import ops

    size = ops.log(ops.maximum(truth[..., 2:], 1e-6) / shape)
    place = ops.sigmoid(own[..., :2]) - (truth[..., :2] - cell)
    return ops.sum(place**2, axis=-1) + ops.sum((own[..., 2:4] - size) ** 2, axis=-1)


def _own_overlap(overlap: Any, index: Any) -> Any:
    """Return the IoU (B, M) of each object with its own box, of those (B, slots, M) with all boxes."""
    from keras import ops

    return ops.take_along_axis(ops.swapaxes(overlap, 1, 2), index[..., None], axis=2)[..., 0]


def _empty(overlap: Any, answering: Any, slots: int) -> Any:
    """Return 1 for the boxes (B, slots) that must find nothing: not responsible, and no object overlapped by more than FORGIVEN_IOU."""
    from keras import ops

    answers = ops.any(
        ops.arange(slots, dtype="int32")[None, :, None] == ops.cast(answering, "int32")[:, None, :],
        axis=2,
    )
    forgiven = ops.max(overlap, axis=2) > FORGIVEN_IOU
    return ops.cast(ops.logical_not(ops.logical_or(answers, forgiven)), "float32")


def _cross_entropy(logits: Any, labels: Any) -> Any:
    from keras import ops

    logs = ops.log_softmax(logits, axis=-1)
    return -ops.take_along_axis(
        logs, ops.cast(ops.maximum(labels, 0), "int32")[..., None], axis=-1
    )[..., 0]
