"""Decoders of DETR, RT-DETR and their own exports, compared with plain loops."""

import numpy as np
import pytest

from detbench.adapters.decoders.transformer.detr import Detr, RtDetr
from detbench.adapters.decoders.transformer.selected import Selected
from tests.adapters.decoders.comparison import (
    MIN_SCORE,
    SIZE,
    assert_same,
    decode,
    shapes_of,
    uniform,
)
from tests.references import onnx_decodes as plain


@pytest.mark.parametrize(
    ("decoder", "reference", "n_classes"), [(Detr(), plain.detr, 4), (RtDetr(), plain.rtdetr, 5)]
)
@pytest.mark.parametrize("boxes_first", [False, True])
def test_detr(decoder, reference, n_classes, boxes_first):
    logits, boxes = uniform(0, 2, 20, 5, low=-3, high=3), uniform(1, 2, 20, 4)
    outputs = {"logits": logits, "pred_boxes": boxes}
    if boxes_first:
        outputs = dict(reversed(outputs.items()))
    assert decoder.match_layout(shapes_of(outputs)) == (n_classes, True)
    expected = [reference(*image, SIZE, MIN_SCORE) for image in zip(logits, boxes, strict=True)]
    assert_same(decode(decoder, outputs), expected)


def test_the_boxes_are_identified_by_name_if_the_logits_have_four_columns():
    logits, boxes = uniform(0, 1, 20, 4, low=-3, high=3), uniform(1, 1, 20, 4)
    expected = [plain.rtdetr(logits[0], boxes[0], SIZE, MIN_SCORE)]
    assert_same(decode(RtDetr(), {"pred_boxes": boxes, "logits": logits}), expected)


def test_label_0_of_selected_rows_is_a_class():
    boxes, scores = uniform(0, 2, 30, 4, low=1, high=90), uniform(1, 2, 30)
    labels = np.random.default_rng(2).integers(0, 3, (2, 30))
    outputs = {"labels": labels, "boxes": boxes, "scores": scores}
    assert Selected().match_layout(shapes_of(outputs)) == (0, True)
    expected = [
        [
            (*box, score, label)
            for box, score, label in zip(*image, strict=True)
            if score >= MIN_SCORE
        ]
        for image in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)
    ]
    assert_same(decode(Selected(), outputs), expected)
