"""The loss against plain loops on random values, and what has no gradient."""

import numpy as np
import pytest

from detbench.adapters.yolo.grid import Grid
from detbench.adapters.yolo.loss import loss_parts
from detbench.training.yolo.targets import IGNORED, ImageObjects, batch_targets
from tests.references import yolo_loss as reference

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]
ANCHORS = ((0.8, 0.9), (2.0, 1.0), (2.0, 1.0))
GRID = Grid(columns=5, rows=3, stride=16, anchors=ANCHORS)
N_CLASSES = 4


def example(seed):
    """Return raw outputs, objects and targets of four images.

    The first has several objects in a cell and equal ones, the third only ignored objects, the
    fourth none.
    """
    rng = np.random.default_rng(seed)
    shape = (4, GRID.rows, GRID.columns, len(ANCHORS), 5 + N_CLASSES)
    raw = rng.normal(0, 1.5, shape).astype(np.float32)
    images = []
    for count in (7, 3, 2, 0):
        centers, sides = rng.uniform(0, [80, 48], (count, 2)), rng.uniform(8, 40, (count, 2))
        labels = rng.integers(0, N_CLASSES, count) if count != 2 else np.full(count, IGNORED)
        boxes = np.concatenate([centers - sides / 2, centers + sides / 2], axis=1)
        images.append(ImageObjects(boxes, labels))
    first = images[0]
    first.boxes[1:4], first.labels[5] = first.boxes[0], IGNORED
    return raw, images, batch_targets(GRID, images, 8)


def with_exact_boxes(raw, targets):
    """Move some predicted boxes exactly onto objects, so that some are exempt."""
    for image, row, column, anchor in np.argwhere(np.ones(raw.shape[:4], bool)):
        cx, cy, w, h = targets["boxes"][image, anchor].astype(float)
        if w and column < cx < column + 1 and row < cy < row + 1:
            x, y = np.clip([cx - column, cy - row], 0.01, 0.99)
            aw, ah = ANCHORS[anchor]
            raw[image, row, column, anchor, :4] = (
                np.log(x / (1 - x)),
                np.log(y / (1 - y)),
                np.log(w / aw),
                np.log(h / ah),
            )
    return raw


def reference_parts(raw, targets, images):
    """Return the mean over images of each part."""
    parts = []
    for values, boxes, objects in zip(raw, targets["boxes"].astype(float), images, strict=True):
        image_boxes = boxes[: len(objects.labels)].tolist()
        parts.append(reference.loss(values, image_boxes, objects.labels.tolist(), ANCHORS))
    return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}


def float_parts(raw, targets):
    return {name: float(part) for name, part in loss_parts(raw, targets, ANCHORS).items()}


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_those_of_plain_loops(seed):
    raw, images, targets = example(seed)
    raw = with_exact_boxes(raw, targets)
    parts, expected = float_parts(raw, targets), reference_parts(raw, targets, images)
    assert list(parts) == list(expected)
    for name, part in parts.items():
        assert part == pytest.approx(expected[name], rel=2e-5), name
    without_boxes = float_parts(raw, {**targets, "boxes": targets["boxes"] * 0})
    assert without_boxes["no_object"] > parts["no_object"], "some boxes must be exempt"


def test_images_without_objects_only_cost_their_objectness():
    raw, _, _ = example(0)
    targets = batch_targets(GRID, [ImageObjects(np.zeros((0, 4)), np.zeros(0, int))] * 4, 1)
    parts = float_parts(raw, targets)
    assert parts["coordinates"] == parts["object"] == parts["classes"] == 0
    objectness = 1 / (1 + np.exp(-raw[..., 4].astype(float)))
    assert parts["no_object"] == pytest.approx((objectness**2).sum() / 4, rel=1e-5)


def test_extreme_values_stay_finite():
    raw, _, targets = example(1)
    for value in (-60.0, 60.0):
        parts = float_parts(np.full_like(raw, value), targets)
        assert all(np.isfinite(part) for part in parts.values())


def test_no_gradient_flows_through_the_iou(keras):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("this test takes gradients with TensorFlow")
    raw, _, targets = example(2)
    values = tf.Variable(raw)
    with tf.GradientTape() as tape:
        part = loss_parts(values, targets, ANCHORS)["object"]
    gradient = tape.gradient(part, values).numpy()
    assert np.abs(gradient[..., 4]).max() > 0
    assert np.abs(gradient[..., :4]).max() == np.abs(gradient[..., 5:]).max() == 0
