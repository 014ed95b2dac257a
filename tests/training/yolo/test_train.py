"""Training: it learns, resumes exactly after an interruption, and stops if the loss diverges."""

import dataclasses
import shutil

import numpy as np
import pytest

from detbench.adapters.detector import detect
from detbench.adapters.yolo.model_file import read_yolo
from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.checkpoints import SCORE_COLUMN, Checkpoints
from detbench.training.yolo.train import TrainingListener, train, with_classes
from detbench.training.yolo.training_plan import TrainingPlan

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]
PLAN = TrainingPlan(
    epochs=3,
    batch_size=16,
    size=(48, 48),
    anchors=2,
    width=4,
    depth=1,
    learning_rate=0.01,
    warmup_steps=4,
)
PLAIN_PLAN = dataclasses.replace(PLAN, augment=False)
"""For tests in which augmentation makes no difference; tracing it takes a second."""


def weights_of(path):
    return read_yolo(path).get_weights()


def history_without_times(state):
    return [
        {name: value for name, value in row.items() if name != "seconds"} for row in state.history
    ]


def copy_training(interrupted, folder):
    """Copy an interrupted training, and return its output."""
    shutil.copytree(interrupted, folder, dirs_exist_ok=True)
    return folder / "m.keras"


def interrupt_at(epoch, step):
    """Return a listener that interrupts as Ctrl-C does, after a step."""

    def on_step(progress):
        if (progress.epoch, progress.step) == (epoch, step):
            raise KeyboardInterrupt

    return TrainingListener(on_step=on_step)


@pytest.fixture(scope="module")
def interrupted(keras, training_data, validation_data, tmp_path_factory):
    """Return the folder of a training interrupted in its last step; tests take copies."""
    folder = tmp_path_factory.mktemp("interrupted")
    output, listener = folder / "m.keras", interrupt_at(3, 3)
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, training_data, validation_data, output, listener=listener)
    return folder


@pytest.fixture(scope="module")
def uninterrupted(keras, training_data, validation_data, tmp_path_factory):
    output = tmp_path_factory.mktemp("uninterrupted") / "m.keras"
    return train(PLAN, training_data, validation_data, output)


def test_it_learns(training_data, validation_data, tmp_path):
    image_counts, steps, epochs = [], [], []
    listener = TrainingListener(
        on_image=image_counts.append,
        on_step=lambda progress: steps.append((progress.epoch, progress.step, progress.steps)),
        on_epoch=lambda state: epochs.append(len(state.history)),
    )
    plan = dataclasses.replace(PLAIN_PLAN, epochs=20, learning_rate=0.02)
    result = train(plan, training_data, validation_data, tmp_path / "m.keras", listener=listener)
    history = result.state.history
    first, best = history[0], history[result.state.best_epoch - 1]
    assert best["loss"] < first["loss"] / 4
    assert best[SCORE_COLUMN] == max(row[SCORE_COLUMN] for row in history) > 0.6
    parts = ("coordinates", "object", "no_object", "classes")
    assert first["loss"] == pytest.approx(sum(first[part] for part in parts), rel=1e-4)
    assert {"val_loss", *(f"val_{part}" for part in parts)} <= set(first)
    assert image_counts[-1] == 48
    assert steps[:4] == [(1, 1, 3), (1, 2, 3), (1, 3, 3), (2, 1, 3)]
    assert epochs == list(range(1, 21))
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]


def test_the_file_is_the_best_epoch_as_scored_by_detbench(uninterrupted, validation_data):
    from detbench.adapters.catalogue import load_detector
    from detbench.adapters.images import read_image
    from detbench.data.detections import Detections
    from detbench.metrics.protocols.table import protocol_named
    from detbench.metrics.scoring.evaluate import evaluate

    folder, names = validation_data.image_folder, validation_data.image_files
    detector = load_detector(f"yolo:{uninterrupted.path}")
    by_image = detect(detector, [read_image(folder / name).pixels for name in names])
    detections = Detections.from_rows(
        validation_data,
        image_index=np.repeat(np.arange(len(by_image)), [len(image.scores) for image in by_image]),
        class_index=np.concatenate([image.classes for image in by_image]),
        scores=np.concatenate([image.scores for image in by_image]),
        boxes=np.concatenate([image.boxes for image in by_image]),
    )
    best = uninterrupted.state.history[uninterrupted.state.best_epoch - 1]
    evaluation = evaluate(validation_data, detections, protocol_named("voc2007"))
    assert evaluation.summary["mAP"] == pytest.approx(best[SCORE_COLUMN], abs=1e-6)


def test_interrupted_before_the_first_epoch_ends_leaves_nothing(
    training_data, validation_data, tmp_path
):
    output, listener = tmp_path / "m.keras", interrupt_at(1, 2)
    with pytest.raises(KeyboardInterrupt):
        train(PLAIN_PLAN, training_data, validation_data, output, listener=listener)
    assert Checkpoints(output).latest() is None
    assert not output.exists()


def test_a_resumed_training_equals_an_uninterrupted_one(
    uninterrupted, interrupted, training_data, validation_data, tmp_path
):
    output = copy_training(interrupted, tmp_path)
    assert len(Checkpoints(output).latest().history) == 2
    assert not output.exists()
    n_finished = []
    listener = TrainingListener(on_begin=lambda state: n_finished.append(len(state.history)))
    resumed = train(PLAN, training_data, validation_data, output, listener=listener)
    assert n_finished == [2]
    rows = history_without_times(resumed.state)
    for row, expected in zip(rows, history_without_times(uninterrupted.state), strict=True):
        assert row == pytest.approx(expected, rel=1e-3)
    for values, expected in zip(weights_of(output), weights_of(uninterrupted.path), strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-4)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]


def test_other_settings_do_not_resume_but_may_start_over(
    interrupted, training_data, validation_data, tmp_path
):
    output = copy_training(interrupted, tmp_path)
    other = dataclasses.replace(PLAN, epochs=2, batch_size=8)
    message = (
        r"m\.keras\.training: holds an interrupted training with other settings "
        r"\(epochs: 3 → 2; batch_size: 16 → 8\).*--no-resume"
    )
    with pytest.raises(InputError, match=message):
        train(other, training_data, validation_data, output)
    fewer_images = training_data.select_images(np.arange(30))
    with pytest.raises(InputError, match=r"with other settings \(data: sha256"):
        train(PLAN, fewer_images, validation_data, output)
    assert len(Checkpoints(output).latest().history) == 2
    other = dataclasses.replace(PLAIN_PLAN, epochs=2, batch_size=8)
    result = train(other, training_data, validation_data, output, resume=False)
    assert [row["epoch"] for row in result.state.history] == [1, 2]


def test_a_diverging_loss_stops_and_keeps_the_last_good_model(
    keras, training_data, validation_data, tmp_path, monkeypatch
):
    from detbench.adapters.yolo import model as model_module

    is_broken = keras.Variable(0.0, trainable=False)
    loss_parts, steps = model_module.loss_parts, []

    def breakable_loss_parts(raw, targets, anchors):
        parts = loss_parts(raw, targets, anchors)
        parts["classes"] *= keras.ops.where(is_broken.value > 0, float("nan"), 1.0)
        return parts

    def on_step(progress):
        steps.append(progress)
        if (progress.epoch, progress.step) == (2, 1):
            is_broken.assign(1.0)

    monkeypatch.setattr(model_module, "loss_parts", breakable_loss_parts)
    output, listener = tmp_path / "m.keras", TrainingListener(on_step=on_step)
    message = (
        r"the loss became nan in step 2 of epoch 2; the model of epoch 1 is in .*m\.keras; "
        r".*lower --learning-rate"
    )
    with pytest.raises(DetbenchError, match=message):
        train(PLAIN_PLAN, training_data, validation_data, output, listener=listener)
    assert len(steps) == 4
    assert all(np.isfinite(values).all() for values in weights_of(output))


def test_a_loss_that_diverges_at_once_leaves_nothing(training_data, validation_data, tmp_path):
    plan = dataclasses.replace(PLAIN_PLAN, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(DetbenchError, match="no epoch was finished, so no model was written"):
        train(plan, training_data, validation_data, tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_training_keeps_the_time_limit(
    interrupted, training_data, validation_data, tmp_path
):
    output = copy_training(interrupted, tmp_path)
    plan = dataclasses.replace(PLAN, max_seconds=1e-3)
    result = train(plan, training_data, validation_data, output)
    assert len(result.state.history) == 2
    assert output.exists()


def test_a_start_model_gives_weights_classes_and_shape(
    uninterrupted, training_data, validation_data, tmp_path
):
    swapped = dataclasses.replace(
        training_data, class_names=("Blue", "red"), class_index=1 - training_data.class_index
    )
    plan = TrainingPlan(epochs=1, learning_rate=1e-7, batch_size=16, augment=False)
    output, start = tmp_path / "m.keras", uninterrupted.path
    result = train(plan, swapped, validation_data, output, start=start)
    start_model = read_yolo(start)
    assert read_yolo(result.path).get_config() == start_model.get_config()
    paths = [weight.path for weight in start_model.weights]
    for path, before, after in zip(paths, weights_of(start), weights_of(result.path), strict=True):
        if "moving" not in path:
            np.testing.assert_allclose(before, after, atol=1e-5)


def test_a_class_that_the_model_lacks_is_named(
    uninterrupted, training_data, validation_data, tmp_path
):
    output, names = tmp_path / "m.keras", ("red", "blue", "green")
    more_classes = dataclasses.replace(training_data, class_names=names, category_ids=np.arange(3))
    message = r"1 of 3 classes are not in the model \(the first: 'green'\); the model has red, blue"
    with pytest.raises(InputError, match=message):
        train(PLAN, more_classes, validation_data, output, start=uninterrupted.path)
    with pytest.raises(InputError, match=r"the first: 'green'"):
        train(PLAN, training_data, with_classes(validation_data, names), output)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m.h5", "does not end in .keras; name it m.keras"),
        ("file.txt/m.keras", "is a file, not a folder"),
        ("folder.keras", "is a folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_first(tmp_path, name, message):
    (tmp_path / "file.txt").touch()
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(InputError, match=message):
        train(PLAN, None, None, tmp_path / name)


def test_a_damaged_checkpoint_is_named(interrupted, training_data, validation_data, tmp_path):
    output = copy_training(interrupted, tmp_path)
    folder = Checkpoints(output).folder / "epoch-00002"
    (folder / "state.weights.h5").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"state\.weights\.h5: cannot be read .*--no-resume"):
        train(PLAN, training_data, validation_data, output)
    (folder / "state.json").write_text("{")
    message = r"state\.json: cannot be read as the record of a training"
    with pytest.raises(InputError, match=message):
        train(PLAN, training_data, validation_data, output)
