"""What `test_on_jax` runs in another process, because a process has one backend of Keras only.

    KERAS_BACKEND=jax python -W error -m tests.training.keras.jax_process FOLDER

FOLDER holds `two.keras` and `loss.npz`; the results are written beside them.
"""

import json
import sys
import warnings
from pathlib import Path

import jax
import numpy as np

from detbench.adapters.keras.backend import import_keras

keras = import_keras("jax")
LOSS_PARTS = ("coordinates", "object", "no_object", "classes")


def run_model(folder):
    """Run a model by the fast call, before and after its weights change."""
    from tests.adapters.keras.test_runtime import run, runtime_of

    model = keras.saving.load_model(folder / "two.keras")
    runtime = runtime_of(model)
    before = run(runtime)
    model.set_weights([2 * np.asarray(weight.value) for weight in model.weights])
    changed = run(runtime)
    np.savez(folder / "outputs.npz", **before)
    np.savez(folder / "changed-outputs.npz", **changed)


def compute_loss(folder):
    """Compute the loss of a YOLO, jitted and in a training step."""
    from detbench.adapters.yolo.loss import loss_parts
    from detbench.adapters.yolo.model import Yolo
    from tests.adapters.yolo.test_loss import ANCHORS

    targets = dict(np.load(folder / "loss.npz"))
    raw = targets.pop("raw")
    parts = jax.jit(lambda: loss_parts(raw, targets, ANCHORS))()
    model = Yolo(class_names="abcd", anchors=ANCHORS, input_size=(80, 48), width=2, depth=1)
    model.compile("sgd")
    images = np.zeros((4, 48, 80, 3), np.float32)
    logs = model.train_on_batch(images, targets, return_dict=True)
    return {
        "parts": {name: float(part) for name, part in parts.items()},
        "loss": float(logs["loss"]),
        "sum_of_parts": sum(float(logs[part]) for part in LOSS_PARTS),
    }


def train_with_metrics(folder):
    """Train a RetinaNet for two epochs with DetectionMetrics, save it, and score the copy."""
    import keras_hub

    from detbench.training.keras import DetectionMetrics
    from tests.training.keras.small_models import NAMES, noise_examples, small_retinanet

    images, boxes, labels = noise_examples(4)
    targets = {"boxes": boxes, "labels": labels}

    def new_metrics():
        return DetectionMetrics(
            [(images, targets)], class_names=NAMES, box_format="xyxy", batch_size=4
        )

    def scores(metrics):
        return metrics.evaluations["coco"].detections.scores.tolist()

    metrics, epoch_scores = new_metrics(), []
    keep_scores = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epoch_scores.append(scores(metrics))
    )
    model = small_retinanet()
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    history = model.fit(
        images,
        targets,
        batch_size=4,
        epochs=2,
        verbose=0,
        shuffle=False,
        callbacks=[metrics, keep_scores],
    )
    model.save_to_preset(str(folder / "preset"))
    copy = keras_hub.models.ObjectDetector.from_preset(str(folder / "preset"))
    copy.compile()
    copy_metrics = new_metrics()
    copy.evaluate(images, targets, batch_size=4, verbose=0, callbacks=[copy_metrics])
    return {
        "columns": list(history.history),
        "epoch_scores": epoch_scores,
        "copy_scores": scores(copy_metrics),
    }


def main():
    folder = Path(sys.argv[1])
    run_model(folder)
    loss = compute_loss(folder)
    imported_tensorflow = "tensorflow" in sys.modules
    # KerasHub imports TensorFlow, and warns.
    warnings.simplefilter("default")
    results = {
        "backend": keras.backend.backend(),
        "imported_tensorflow": imported_tensorflow,
        "loss": loss,
        "metrics": train_with_metrics(folder),
    }
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
