"""Decoders of FastestDet, NanoDet and SSD, compared with plain loops over random outputs."""

import numpy as np
import pytest

from detbench.adapters.decoders.arithmetic import cell_count, softmax
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.decoders.dense.fastestdet import FastestDet
from detbench.adapters.decoders.dense.nanodet import NanoDet
from detbench.adapters.decoders.dense.ssd import Ssd, ssd300
from detbench.errors import DetbenchError
from tests.adapters.decoders.comparison import (
    MIN_SCORE,
    SIZE,
    assert_same,
    decode,
    shapes_of,
    uniform,
)
from tests.references import onnx_decodes as plain


def test_fastestdet():
    objectness, probabilities = uniform(0, 2, 1, 6, 10), uniform(2, 2, 4, 6, 10)
    raw_boxes = uniform(1, 2, 4, 6, 10, low=-3, high=3)
    outputs = {"o": np.concatenate([objectness, raw_boxes, probabilities], axis=1)}
    assert FastestDet().match_layout(shapes_of(outputs)) == (4, True)
    expected = [plain.fastestdet(image, SIZE, MIN_SCORE) for image in outputs["o"]]
    assert_same(decode(FastestDet(), outputs), expected)


@pytest.mark.parametrize("options", [{}, {"reg_max": 4, "strides": (8, 16, 32), "center": 0.5}])
def test_nanodet(options):
    decoder = NanoDet(**options)
    n_cells, n_bins = cell_count(SIZE, decoder.strides), 4 * (decoder.reg_max + 1)
    probabilities = uniform(0, 2, n_cells, 3, high=0.3)
    distributions = uniform(1, 2, n_cells, n_bins, low=-4, high=4)
    outputs = {"o": np.concatenate([probabilities, distributions], axis=2)}
    assert decoder.match_layout(shapes_of(outputs)) == (3, True)
    # Scores of the output itself are compared as float32 turned into float64.
    floor = float(np.float32(MIN_SCORE))
    expected = [plain.nanodet(image, SIZE, floor, **options) for image in outputs["o"]]
    assert_same(decode(decoder, outputs), expected)


@pytest.mark.parametrize(
    "sizes", [(30, 60, 111, 162, 213, 264, 315), (21, 45, 99, 153, 207, 261, 315)]
)
def test_default_boxes_of_ssd300(sizes):
    boxes = ssd300(sizes)
    assert boxes.shape == (8732, 4)
    np.testing.assert_allclose(boxes, plain.ssd300_defaults(sizes), rtol=0, atol=1e-12)


@pytest.mark.parametrize("as_probabilities", [False, True])
def test_ssd_with_default_boxes_of_a_file(tmp_path, as_probabilities):
    defaults = uniform(0, 40, 4, low=0.1).astype(np.float64)
    np.savetxt(tmp_path / "boxes.txt", defaults, fmt="%.17g")
    decoder = Ssd(default_boxes=str(tmp_path / "boxes.txt"))
    shifts, logits = uniform(1, 2, 40, 4, low=-2, high=2), uniform(2, 2, 40, 4, low=-2, high=2)
    scores = softmax(logits) if as_probabilities else logits
    reversed_shapes = OutputShapes({"conf": (2, 40, 4), "loc": (2, 40, 4)}, SIZE)
    assert decoder.match_layout(reversed_shapes) == (3, True)
    expected = [
        plain.ssd(*image, defaults.tolist(), SIZE, MIN_SCORE)
        for image in zip(shifts, logits, strict=True)
    ]
    assert_same(decode(decoder, {"loc": shifts, "conf": scores}), expected)


def test_ssd300_uses_the_sizes_of_voc_for_20_classes():
    size = (300, 300)
    shifts = uniform(1, 1, 8732, 4, low=-2, high=2)
    logits = uniform(2, 1, 8732, 21, low=-6, high=6)
    outputs = {"conf": logits, "loc": shifts}
    assert Ssd().match_layout(shapes_of(outputs, size)) == (20, True)
    defaults = plain.ssd300_defaults((30, 60, 111, 162, 213, 264, 315))
    expected = [plain.ssd(shifts[0], logits[0], defaults, size, 0.5)]
    assert_same(decode(Ssd(), outputs, 0.5, size), expected)


@pytest.mark.parametrize("content", ["0.5 0.5 1\n", "a b c d\n"])
def test_an_unreadable_file_of_default_boxes_is_named(tmp_path, content):
    (tmp_path / "bad.txt").write_text(content)
    shapes = OutputShapes({"loc": (1, 1, 4), "conf": (1, 1, 3)}, SIZE)
    with pytest.raises(DetbenchError, match=r"bad\.txt"):
        Ssd(default_boxes=str(tmp_path / "bad.txt")).match_layout(shapes)
