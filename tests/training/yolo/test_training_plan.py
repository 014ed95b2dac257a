"""Plans that cannot be carried out."""

import pytest

from detbench.errors import DetbenchError
from detbench.training.yolo.training_plan import TrainingPlan


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (100, 128)}, "size must be a multiple of 16, not 100×128; use 96×128"),
        ({"stride": 12}, "stride must be a power of two"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(DetbenchError, match=message):
        TrainingPlan(**{"size": (128, 128), **settings})
