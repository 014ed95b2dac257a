"""A damaged training state is one error that says what to do, and never a training from nothing."""

import json
from random import Random

import pytest

from detbench.errors import InputError
from detbench.training.yolo.checkpoints import Checkpoints
from tests.hostile.fuzz.mutations import mutate

RECORD = {
    "schema_version": 1,
    "settings": {"epochs": 3, "size": [64, 64]},
    "anchors": [[1.0, 2.0], [0.5, 0.25]],
    "history": [
        {"epoch": epoch, "seconds": 1.5, "loss": 3.0 / epoch, "mAP": 0.1 * epoch}
        for epoch in (1, 2)
    ],
}


@pytest.fixture
def state(tmp_path):
    from detbench.training.yolo import checkpoints

    record = json.loads(json.dumps(RECORD).replace("mAP", checkpoints.SCORE_COLUMN))
    path = tmp_path / "m.keras.training" / "epoch-00002" / checkpoints._RECORD
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record | {"schema_version": checkpoints.VERSION}))
    return Checkpoints(tmp_path / "m.keras"), path


def test_a_whole_state_is_read(state):
    latest = state[0].latest()
    assert latest.best_epoch == 2
    assert latest.elapsed_s == 3.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("settings", []),
        ("anchors", [[1.0]]),
        ("anchors", "x"),
        ("history", []),
        ("history", [{"epoch": 1}]),
        ("history", [{"epoch": "1", "seconds": 1, "mAP": 1}]),
        ("history", {"epoch": 1}),
        ("history", None),
    ],
)
def test_a_damaged_value_is_an_error(state, key, value):
    checkpoints, path = state
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InputError, match="cannot be read as the record of a training"):
        checkpoints.latest()


def test_mutated_states_are_read_or_refused(state):
    checkpoints, path = state
    content = path.read_bytes()
    n_refused = 0
    for number in range(300):
        path.write_bytes(content)
        mutate(path, Random(number))
        try:
            latest = checkpoints.latest()
            assert isinstance(latest.elapsed_s, int | float)
            assert latest.best_epoch in (1, 2)
        except InputError:
            n_refused += 1
    assert 100 < n_refused < 300
