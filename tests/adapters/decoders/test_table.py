"""The table of decoders: what every decoder states, and outputs without any box."""

import numpy as np
import pytest

from detbench.adapters.decoders.arithmetic import cell_count
from detbench.adapters.decoders.decoder import Candidates
from detbench.adapters.decoders.table import DECODERS
from tests.adapters.decoders.comparison import SIZE, decode

SHAPES = {
    "yolov2": (1, 40, 3, 5),
    "yolov5": (1, 945, 8),
    "yolov8": (1, 7, 315),
    "yolox": (1, 315, 8),
    "end2end": (1, 30, 6),
    "fastestdet": (1, 9, 6, 10),
    "nanodet": (1, cell_count(SIZE, (8, 16, 32, 64)), 35),
}


@pytest.mark.parametrize("name", SHAPES)
def test_no_score_reached_gives_no_boxes_and_half_precision_is_read(name):
    outputs = {"o": np.zeros(SHAPES[name], np.float16)}
    (candidates,) = decode(DECODERS[name](), outputs, 0.9)
    assert isinstance(candidates, Candidates)
    lengths = len(candidates.scores), len(candidates.classes)
    assert (candidates.boxes.shape, lengths) == ((0, 4), (0, 0))


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_states_layout_source_and_evaluation_settings(name):
    decoder = DECODERS[name]()
    assert decoder.name == name
    assert "(" in decoder.layout
    assert decoder.source
    assert decoder.preprocessing((320, 256)).size == (320, 256)
    assert decoder.postprocessing.score <= 0.01
