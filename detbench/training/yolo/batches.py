"""Batches: prepared images and their targets as a Keras dataset.

A batch depends on nothing but the seed, the epoch and its number in the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.grid import Grid
from detbench.training.yolo.images import PreparedImages
from detbench.training.yolo.targets import ImageObjects, batch_targets

Augment = Callable[
    [NDArray[np.float32], Sequence[ImageObjects], int],
    tuple[NDArray[np.float32], list[ImageObjects]],
]
"""Images (B, height, width, 3) with values 0–1, their objects, and a seed → changed ones."""


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Images `(B, height, width, 3)`, and targets as `batch_targets` returns them.

    With a seed the order changes in each epoch; without one it is that of the dataset. Pass
    `shuffle=False` to `fit`: Keras' own shuffling depends on a state that an interruption loses.
    """

    def __init__(
        self,
        prepared: PreparedImages,
        preprocessing: Preprocessing,
        grid: Grid,
        batch_size: int,
        *,
        seed: int | None = None,
        augment: Augment | None = None,
        epoch: int = 0,
    ) -> None:
        super().__init__(workers=1)
        self._prepared, self._grid, self._batch_size = prepared, grid, batch_size
        self._table, self._is_bgr = preprocessing.table(), preprocessing.color == "bgr"
        self._seed, self._augment = seed, augment
        self.epoch = epoch
        """Number of the coming epoch, from 0."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-len(self._prepared.images) // self._batch_size)

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return a batch of the current epoch."""
        rows = self._order()[number * self._batch_size : (number + 1) * self._batch_size]
        images = self._prepared.images[rows]
        objects: Sequence[ImageObjects] = [self._prepared.objects[row] for row in rows.tolist()]
        if self._augment is not None:
            values = (images / np.float32(255)).astype(np.float32)
            changed, objects = self._augment(values, objects, self._augmentation_seed(number))
            images = np.rint(changed * 255).astype(np.uint8)
        return self._model_input(images), batch_targets(
            self._grid, objects, self._prepared.max_objects
        )

    def on_epoch_end(self) -> None:
        """Advance to the next epoch."""
        self.epoch += 1

    def _order(self) -> NDArray[np.int64]:
        """Return the rows of all images in the order of the current epoch."""
        count = len(self._prepared.images)
        if self._seed is None:
            return np.arange(count)
        return np.random.default_rng([self._seed, self.epoch]).permutation(count)

    def _augmentation_seed(self, number: int) -> int:
        sequence = np.random.SeedSequence([self._seed or 0, self.epoch, number])
        # Keras takes 31 bits.
        return int(sequence.generate_state(1)[0] >> 1)

    def _model_input(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the model's input for 8-bit RGB values."""
        channels = images[..., ::-1] if self._is_bgr else images
        planes = [self._table[channel][channels[..., channel]] for channel in range(3)]
        return np.stack(planes, axis=-1)
