"""Which epochs are saved, and which one is the best."""

import json

import pytest

from detbench.errors import InputError
from detbench.training.yolo.checkpoints import SCORE_COLUMN, Checkpoints, TrainingState


class FakeModel:
    """A model whose weights are a text."""

    stop_training = False

    def save_weights(self, path):
        path.write_text("weights")


def state_after(*scores):
    """Return a state with one epoch per score."""
    history = [
        {"epoch": number, "seconds": 2.0, SCORE_COLUMN: score}
        for number, score in enumerate(scores, start=1)
    ]
    return TrainingState({"epochs": 9}, [[1.0, 2.0]], history)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((), 0),
        ((0.5,), 1),
        ((0.5, 0.7, 0.7), 2),
        ((float("nan"), 0.1), 2),
        ((float("nan"), float("nan")), 1),
    ],
)
def test_the_best_epoch(scores, best):
    assert state_after(*scores).best_epoch == best
    assert state_after(*scores).elapsed_s == 2.0 * len(scores)


def test_the_last_and_the_best_are_kept(tmp_path):
    checkpoints, scores = Checkpoints(tmp_path / "m.keras"), [0.2, 0.6, 0.3, 0.4]
    for count in range(1, 5):
        checkpoints.save(FakeModel(), state_after(*scores[:count]))
    folders = sorted(entry.name for entry in checkpoints.folder.iterdir())
    assert folders == ["epoch-00002", "epoch-00004"]
    assert checkpoints.latest() == state_after(*scores)
    checkpoints.remove()
    assert checkpoints.latest() is None
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_save_keeps_the_epoch_before(tmp_path):
    class InterruptedModel(FakeModel):
        def save_weights(self, path):
            super().save_weights(path)
            raise KeyboardInterrupt

    checkpoints = Checkpoints(tmp_path / "m.keras")
    checkpoints.save(FakeModel(), state_after(0.1))
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(InterruptedModel(), state_after(0.1, 0.2))
    assert checkpoints.latest() == state_after(0.1)
    assert [entry.name for entry in checkpoints.folder.iterdir()] == ["epoch-00001"]


@pytest.mark.slow
@pytest.mark.parametrize(("max_seconds", "stopped"), [(None, False), (1e9, False), (2.0, True)])
def test_no_epoch_begins_that_would_exceed_the_time_limit(keras, tmp_path, max_seconds, stopped):
    from detbench.training.yolo.callbacks import CheckpointSaver

    checkpoints, states, model = Checkpoints(tmp_path / "m.keras"), [], FakeModel()
    saver = CheckpointSaver(checkpoints, state_after(0.1), max_seconds, states.append)
    saver.set_model(model)
    saver.on_epoch_begin(1)
    saver.on_epoch_end(1, {"loss": 3.0, SCORE_COLUMN: 0.2})
    assert model.stop_training is stopped
    assert [row[SCORE_COLUMN] for row in states[0].history] == [0.1, 0.2]
    assert checkpoints.latest() == states[0]


def test_a_record_of_another_version_is_named(tmp_path):
    checkpoints = Checkpoints(tmp_path / "m.keras")
    checkpoints.save(FakeModel(), state_after(0.1))
    path = checkpoints.folder / "epoch-00001" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))
    message = (
        "has version 2, and this detbench reads 1; remove this folder, "
        "or start over with --no-resume"
    )
    with pytest.raises(InputError, match=message):
        checkpoints.latest()
