"""Which epochs are kept and which is the best."""

import json

import pytest

from detbench.errors import InputError
from detbench.training.yolo.checkpoints import BEST_BY, Checkpoints, State


class Weights:
    """A model whose weights are a text."""

    stop_training = False

    def save_weights(self, path):
        path.write_text("weights")


def state(*scores):
    return State(
        {"epochs": 9},
        [[1.0, 2.0]],
        [{"epoch": n, "seconds": 2.0, BEST_BY: score} for n, score in enumerate(scores, start=1)],
    )


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
    assert state(*scores).best_epoch == best
    assert state(*scores).elapsed_s == 2.0 * len(scores)


def test_the_last_and_the_best_are_kept(tmp_path):
    checkpoints, scores = Checkpoints(tmp_path / "m.keras"), [0.2, 0.6, 0.3, 0.4]
    for count in range(1, 5):
        checkpoints.save(Weights(), state(*scores[:count]))
    assert sorted(entry.name for entry in checkpoints.folder.iterdir()) == [
        "epoch-00002",
        "epoch-00004",
    ]
    assert checkpoints.latest() == state(*scores)
    checkpoints.remove()
    assert checkpoints.latest() is None
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_while_an_epoch_is_being_kept_leaves_the_one_before(tmp_path):
    class Interrupted(Weights):
        def save_weights(self, path):
            super().save_weights(path)
            raise KeyboardInterrupt

    checkpoints = Checkpoints(tmp_path / "m.keras")
    checkpoints.save(Weights(), state(0.1))
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(Interrupted(), state(0.1, 0.2))
    assert checkpoints.latest() == state(0.1)
    assert [entry.name for entry in checkpoints.folder.iterdir()] == ["epoch-00001"]


@pytest.mark.parametrize(("most", "stopped"), [(None, False), (1e9, False), (2.0, True)])
def test_no_epoch_begins_that_would_end_too_late(tmp_path, most, stopped):
    pytest.importorskip("keras")
    from detbench.training.yolo.callbacks import Keeper

    told = []
    keeper, model = (
        Keeper(Checkpoints(tmp_path / "m.keras"), state(0.1), most, told.append),
        Weights(),
    )
    keeper.set_model(model)
    keeper.on_epoch_begin(1)
    keeper.on_epoch_end(1, {"loss": 3.0, BEST_BY: 0.2})
    assert model.stop_training is stopped
    assert [row[BEST_BY] for row in told[0].history] == [0.1, 0.2]
    assert Checkpoints(tmp_path / "m.keras").latest() == told[0]


def test_a_record_of_a_newer_version_is_named(tmp_path):
    checkpoints = Checkpoints(tmp_path / "m.keras")
    checkpoints.save(Weights(), state(0.1))
    path = checkpoints.folder / "epoch-00001" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))
    with pytest.raises(
        InputError,
        match="is of version 2, and this detbench reads 1; remove this folder, or start over with --no-resume",
    ):
        checkpoints.latest()
