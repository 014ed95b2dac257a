"""Keras on JAX: the numbers of TensorFlow and of plain loops, and metrics of each epoch.

A process has one backend of Keras only, so `jax_process` runs everything in one other process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.keras.test_runtime import IMAGES, two_headed_model
from tests.adapters.yolo.test_loss import example, reference_parts

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model(keras, hub):
    pytest.importorskip("jax")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("this test compares JAX with TensorFlow")
    return two_headed_model(keras)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """Return the folder with the results of the JAX process."""
    folder = tmp_path_factory.mktemp("jax")
    model.save(folder / "two.keras")
    raw, _, targets = example(3)
    np.savez(folder / "loss.npz", raw=raw, **targets)
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        # Compiling takes most of the time, and the numbers are the same.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.training.keras.jax_process", folder],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_the_fast_call_gives_the_numbers_of_tensorflow(model, folder, results):
    assert results["backend"] == "jax"
    assert not results["imported_tensorflow"]
    outputs, changed = np.load(folder / "outputs.npz"), np.load(folder / "changed-outputs.npz")
    for name, values in model.predict(IMAGES, verbose=0).items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5)
    assert np.abs(changed["first"] - outputs["first"]).max() > 0.1


def test_the_loss_is_that_of_plain_loops(results):
    raw, images, targets = example(3)
    loss = results["loss"]
    assert loss["parts"] == pytest.approx(reference_parts(raw, targets, images), rel=2e-5)
    assert abs(loss["sum_of_parts"] / loss["loss"] - 1) < 1e-5


def test_the_weights_of_each_epoch_are_scored(results):
    metrics = results["metrics"]
    assert "val_coco_AP" in metrics["columns"]
    first, last = metrics["epoch_scores"]
    assert first != last, "the weights did not change"
    assert metrics["copy_scores"] == last
