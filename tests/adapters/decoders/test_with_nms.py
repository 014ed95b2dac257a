"""Decoders of exports with built-in NMS, compared with plain loops."""

import numpy as np

from detbench.adapters.decoders.with_nms.end2end import EndToEnd
from detbench.adapters.decoders.with_nms.torchvision import Torchvision
from tests.adapters.decoders.comparison import (
    MIN_SCORE,
    SIZE,
    assert_same,
    decode,
    shapes_of,
    uniform,
)
from tests.references import onnx_decodes as plain


def test_end2end():
    boxes, scores = uniform(0, 2, 30, 4, low=1, high=90), uniform(1, 2, 30, 1)
    classes = np.random.default_rng(2).integers(0, 7, (2, 30, 1))
    outputs = {"o": np.concatenate([boxes, scores, classes], axis=2)}
    assert EndToEnd().match_layout(shapes_of(outputs)) == (0, True)
    expected = [plain.end2end(image, SIZE, MIN_SCORE) for image in outputs["o"]]
    assert_same(decode(EndToEnd(), outputs), expected)


def test_torchvision_leaves_out_the_background():
    boxes, scores = uniform(0, 30, 4, low=1, high=90), uniform(1, 30)
    labels = np.random.default_rng(2).integers(0, 3, 30)
    outputs = {"boxes": boxes, "labels": labels, "scores": scores}
    assert Torchvision().match_layout(shapes_of(outputs)) == (0, True)
    rows = zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)
    expected = [(*box, score, label) for box, score, label in rows if label and score >= MIN_SCORE]
    assert_same(decode(Torchvision(), outputs), [expected])
    empty = {name: values[:0] for name, values in outputs.items()}
    assert len(decode(Torchvision(), empty)[0].scores) == 0
