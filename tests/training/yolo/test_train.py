"""Training: it learns, goes on after an interruption as if there had been none, and stops where the loss breaks."""

import dataclasses
import shutil

import numpy as np
import pytest

from detbench.adapters.detector import detect
from detbench.adapters.yolo.model_file import read_yolo
from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.checkpoints import BEST_BY, Checkpoints
from detbench.training.yolo.train import Listener, train, with_classes
from detbench.training.yolo.training_plan import Plan

keras = pytest.importorskip("keras")

PLAN = Plan(
    epochs=3,
    batch_size=16,
    size=(48, 48),
    anchors=2,
    width=4,
    depth=1,
    learning_rate=0.01,
    warmup_steps=4,
)


def weights(path):
    return [keras.ops.convert_to_numpy(weight) for weight in read_yolo(path).weights]


def rows(state):
    return [
        {name: value for name, value in row.items() if name != "seconds"} for row in state.history
    ]


def copied(interrupted, folder):
    """Copy an interrupted training, and return its output."""
    shutil.copytree(interrupted, folder, dirs_exist_ok=True)
    return folder / "m.keras"


def interrupting(epoch, step):
    """A listener that presses Ctrl-C after a step."""

    def on_step(now):
        if (now.epoch, now.step) == (epoch, step):
            raise KeyboardInterrupt

    return Listener(on_step=on_step)


@pytest.fixture(scope="module")
def interrupted(learned, validated, tmp_path_factory):
    """The folder of a training interrupted in its last step, of which tests take copies."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, learned, validated, folder / "m.keras", listener=interrupting(3, 3))
    return folder


@pytest.fixture(scope="module")
def uninterrupted(learned, validated, tmp_path_factory):
    return train(PLAN, learned, validated, tmp_path_factory.mktemp("whole") / "m.keras")


def test_it_learns(learned, validated, tmp_path):
    told = {"pictures": [], "steps": [], "epochs": []}
    listener = Listener(
        on_picture=told["pictures"].append,
        on_step=lambda step: told["steps"].append((step.epoch, step.step, step.steps)),
        on_epoch=lambda state: told["epochs"].append(len(state.history)),
    )
    plan = dataclasses.replace(PLAN, epochs=40, augment=False)
    trained = train(plan, learned, validated, tmp_path / "m.keras", listener=listener)
    first, best = trained.state.history[0], trained.state.history[trained.state.best_epoch - 1]
    assert best["loss"] < first["loss"] / 4
    assert best[BEST_BY] == max(row[BEST_BY] for row in trained.state.history) > 0.6
    assert first["loss"] == pytest.approx(
        sum(first[part] for part in ("coordinates", "object", "no_object", "classes")), rel=1e-4
    )
    assert {"val_loss", "val_coordinates", "val_object", "val_no_object", "val_classes"} <= set(
        first
    )
    assert told["pictures"][-1] == 40
    assert told["steps"][:4] == [(1, 1, 3), (1, 2, 3), (1, 3, 3), (2, 1, 3)]
    assert told["epochs"] == list(range(1, 41))
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]


def test_the_file_is_the_best_epoch_scored_by_our_own_metric(uninterrupted, validated):
    from detbench.adapters.catalogue import load_detector
    from detbench.adapters.images import read_picture
    from detbench.data.detections import Detections
    from detbench.metrics.protocols.protocol import protocol_named
    from detbench.metrics.scoring.evaluate import evaluate

    detector = load_detector(f"yolo:{uninterrupted.path}")
    found = detect(
        detector,
        [read_picture(validated.image_folder / name).picture for name in validated.image_files],
    )
    detections = Detections.from_rows(
        validated,
        image_index=np.repeat(np.arange(len(found)), [len(one.scores) for one in found]),
        class_index=np.concatenate([one.classes for one in found]),
        scores=np.concatenate([one.scores for one in found]),
        boxes=np.concatenate([one.boxes for one in found]),
    )
    best = uninterrupted.state.history[uninterrupted.state.best_epoch - 1]
    assert evaluate(validated, detections, protocol_named("voc2007")).summary[
        "mAP"
    ] == pytest.approx(best[BEST_BY], abs=1e-6)


def test_interrupted_before_an_epoch_is_done_leaves_nothing(learned, validated, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, learned, validated, tmp_path / "m.keras", listener=interrupting(1, 2))
    assert Checkpoints(tmp_path / "m.keras").latest() is None
    assert not (tmp_path / "m.keras").exists()


def test_interrupted_and_resumed_is_as_if_there_had_been_none(
    uninterrupted, interrupted, learned, validated, tmp_path
):
    output = copied(interrupted, tmp_path)
    assert len(Checkpoints(output).latest().history) == 2
    assert not output.exists()
    begun = []
    resumed = train(
        PLAN,
        learned,
        validated,
        output,
        listener=Listener(on_begin=lambda state: begun.append(len(state.history))),
    )
    assert begun == [2]
    for row, expected in zip(rows(resumed.state), rows(uninterrupted.state), strict=True):
        assert row == pytest.approx(expected, rel=1e-3)
    for one, other in zip(weights(output), weights(uninterrupted.path), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]


def test_other_settings_do_not_go_on_unless_told_to_start_over(
    interrupted, learned, validated, tmp_path
):
    output = copied(interrupted, tmp_path)
    other = dataclasses.replace(PLAN, epochs=2, batch_size=8)
    problem = r"m\.keras\.training: holds an interrupted training of other settings \(epochs: 3 → 2; batch_size: 16 → 8\).*--no-resume"
    with pytest.raises(InputError, match=problem):
        train(other, learned, validated, output)
    with pytest.raises(InputError, match=r"of other settings \(data: sha256"):
        train(PLAN, learned.select_images(np.arange(30)), validated, output)
    assert len(Checkpoints(output).latest().history) == 2
    assert [
        row["epoch"] for row in train(other, learned, validated, output, resume=False).state.history
    ] == [1, 2]


def test_a_loss_that_breaks_stops_and_keeps_the_last_good_model(
    learned, validated, tmp_path, monkeypatch
):
    from detbench.adapters.yolo import model as home

    real, steps = home.loss_parts, []

    def breaking(raw, targets, anchors):
        parts = real(raw, targets, anchors)
        parts["classes"] = parts["classes"] * keras.ops.where(broken.value > 0, float("nan"), 1.0)
        return parts

    broken = keras.Variable(0.0, trainable=False)
    monkeypatch.setattr(home, "loss_parts", breaking)

    def on_step(step):
        steps.append(step)
        if (step.epoch, step.step) == (2, 1):
            broken.assign(1.0)

    output = tmp_path / "m.keras"
    expected = r"the loss became nan in step 2 of epoch 2; the model of epoch 1 is in .*m\.keras; .*lower --learning-rate"
    with pytest.raises(DetbenchError, match=expected):
        train(PLAN, learned, validated, output, listener=Listener(on_step=on_step))
    assert len(steps) == 4
    assert all(np.isfinite(values).all() for values in weights(output))


def test_a_loss_broken_from_the_start_leaves_nothing(learned, validated, tmp_path):
    plan = dataclasses.replace(PLAN, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(DetbenchError, match="no epoch was finished, nothing is kept"):
        train(plan, learned, validated, tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []


def test_no_epoch_begins_after_an_interruption_that_would_end_too_late(
    interrupted, learned, validated, tmp_path
):
    output = copied(interrupted, tmp_path)
    trained = train(dataclasses.replace(PLAN, max_seconds=1e-3), learned, validated, output)
    assert len(trained.state.history) == 2
    assert output.exists()


def test_training_on_takes_over_weights_classes_and_shape(
    uninterrupted, learned, validated, tmp_path
):
    swapped = dataclasses.replace(
        learned, class_names=("Blue", "red"), class_index=1 - learned.class_index
    )
    plan = Plan(epochs=1, learning_rate=1e-7, batch_size=16)
    trained = train(plan, swapped, validated, tmp_path / "m.keras", start=uninterrupted.path)
    again, before = read_yolo(trained.path), read_yolo(uninterrupted.path)
    assert again.get_config() == before.get_config()
    for name, one, other in zip(
        (weight.path for weight in before.weights),
        weights(trained.path),
        weights(uninterrupted.path),
        strict=True,
    ):
        if "moving" not in name:
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_class_that_the_model_lacks_is_named(uninterrupted, learned, validated, tmp_path):
    more = dataclasses.replace(
        learned, class_names=("red", "blue", "green"), category_ids=np.arange(3)
    )
    with pytest.raises(
        InputError,
        match="has 1 of 3 classes that the model does not know, 'green' first; it knows red, blue",
    ):
        train(PLAN, more, validated, tmp_path / "m.keras", start=uninterrupted.path)
    with pytest.raises(InputError, match="'green' first"):
        train(
            PLAN, learned, with_classes(validated, ("red", "blue", "green")), tmp_path / "m.keras"
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m.h5", "written as a .keras file; name it m.keras"),
        ("file.txt/m.keras", "is a file, not a folder"),
        ("folder.keras", "is a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_else(tmp_path, name, message):
    (tmp_path / "file.txt").touch()
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(InputError, match=message):
        train(PLAN, None, None, tmp_path / name)


def test_a_damaged_checkpoint_is_named(interrupted, learned, validated, tmp_path):
    output = copied(interrupted, tmp_path)
    folder = Checkpoints(output).folder / "epoch-00002"
    (folder / "state.weights.h5").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"state\.weights\.h5: cannot be read .*--no-resume"):
        train(PLAN, learned, validated, output)
    (folder / "state.json").write_text("{")
    with pytest.raises(
        InputError, match=r"state\.json: cannot be read as the record of a training"
    ):
        train(PLAN, learned, validated, output)
