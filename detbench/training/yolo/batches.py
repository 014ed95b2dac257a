"""Batches: prepared pictures and their targets as a Keras dataset, the same for the same seed, epoch and number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.targets import Grid, Objects, batch_targets
from detbench.training.yolo.images import Prepared

Augment = Callable[
    [NDArray[np.float32], Sequence[Objects], int], tuple[NDArray[np.float32], list[Objects]]
]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Pictures `(B, height, width, 3)` and targets as `batch_targets` gives them.

    With a seed the order is another one in each epoch; without one it is that of the dataset. Pass `shuffle=False` to `fit`: Keras'
    own shuffling comes from a state that an interruption loses.
    """

    def __init__(
        self,
        prepared: Prepared,
        preparation: Preprocessing,
        grid: Grid,
        batch_size: int,
        *,
        seed: int | None = None,
        augment: Augment | None = None,
        epoch: int = 0,
    ) -> None:
        super().__init__(workers=1)
        self._prepared, self._grid, self._batch_size = prepared, grid, batch_size
        self._table, self._swapped = preparation.table(), preparation.colour == "bgr"
        self._seed, self._augment = seed, augment
        self.epoch = epoch
        """The number of the epoch that comes next, from 0."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch; the last may be smaller."""
        return -(-len(self._prepared.images) // self._batch_size)

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return a batch of the current epoch."""
        rows = self._order()[number * self._batch_size : (number + 1) * self._batch_size]
        images = self._prepared.images[rows]
        objects: Sequence[Objects] = [self._prepared.objects[row] for row in rows.tolist()]
        if self._augment is not None:
            seed = (
                np.random.SeedSequence([self._seed or 0, self.epoch, number]).generate_state(1)[0]
                >> 1
            )
            changed, objects = self._augment(
                (images / np.float32(255)).astype(np.float32), objects, int(seed)
            )
            images = np.rint(changed * 255).astype(np.uint8)
        return self._values(images), batch_targets(self._grid, objects, self._prepared.room)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1

    def _order(self) -> NDArray[np.int64]:
        count = len(self._prepared.images)
        return (
            np.arange(count)
            if self._seed is None
            else np.random.default_rng([self._seed, self.epoch]).permutation(count)
        )

    def _values(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the model sees for 8-bit values."""
        planes = images[..., ::-1] if self._swapped else images
        return np.stack(
            [self._table[channel][planes[..., channel]] for channel in range(3)], axis=-1
        )
