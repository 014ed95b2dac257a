"""A detector made of arithmetic, for tests of code that runs detectors.

It returns one box per image, scored by the image's brightness.
"""

import numpy as np

from detbench.adapters.detector import Batch, ImageDetections
from detbench.adapters.geometry import fit_image


class FakeDetector:
    """Returns the box (1, 1, 5, 5) for each image, with the mean of its pixels as score."""

    name = "fake"
    class_names = ("cat", "dog")
    input_size = (8, 8)

    def __init__(self, *, batch_size=None, fail_at=None, digest="sha256:fake"):
        self.batch_size = batch_size
        self.fail_at = fail_at
        self.batches = []
        self.settings = {"digest": digest}

    def preprocess(self, images):
        placements = tuple(
            fit_image((image.shape[1], image.shape[0]), self.input_size, "stretch")
            for image in images
        )
        return Batch(np.array([image.mean() / 255 for image in images]), placements)

    def to_device(self, batch):
        return batch.inputs

    def infer(self, inputs):
        if self.fail_at is not None and len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(len(inputs))
        return inputs

    def to_host(self, outputs):
        return [outputs]

    def postprocess(self, outputs, batch):
        box = np.array([[1.0, 1.0, 5.0, 5.0]])
        return [
            ImageDetections(box, np.array([score]), np.array([int(score > 0.5)]))
            for score in outputs[0]
        ]

    def synchronize(self):
        pass

    def close(self):
        pass
