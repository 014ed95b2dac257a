"""Which anchor answers for which object, against plain loops, and what stands where nothing is."""

import numpy as np

from detbench.adapters.yolo.targets import NONE, Grid, Objects, batch_targets, responsible
from tests.references import yolo_loss as plain

ANCHORS = ((0.8, 0.9), (2.0, 1.0), (1.0, 2.0))
GRID = Grid(columns=6, rows=4, stride=16, anchors=ANCHORS)


def slot(row, column, anchor):
    return (row * GRID.columns + column) * len(ANCHORS) + anchor


def test_against_plain_loops():
    rng = np.random.default_rng(0)
    shared = 0
    for _ in range(50):
        boxes = np.concatenate(
            [rng.uniform(0, [3, 2], (12, 2)), rng.uniform(0.3, 3, (12, 2))], axis=1
        )
        labels = rng.integers(-1, 3, 12)
        places = plain.responsible(boxes.tolist(), labels.tolist(), ANCHORS)
        expected = [NONE if place is None else slot(*place) for place in places]
        shared += sum(
            label >= 0 and place is None for label, place in zip(labels, places, strict=True)
        )
        assert responsible(GRID, boxes, labels).tolist() == expected
    assert shared > 10


def test_of_equally_good_anchors_the_first_answers_and_the_next_object_takes_the_other():
    grid = Grid(4, 4, 16, ((2.0, 2.0), (1.0, 1.0), (2.0, 2.0)))
    boxes = np.array([[0.5, 0.5, 2, 2], [0.4, 0.4, 2, 2], [0.3, 0.3, 2, 2], [0.2, 0.2, 2, 2]])
    assert responsible(grid, boxes, np.zeros(4, int)).tolist() == [0, 2, 1, NONE]


def test_a_centre_on_the_far_edge_falls_to_the_last_cell():
    boxes = np.array([[6.0, 4.0, 0.8, 0.9]])
    assert responsible(GRID, boxes, np.zeros(1, int)).tolist() == [slot(3, 5, 0)]


def test_batches_are_padded_and_empty_pictures_are_all_padding():
    found = Objects(np.array([[16.0, 16, 48, 32], [0, 0, 8, 8]]), np.array([2, NONE]))
    nothing = Objects(np.zeros((0, 4)), np.zeros(0, int))
    targets = batch_targets(GRID, [found, nothing], 3)
    assert targets["boxes"].tolist() == [
        [[2, 1.5, 2, 1], [0.25, 0.25, 0.5, 0.5], [0, 0, 0, 0]],
        [[0, 0, 0, 0]] * 3,
    ]
    assert targets["labels"].tolist() == [[2, NONE, NONE], [NONE] * 3]
    assert targets["slots"].tolist() == [[slot(1, 2, 1), NONE, NONE], [NONE] * 3]
    assert [values.dtype for values in targets.values()] == [np.float32, np.int32, np.int32]
