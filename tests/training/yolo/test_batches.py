"""Batches are what the model sees when it runs, and depend on seed and epoch only."""

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.yolo.grid import Grid
from detbench.training.yolo.images import prepare
from tests.training.yolo.red_objects import PREPROCESSING

pytestmark = pytest.mark.slow

GRID = Grid(4, 3, 16, ((1.0, 1.0),))


@pytest.fixture(scope="module")
def new_batches(keras):
    from detbench.training.yolo.batches import TrainingBatches

    return TrainingBatches


def test_batches_are_what_the_model_sees_when_it_runs(new_batches, red_objects):
    prepared = prepare(red_objects, PREPROCESSING)
    batches = new_batches(prepared, PREPROCESSING, GRID, 2)
    images = [np.asarray(Image.open(red_objects.image_folder / f"{n}.png")) for n in range(3)]
    assert len(batches) == 2
    inputs = np.concatenate([batches[n][0] for n in range(2)])
    np.testing.assert_array_equal(inputs, PREPROCESSING.apply(images).inputs)
    assert [len(batches[n][1]["labels"]) for n in range(2)] == [2, 1]


def test_order_and_changes_depend_on_seed_and_epoch(new_batches, red_objects):
    from detbench.training.yolo.augmentation import Augmentation

    prepared, augment = prepare(red_objects, PREPROCESSING), Augmentation(0.5)

    def first_batch(seed, n_epochs, **options):
        batches = new_batches(
            prepared, PREPROCESSING, GRID, 3, seed=seed, augment=augment, **options
        )
        for _ in range(n_epochs):
            batches.on_epoch_end()
        return batches[0]

    third_epoch, resumed = first_batch(1, 2), first_batch(1, 0, epoch=2)
    for values, others in zip(third_epoch, resumed, strict=True):
        np.testing.assert_equal(values, others)
    assert np.abs(first_batch(1, 0)[0] - first_batch(1, 1)[0]).max() > 0.05
    assert np.abs(first_batch(1, 0)[0] - first_batch(2, 0)[0]).max() > 0.05
