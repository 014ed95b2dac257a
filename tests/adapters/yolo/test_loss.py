"""The loss against plain loops on random values, on both backends, and what has no gradient."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detbench.adapters.yolo.loss import loss_parts
from detbench.adapters.yolo.targets import NONE, Grid, Objects, batch_targets
from tests.references import yolo_loss as plain

keras = pytest.importorskip("keras")

ANCHORS = ((0.8, 0.9), (2.0, 1.0), (2.0, 1.0))
GRID = Grid(columns=5, rows=3, stride=16, anchors=ANCHORS)
CLASSES = 4


def example(seed):
    """Raw values and objects of four pictures: several objects in a cell, equal ones, one with ignored objects only, one empty."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1.5, (4, GRID.rows, GRID.columns, len(ANCHORS), 5 + CLASSES)).astype(
        np.float32
    )
    pictures = []
    for count in (7, 3, 2, 0):
        centres, sides = rng.uniform(0, [80, 48], (count, 2)), rng.uniform(8, 40, (count, 2))
        labels = rng.integers(0, CLASSES, count) if count != 2 else np.full(count, NONE)
        pictures.append(
            Objects(np.concatenate([centres - sides / 2, centres + sides / 2], axis=1), labels)
        )
    first = pictures[0]
    first.boxes[1:4], first.labels[5] = first.boxes[0], NONE
    return raw, pictures, batch_targets(GRID, pictures, 8)


def perfect(raw, targets):
    """Let boxes of some cells lie on the objects there, whichever anchor answers for them, so that some are forgiven."""
    for picture, row, column, anchor in np.argwhere(np.ones(raw.shape[:4], bool)):
        cx, cy, w, h = targets["boxes"][picture, anchor].astype(float)
        if w and column < cx < column + 1 and row < cy < row + 1:
            x, y = np.clip([cx - column, cy - row], 0.01, 0.99)
            aw, ah = ANCHORS[anchor]
            raw[picture, row, column, anchor, :4] = (
                np.log(x / (1 - x)),
                np.log(y / (1 - y)),
                np.log(w / aw),
                np.log(h / ah),
            )
    return raw


def reference(raw, targets, pictures):
    """The mean over pictures of each part."""
    found = []
    for values, boxes, objects in zip(raw, targets["boxes"].astype(float), pictures, strict=True):
        found.append(
            plain.loss(
                values, boxes[: len(objects.labels)].tolist(), objects.labels.tolist(), ANCHORS
            )
        )
    return {name: sum(part[name] for part in found) / len(found) for name in found[0]}


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_those_of_plain_loops(seed):
    raw, pictures, targets = example(seed)
    raw = perfect(raw, targets)
    parts = {name: float(part) for name, part in loss_parts(raw, targets, ANCHORS).items()}
    expected = reference(raw, targets, pictures)
    assert list(parts) == list(expected)
    for name, part in parts.items():
        assert part == pytest.approx(expected[name], rel=2e-5), name
    everything = {
        name: float(part)
        for name, part in loss_parts(
            raw, {**targets, "boxes": targets["boxes"] * 0}, ANCHORS
        ).items()
    }
    assert everything["no_object"] > parts["no_object"], "some boxes must be forgiven"


def test_pictures_without_objects_cost_only_what_is_found_in_them():
    raw, _, _ = example(0)
    targets = batch_targets(GRID, [Objects(np.zeros((0, 4)), np.zeros(0, int))] * 4, 1)
    parts = {name: float(part) for name, part in loss_parts(raw, targets, ANCHORS).items()}
    assert parts["coordinates"] == parts["object"] == parts["classes"] == 0
    assert parts["no_object"] == pytest.approx(
        (1 / (1 + np.exp(-raw[..., 4].astype(float))) ** 2).sum() / 4, rel=1e-5
    )


def test_extreme_values_stay_finite():
    raw, _, targets = example(1)
    for value in (-60.0, 60.0):
        assert all(
            np.isfinite(float(part))
            for part in loss_parts(np.full_like(raw, value), targets, ANCHORS).values()
        )


def test_no_gradient_runs_through_the_overlap():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow here")
    raw, _, targets = example(2)
    values = tf.Variable(raw)
    with tf.GradientTape() as tape:
        found = loss_parts(values, targets, ANCHORS)["object"]
    gradient = tape.gradient(found, values).numpy()
    assert np.abs(gradient[..., 4]).max() > 0
    assert np.abs(gradient[..., :4]).max() == np.abs(gradient[..., 5:]).max() == 0


def test_jax_gives_the_same(tmp_path):
    pytest.importorskip("jax")
    raw, pictures, targets = example(3)
    np.savez(tmp_path / "example.npz", raw=raw, **targets)
    script = (
        "import json, sys, jax, numpy as np, keras\n"
        "from detbench.adapters.yolo.loss import loss_parts\n"
        "from detbench.adapters.yolo.model import Yolo\n"
        "assert keras.backend.backend() == 'jax'\n"
        "given = dict(np.load(sys.argv[1]))\n"
        f"raw, anchors = given.pop('raw'), {ANCHORS}\n"
        "model = Yolo(class_names='abcd', anchors=anchors, input_size=(80, 48), width=2, depth=1)\n"
        "model.compile('sgd')\n"
        "logs = model.train_on_batch(np.zeros((4, 48, 80, 3), 'float32'), given, return_dict=True)\n"
        "parts = [float(logs[part]) for part in ('coordinates', 'object', 'no_object', 'classes')]\n"
        "assert abs(sum(parts) / float(logs['loss']) - 1) < 1e-5\n"
        "print(json.dumps({name: float(part) for name, part in jax.jit(lambda: loss_parts(raw, given, anchors))().items()}))\n"
    )
    place = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "example.npz"],
        env=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pytest.approx(reference(raw, targets, pictures), rel=2e-5)
