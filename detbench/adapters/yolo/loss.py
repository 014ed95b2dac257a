"""The loss of detbench's own YOLO in named, weighted parts, for any Keras backend.

Each part is a sum over the boxes of an image, averaged over the images of a batch. A box is
responsible if its slot answers for an object (see `detbench.training.yolo.targets`).

- coordinates · 5, responsible boxes: squared differences of σ(x), σ(y) from the position in the
  cell, and of w, h from log(size / anchor).
- object · 5, responsible boxes: squared difference of σ(objectness) from the IoU of the decoded
  box with its object. No gradient flows through the IoU.
- no_object · 1, all other boxes: σ(objectness) squared. Boxes that overlap an object by an IoU of
  more than 0.6 are exempt.
- classes · 1, responsible boxes: cross-entropy of the softmax over classes.

Parts and weights are those of Darknet's region layer with `rescore=1` (`coord_scale`,
`object_scale`, `noobject_scale`, `class_scale` of cfg/yolov2-voc.cfg;
https://github.com/pjreddie/darknet/blob/master/src/region_layer.c). Two differences: ignored
objects (difficult ones and crowds) exempt boxes too, and there is no burn-in that pulls unused
boxes toward their anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WEIGHTS: Mapping[str, float] = {"coordinates": 5.0, "object": 5.0, "no_object": 1.0, "classes": 1.0}
EXEMPT_IOU = 0.6
_MAX_LOG_SIZE = 8.0
"""Limit of the exponent of a size, in anchors, so that no square of a size overflows float32."""


def loss_parts(
    raw: Any, targets: Mapping[str, Any], anchors: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """Return the weighted parts of the loss as scalars by name; their sum is the loss.

    Args:
        raw: (B, h, w, A, 5 + C) the model's output: x, y, w, h, objectness, class logits.
        targets: `boxes` (B, M, 4), `labels` (B, M) and `slots` (B, M), as
            `detbench.training.yolo.targets.batch_targets` returns them.
        anchors: A widths and heights in cells.
    """
    from keras import ops

    _, rows, columns, n_anchors, n_values = raw.shape
    n_slots = rows * columns * n_anchors
    predictions = ops.reshape(raw, (-1, n_slots, n_values))
    predictions = ops.cast(predictions, "float32")
    objects = ops.cast(targets["boxes"], "float32")
    slots = targets["slots"]

    # The IoU of every predicted box with every object of its image: (B, slots, M).
    corners, anchor_sizes = _slot_geometry(rows, columns, anchors)
    boxes = _decode(predictions, corners, anchor_sizes)
    overlaps = iou(boxes[:, :, None], objects[:, None])
    overlaps = ops.stop_gradient(overlaps)

    # The responsible prediction of each object. Objects without one read slot 0 and are masked.
    is_assigned = ops.cast(slots >= 0, "float32")
    index = ops.maximum(slots, 0)
    responsible = ops.take_along_axis(predictions, index[..., None], axis=1)
    coordinate_error = _coordinate_error(
        responsible,
        objects,
        _take(corners, index),
        _take(anchor_sizes, index),
    )
    objectness = ops.sigmoid(responsible[..., 4])
    objectness_error = objectness - _iou_with_own_box(overlaps, index)
    class_error = _cross_entropy(responsible[..., 5:], targets["labels"])

    # All other predictions should see no object.
    false_objectness = ops.sigmoid(predictions[..., 4])
    is_background = _must_be_empty(overlaps, slots)

    unweighted = {
        "coordinates": coordinate_error * is_assigned,
        "object": objectness_error**2 * is_assigned,
        "no_object": false_objectness**2 * is_background,
        "classes": class_error * is_assigned,
    }
    parts = {}
    for name, weight in WEIGHTS.items():
        image_sums = ops.sum(unweighted[name], axis=1)
        parts[name] = weight * ops.mean(image_sums)
    return parts


def iou(first: Any, second: Any) -> Any:
    """Return the IoU of boxes (…, 4) center x, center y, width, height.

    Boxes without area have an IoU of 0.
    """
    from keras import ops

    first_center, first_size = first[..., :2], first[..., 2:]
    second_center, second_size = second[..., :2], second[..., 2:]
    low = ops.maximum(
        first_center - first_size / 2,
        second_center - second_size / 2,
    )
    high = ops.minimum(
        first_center + first_size / 2,
        second_center + second_size / 2,
    )
    sides = ops.maximum(high - low, 0.0)
    intersection = ops.prod(sides, axis=-1)
    areas = ops.prod(first_size, axis=-1) + ops.prod(second_size, axis=-1)
    union = areas - intersection
    return intersection / ops.maximum(union, 1e-9)


def _slot_geometry(
    rows: int, columns: int, anchors: Sequence[tuple[float, float]]
) -> tuple[Any, Any]:
    """Return the upper left corner of each slot's cell and its anchor's size, (slots, 2)."""
    y, x = np.mgrid[:rows, :columns]
    cells = np.stack([x.ravel(), y.ravel()], axis=1)
    # The slots of a cell are consecutive, one per anchor.
    corners = np.repeat(cells, len(anchors), axis=0)
    sizes = np.tile(anchors, (rows * columns, 1))
    return corners.astype(np.float32), sizes.astype(np.float32)


def _decode(predictions: Any, corners: Any, anchor_sizes: Any) -> Any:
    """Return predicted boxes (B, slots, 4) as center x, center y, width, height in cells."""
    from keras import ops

    centers = ops.sigmoid(predictions[..., :2]) + corners
    log_sizes = ops.minimum(predictions[..., 2:4], _MAX_LOG_SIZE)
    return ops.concatenate([centers, ops.exp(log_sizes) * anchor_sizes], axis=-1)


def _take(table: Any, index: Any) -> Any:
    from keras import ops

    return ops.take(ops.convert_to_tensor(table), index, axis=0)


def _coordinate_error(responsible: Any, objects: Any, corners: Any, anchor_sizes: Any) -> Any:
    """Return the squared errors of position and log size (B, M)."""
    from keras import ops

    # The network predicts the position in the cell, and the log of the size in anchors.
    positions = objects[..., :2] - corners
    position_error = ops.sigmoid(responsible[..., :2]) - positions
    sizes = ops.maximum(objects[..., 2:], 1e-6) / anchor_sizes
    size_error = responsible[..., 2:4] - ops.log(sizes)
    return ops.sum(position_error**2, axis=-1) + ops.sum(size_error**2, axis=-1)


def _iou_with_own_box(overlaps: Any, index: Any) -> Any:
    """Return the IoU (B, M) of each object with its own box, out of those with all boxes."""
    from keras import ops

    by_object = ops.swapaxes(overlaps, 1, 2)
    return ops.take_along_axis(by_object, index[..., None], axis=2)[..., 0]


def _must_be_empty(overlaps: Any, slots: Any) -> Any:
    """Return 1 for the boxes (B, slots) that should predict no object, 0 for the others.

    The others are responsible for an object, or overlap one by more than `EXEMPT_IOU`.
    """
    from keras import ops

    all_slots = ops.arange(overlaps.shape[1], dtype="int32")
    object_slots = ops.cast(slots, "int32")
    is_own = all_slots[None, :, None] == object_slots[:, None, :]
    is_responsible = ops.any(is_own, axis=2)
    is_exempt = ops.max(overlaps, axis=2) > EXEMPT_IOU
    is_excluded = ops.logical_or(is_responsible, is_exempt)
    return ops.cast(ops.logical_not(is_excluded), "float32")


def _cross_entropy(logits: Any, labels: Any) -> Any:
    """Return the cross-entropy (B, M).

    Negative labels read class 0; the caller masks them.
    """
    from keras import ops

    log_probabilities = ops.log_softmax(logits, axis=-1)
    index = ops.cast(ops.maximum(labels, 0), "int32")
    own = ops.take_along_axis(log_probabilities, index[..., None], axis=-1)
    return -own[..., 0]
