"""Every decoder against a plain loop over the same random raw values."""

import numpy as np
import pytest

from detbench.adapters.decoders.choose import DECODERS
from detbench.adapters.decoders.decoder import (
    Candidates,
    OutputShapes,
    RawOutputs,
    above,
    cells,
    grid,
    sigmoid,
    softmax,
)
from detbench.adapters.decoders.dense.fastestdet import FastestDet
from detbench.adapters.decoders.dense.nanodet import NanoDet
from detbench.adapters.decoders.dense.ssd import Ssd, ssd300
from detbench.adapters.decoders.transformer.detr import Detr, RtDetr
from detbench.adapters.decoders.transformer.selected import Selected
from detbench.adapters.decoders.with_nms.end2end import EndToEnd
from detbench.adapters.decoders.with_nms.torchvision import Torchvision
from detbench.adapters.decoders.yolo.yolov2 import TinyYoloV2, YoloV2
from detbench.adapters.decoders.yolo.yolov5 import YoloV5
from detbench.adapters.decoders.yolo.yolov8 import YoloV8
from detbench.adapters.decoders.yolo.yolox import YoloX
from detbench.errors import DetbenchError
from tests.references import onnx_decodes as plain

SIZE = (160, 96)
"""Width and height: not square, not a multiple of 64."""
FLOOR = 0.2
VOC = [
    (1.3221, 1.73145),
    (3.19275, 4.00944),
    (5.05587, 8.09892),
    (9.47112, 4.84053),
    (11.2364, 10.0071),
]
COCO = [
    (0.57273, 0.677385),
    (1.87446, 2.06253),
    (3.33843, 5.47434),
    (7.88282, 3.52778),
    (9.77052, 9.16828),
]
TINY = [(1.08, 1.19), (3.42, 4.41), (6.63, 11.38), (9.42, 5.11), (16.62, 10.52)]


def rng_values(seed, *shape, low=0.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def pixels(seed, batch, rows):
    return np.random.default_rng(seed).uniform(1, 90, (batch, rows, 4)).astype(np.float32)


def rows(candidates):
    """Sorted rows of x1, y1, x2, y2, score, class."""
    table = np.column_stack(
        [candidates.boxes.reshape(-1, 4), candidates.scores, candidates.classes]
    )
    return table[np.lexsort(table.T)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for got, reference in zip(found, expected, strict=True):
        assert got.boxes.dtype == got.scores.dtype == np.float64
        assert got.classes.dtype == np.int64
        table = np.array(reference, np.float64).reshape(-1, 6)
        assert len(table) > 3
        assert len(got.scores) == len(table)
        np.testing.assert_allclose(rows(got), table[np.lexsort(table.T)], rtol=1e-9, atol=1e-9)


def test_yolov8():
    n = cells(SIZE, (8, 16, 32))
    values = np.concatenate(
        [pixels(0, 2, n).transpose(0, 2, 1), rng_values(1, 2, 3, n, high=0.3)], axis=1
    )
    decoder = YoloV8()
    assert decoder.match_layout(OutputShapes({"o": values.shape}, SIZE)) == (3, True)
    assert_same(
        decoder.decode(RawOutputs({"o": values}, SIZE), FLOOR),
        [plain.yolov8(one, SIZE, float(np.float32(FLOOR))) for one in values],
    )


def test_yolov5():
    n = 3 * cells(SIZE, (8, 16, 32))
    values = np.concatenate([pixels(0, 2, n), rng_values(1, 2, n, 6, high=0.7)], axis=2)
    decoder = YoloV5()
    assert decoder.match_layout(OutputShapes({"o": values.shape, "raw": (2, 3, 12, 20, 10)}, SIZE)) == (5, True)
    assert_same(
        decoder.decode(RawOutputs({"o": values}, SIZE), FLOOR),
        [plain.yolov5(one, SIZE, FLOOR) for one in values],
    )


def test_end2end():
    values = np.concatenate(
        [
            pixels(0, 2, 30),
            rng_values(1, 2, 30, 1),
            np.random.default_rng(2).integers(0, 7, (2, 30, 1)),
        ],
        axis=2,
    )
    assert EndToEnd().match_layout(OutputShapes({"o": values.shape}, SIZE)) == (0, True)
    assert_same(
        EndToEnd().decode(RawOutputs({"o": values}, SIZE), FLOOR),
        [plain.end2end(one, SIZE, FLOOR) for one in values],
    )


def test_yolox():
    n = cells(SIZE, (8, 16, 32))
    values = np.concatenate(
        [rng_values(0, 2, n, 4, low=-2, high=2), rng_values(1, 2, n, 4)], axis=2
    )
    assert YoloX().match_layout(OutputShapes({"o": values.shape}, SIZE)) == (3, True)
    assert_same(
        YoloX().decode(RawOutputs({"o": values}, SIZE), FLOOR),
        [plain.yolox(one, SIZE, FLOOR) for one in values],
    )


def test_yolox_refuses_boxes_that_are_decoded_already():
    values = np.concatenate([pixels(0, 1, 315), rng_values(1, 1, 315, 4)], axis=2)
    with pytest.raises(DetbenchError, match="decodes its boxes already; use decoder=yolov5"):
        YoloX().decode(RawOutputs({"o": values}, SIZE), FLOOR)


@pytest.mark.parametrize(
    ("decoder", "classes", "anchors"),
    [
        (YoloV2(), 20, VOC),
        (YoloV2(), 6, COCO),
        (TinyYoloV2(), 20, TINY),
        (YoloV2(anchors=(1.0, 2.0, 3.0, 4.0)), 6, [(1, 2), (3, 4)]),
    ],
)
def test_yolov2(decoder, classes, anchors):
    values = rng_values(0, 2, len(anchors) * (5 + classes), 3, 5, low=-3, high=3)
    assert decoder.match_layout(OutputShapes({"o": values.shape}, SIZE)) == (classes, True)
    assert_same(
        decoder.decode(RawOutputs({"o": values}, SIZE), 0.1),
        [plain.yolov2(one, SIZE, 0.1, anchors) for one in values],
    )


def test_fastestdet():
    values = np.concatenate(
        [
            rng_values(0, 2, 1, 6, 10),
            rng_values(1, 2, 4, 6, 10, low=-3, high=3),
            rng_values(2, 2, 4, 6, 10),
        ],
        axis=1,
    )
    assert FastestDet().match_layout(OutputShapes({"o": values.shape}, SIZE)) == (4, True)
    assert_same(
        FastestDet().decode(RawOutputs({"o": values}, SIZE), FLOOR),
        [plain.fastestdet(one, SIZE, FLOOR) for one in values],
    )


@pytest.mark.parametrize("options", [{}, {"reg_max": 4, "strides": (8, 16, 32), "center": 0.5}])
def test_nanodet(options):
    decoder = NanoDet(**options)
    n, edges = cells(SIZE, decoder.strides), 4 * (decoder.reg_max + 1)
    values = np.concatenate(
        [rng_values(0, 2, n, 3, high=0.3), rng_values(1, 2, n, edges, low=-4, high=4)], axis=2
    )
    assert decoder.match_layout(OutputShapes({"o": values.shape}, SIZE)) == (3, True)
    reference = [plain.nanodet(one, SIZE, float(np.float32(FLOOR)), **options) for one in values]
    assert_same(decoder.decode(RawOutputs({"o": values}, SIZE), FLOOR), reference)


@pytest.mark.parametrize(
    ("decoder", "reference", "classes"), [(Detr(), plain.detr, 4), (RtDetr(), plain.rtdetr, 5)]
)
@pytest.mark.parametrize("boxes_first", [False, True])
def test_detr(decoder, reference, classes, boxes_first):
    outputs = {
        "logits": rng_values(0, 2, 20, 5, low=-3, high=3),
        "pred_boxes": rng_values(1, 2, 20, 4),
    }
    if boxes_first:
        outputs = dict(reversed(outputs.items()))
    assert decoder.match_layout(OutputShapes({name: values.shape for name, values in outputs.items()}, SIZE)) == (
        classes,
        True,
    )
    expected = [
        reference(*pair, SIZE, FLOOR)
        for pair in zip(outputs["logits"], outputs["pred_boxes"], strict=True)
    ]
    assert_same(decoder.decode(RawOutputs(outputs, SIZE), FLOOR), expected)


def test_detr_with_logits_of_four_columns_goes_by_the_name_of_the_boxes():
    outputs = {
        "pred_boxes": rng_values(1, 1, 20, 4),
        "logits": rng_values(0, 1, 20, 4, low=-3, high=3),
    }
    expected = [plain.rtdetr(outputs["logits"][0], outputs["pred_boxes"][0], SIZE, FLOOR)]
    assert_same(RtDetr().decode(RawOutputs(outputs, SIZE), FLOOR), expected)


@pytest.mark.parametrize(
    "sizes", [(30, 60, 111, 162, 213, 264, 315), (21, 45, 99, 153, 207, 261, 315)]
)
def test_default_boxes_of_ssd300(sizes):
    boxes = ssd300(sizes)
    assert boxes.shape == (8732, 4)
    np.testing.assert_allclose(boxes, plain.ssd300_defaults(sizes), rtol=0, atol=1e-12)


@pytest.mark.parametrize("as_probabilities", [False, True])
def test_ssd_with_boxes_of_a_file(tmp_path, as_probabilities):
    defaults = rng_values(0, 40, 4, low=0.1).astype(np.float64)
    np.savetxt(tmp_path / "boxes.txt", defaults, fmt="%.17g")
    decoder = Ssd(default_boxes=str(tmp_path / "boxes.txt"))
    shifts, scores = (
        rng_values(1, 2, 40, 4, low=-2, high=2),
        rng_values(2, 2, 40, 4, low=-2, high=2),
    )
    assert decoder.match_layout(OutputShapes({"conf": (2, 40, 4), "loc": (2, 40, 4)}, SIZE)) == (3, True)
    given = softmax(scores) if as_probabilities else scores
    found = decoder.decode(RawOutputs({"loc": shifts, "conf": given}, SIZE), FLOOR)
    assert_same(
        found,
        [
            plain.ssd(*pair, defaults.tolist(), SIZE, FLOOR)
            for pair in zip(shifts, scores, strict=True)
        ],
    )


def test_ssd300_uses_the_sizes_of_voc_for_its_20_classes():
    shifts, scores = (
        rng_values(1, 1, 8732, 4, low=-2, high=2),
        rng_values(2, 1, 8732, 21, low=-6, high=6),
    )
    assert Ssd().match_layout(OutputShapes({"loc": shifts.shape, "conf": scores.shape}, (300, 300))) == (20, True)
    defaults = plain.ssd300_defaults((30, 60, 111, 162, 213, 264, 315))
    found = Ssd().decode(RawOutputs({"conf": scores, "loc": shifts}, (300, 300)), 0.5)
    assert_same(found, [plain.ssd(shifts[0], scores[0], defaults, (300, 300), 0.5)])


@pytest.mark.parametrize("content", ["0.5 0.5 1\n", "a b c d\n"])
def test_a_file_of_default_boxes_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "bad.txt").write_text(content)
    with pytest.raises(DetbenchError, match=r"bad\.txt"):
        Ssd(default_boxes=str(tmp_path / "bad.txt")).match_layout(
            OutputShapes({"loc": (1, 1, 4), "conf": (1, 1, 3)}, SIZE)
        )


def test_selected_keeps_label_0():
    boxes, scores = pixels(0, 2, 30), rng_values(1, 2, 30)
    labels = np.random.default_rng(2).integers(0, 3, (2, 30))
    outputs = {"labels": labels, "boxes": boxes, "scores": scores}
    assert Selected().match_layout(
        OutputShapes({name: values.shape for name, values in outputs.items()}, SIZE)
    ) == (0, True)
    kept = [
        [
            (*boxes[b, i].tolist(), float(scores[b, i]), int(labels[b, i]))
            for i in range(30)
            if scores[b, i] >= FLOOR
        ]
        for b in range(2)
    ]
    assert_same(Selected().decode(RawOutputs(outputs, SIZE), FLOOR), kept)


def test_torchvision_leaves_the_background_out():
    boxes, scores = pixels(0, 1, 30)[0], rng_values(1, 30)
    labels = np.random.default_rng(2).integers(0, 3, 30)
    outputs = {"boxes": boxes, "labels": labels, "scores": scores}
    assert Torchvision().match_layout(
        OutputShapes({name: values.shape for name, values in outputs.items()}, SIZE)
    ) == (0, True)
    kept = [
        (*boxes[i].tolist(), float(scores[i]), int(labels[i]))
        for i in range(30)
        if labels[i] and scores[i] >= FLOOR
    ]
    assert_same(Torchvision().decode(RawOutputs(outputs, SIZE), FLOOR), [kept])
    empty = {"boxes": boxes[:0], "labels": labels[:0], "scores": scores[:0]}
    assert len(Torchvision().decode(RawOutputs(empty, SIZE), FLOOR)[0].scores) == 0


@pytest.mark.parametrize(
    "name", ["yolov8", "yolov5", "end2end", "yolox", "fastestdet", "yolov2", "nanodet"]
)
def test_nothing_above_the_floor_is_empty_and_half_precision_is_read(name):
    shapes = {
        "yolov8": (1, 7, 315),
        "yolov5": (1, 945, 8),
        "end2end": (1, 30, 6),
        "yolox": (1, 315, 8),
        "fastestdet": (1, 9, 6, 10),
    }
    shape = {"yolov2": (1, 40, 3, 5), "nanodet": (1, cells(SIZE, (8, 16, 32, 64)), 35), **shapes}[
        name
    ]
    (nothing,) = DECODERS[name]().decode(RawOutputs({"o": np.zeros(shape, np.float16)}, SIZE), 0.9)
    assert isinstance(nothing, Candidates)
    assert (nothing.boxes.shape, len(nothing.scores), len(nothing.classes)) == ((0, 4), 0, 0)


def test_above_keeps_every_class_or_the_first_best():
    scores = np.array([[0.5, 0.5, 0.1], [0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    assert [list(values) for values in above(scores, 0.2, multi_label=True)] == [
        [0, 0, 1, 1],
        [0, 1, 1, 2],
        [0.5, 0.5, 0.2, 0.3],
    ]
    assert [list(values) for values in above(scores, 0.2, multi_label=False)] == [
        [0, 1],
        [0, 2],
        [0.5, 0.3],
    ]


@pytest.mark.parametrize("multi_label", [False, True])
def test_above_compares_in_double_precision(multi_label):
    value = np.float32(0.7)
    assert float(value) < 0.7
    assert len(above(np.array([[value]]), 0.7, multi_label=multi_label)[2]) == 0


def test_grids_round_up_and_run_row_by_row():
    points, strides = grid((40, 20), (16, 32))
    assert points.tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 0]]
    assert strides.tolist() == [16] * 6 + [32] * 2
    assert cells((40, 20), (16, 32)) == 8


def test_extreme_logits_do_not_overflow():
    assert sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
    assert softmax(np.array([[-1e4, 1e4]])).tolist() == [[0, 1]]


def test_every_decoder_says_where_it_is_from_and_what_its_authors_use():
    for name, kind in DECODERS.items():
        decoder = kind()
        assert decoder.name == name
        assert "(" in decoder.layout
        assert decoder.source
        assert decoder.preprocessing((320, 256)).size == (320, 256)
        assert decoder.postprocessing.score <= 0.01
