"""DetectionMetrics on JAX, which needs a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras_hub")

_ON_JAX = """
import keras
import keras_hub
import numpy as np

from detbench.training.keras import DetectionMetrics
from tests.training.keras.tiny import NAMES, examples, tiny_retinanet

assert keras.backend.backend() == "jax"
images, boxes, labels = examples()
targets = {"boxes": boxes, "labels": labels}
batches = [(images[first : first + 4], {name: values[first : first + 4] for name, values in targets.items()}) for first in (0, 4)]
model = tiny_retinanet()
model.compile(optimizer=keras.optimizers.Adam(1e-3))
metrics = DetectionMetrics(batches, class_names=NAMES, box_format="xyxy", batch_size=4)
found = []

class Keep(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        found.append(metrics.evaluations["coco"].detections.scores)

history = model.fit(images, targets, batch_size=4, epochs=2, verbose=0, shuffle=False, callbacks=[metrics, Keep()])
assert "val_coco_AP" in history.history
assert len(found[0]) != len(found[1]) or not np.array_equal(*found), "the weights did not move"
model.save_to_preset("preset")
again = keras_hub.models.ObjectDetector.from_preset("preset")
checked = DetectionMetrics(batches, class_names=NAMES, box_format="xyxy", batch_size=4)
again.compile()
again.evaluate(images, targets, batch_size=4, verbose=0, callbacks=[checked])
np.testing.assert_array_equal(checked.evaluations["coco"].detections.scores, found[-1])
print("numbers of the last epoch are those of the saved model")
"""


def test_on_jax_the_weights_of_each_epoch_are_scored(tmp_path):
    pytest.importorskip("jax")
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _ON_JAX],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "numbers of the last epoch are those of the saved model" in done.stdout
