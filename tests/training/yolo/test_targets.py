"""Which prediction is responsible for which object, against plain loops; padding."""

import numpy as np

from detbench.adapters.yolo.grid import Grid
from detbench.training.yolo.targets import (
    IGNORED,
    NO_SLOT,
    ImageObjects,
    batch_targets,
    responsible_slots,
)
from tests.references import yolo_loss as reference

ANCHORS = ((0.8, 0.9), (2.0, 1.0), (1.0, 2.0))
GRID = Grid(columns=6, rows=4, stride=16, anchors=ANCHORS)


def slot(row, column, anchor):
    return (row * GRID.columns + column) * len(ANCHORS) + anchor


def test_slots_are_those_of_plain_loops():
    rng = np.random.default_rng(0)
    n_without_slot = 0
    for _ in range(50):
        centers, sizes = rng.uniform(0, [3, 2], (12, 2)), rng.uniform(0.3, 3, (12, 2))
        boxes = np.concatenate([centers, sizes], axis=1)
        labels = rng.integers(-1, 3, 12)
        assigned = reference.responsible(boxes.tolist(), labels.tolist(), ANCHORS)
        expected = [NO_SLOT if position is None else slot(*position) for position in assigned]
        n_without_slot += sum(
            label >= 0 and position is None
            for label, position in zip(labels, assigned, strict=True)
        )
        assert responsible_slots(GRID, boxes, labels).tolist() == expected
    # The case of a full cell occurs.
    assert n_without_slot > 10


def test_of_equal_anchors_the_first_is_taken_and_the_next_object_gets_the_other():
    grid = Grid(4, 4, 16, ((2.0, 2.0), (1.0, 1.0), (2.0, 2.0)))
    boxes = np.array([[0.5, 0.5, 2, 2], [0.4, 0.4, 2, 2], [0.3, 0.3, 2, 2], [0.2, 0.2, 2, 2]])
    assert responsible_slots(grid, boxes, np.zeros(4, int)).tolist() == [0, 2, 1, NO_SLOT]


def test_a_center_on_the_far_edge_belongs_to_the_last_cell():
    boxes = np.array([[6.0, 4.0, 0.8, 0.9]])
    assert responsible_slots(GRID, boxes, np.zeros(1, int)).tolist() == [slot(3, 5, 0)]


def test_batches_are_padded_and_empty_images_are_all_padding():
    objects = ImageObjects(np.array([[16.0, 16, 48, 32], [0, 0, 8, 8]]), np.array([2, IGNORED]))
    no_objects = ImageObjects(np.zeros((0, 4)), np.zeros(0, int))
    targets = batch_targets(GRID, [objects, no_objects], 3)
    assert targets["boxes"].tolist() == [
        [[2, 1.5, 2, 1], [0.25, 0.25, 0.5, 0.5], [0, 0, 0, 0]],
        [[0, 0, 0, 0]] * 3,
    ]
    assert targets["labels"].tolist() == [[2, IGNORED, IGNORED], [IGNORED] * 3]
    assert targets["slots"].tolist() == [[slot(1, 2, 1), NO_SLOT, NO_SLOT], [NO_SLOT] * 3]
    assert [values.dtype for values in targets.values()] == [np.float32, np.int32, np.int32]
