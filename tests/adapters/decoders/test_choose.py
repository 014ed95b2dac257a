"""Choice of the decoder by output shapes, and the errors if no or several decoders match."""

import pytest

from detbench.adapters.decoders.choose import check_decoder, choose_decoder
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.decoders.from_options import make_decoders
from detbench.adapters.decoders.table import DECODERS
from detbench.errors import DetbenchError

SQUARE = (640, 640)


def choose(outputs, size=SQUARE, class_count=None, options=()):
    decoders, shapes = make_decoders(dict(options)), OutputShapes(outputs, size)
    decoder, count = choose_decoder(decoders, shapes, class_count)
    return decoder.name, count


@pytest.mark.parametrize(
    ("outputs", "size", "expected"),
    [
        ({"output0": (1, 84, 8400)}, SQUARE, ("yolov8", 80)),
        ({"output0": (4, 84, 5040)}, (640, 384), ("yolov8", 80)),
        ({"output": (1, 25200, 85)}, SQUARE, ("yolov5", 80)),
        (
            {"output": (1, 25200, 85), "a": (1, 3, 80, 80, 85), "b": (1, 3, 40, 40, 85)},
            SQUARE,
            ("yolov5", 80),
        ),
        ({"output": (1, 102000, 85)}, (1280, 1280), ("yolov5", 80)),
        ({"output": (1, 3549, 85)}, (416, 416), ("yolox", 80)),
        ({"output": (1, 8400, 85)}, SQUARE, ("yolox", 80)),
        ({"output": (1, 3598, 112)}, (416, 416), ("nanodet", 80)),
        ({"grid": (1, 425, 19, 19)}, (608, 608), ("yolov2", 80)),
        ({"758": (1, 85, 22, 22)}, (352, 352), ("fastestdet", 80)),
        ({"loc": (1, 8732, 4), "conf": (1, 8732, 81)}, (300, 300), ("ssd", 80)),
        ({"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)}, SQUARE, ("rtdetr", 80)),
        ({"logits": (1, 100, 81), "pred_boxes": (1, 100, 4)}, SQUARE, ("detr", 80)),
        ({"output0": (1, 300, 6)}, SQUARE, ("end2end", 0)),
        ({"boxes": (0, 4), "labels": (0,), "scores": (0,)}, SQUARE, ("torchvision", 0)),
        ({"labels": (1, 300), "boxes": (1, 300, 4), "scores": (1, 300)}, SQUARE, ("selected", 0)),
        (
            {"bbox_regression": (1, 76725, 4), "cls_logits": (1, 76725, 91)},
            SQUARE,
            ("retinanet", 91),
        ),
        ({"a": (1, 12834, 80), "b": (1, 12834, 4)}, (300, 224), ("retinanet", 80)),
        (
            {"boxes": (1, 100, 4), "confidence": (1, 100), "classes": (1, 100)},
            SQUARE,
            ("kerascv", 0),
        ),
    ],
)
def test_shapes_of_models_without_names(outputs, size, expected):
    assert choose(outputs, size) == expected


def test_the_number_of_names_decides_between_layouts():
    queries = {"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}
    assert choose(queries, class_count=91) == ("detr", 91)
    assert choose(queries, class_count=92) == ("rtdetr", 92)
    square = {"o": (1, 84, 84)}
    assert choose(square, (64, 64), 79) == ("yolox", 79)
    assert choose(square, (64, 64), 80) == ("yolov8", 80)


@pytest.mark.parametrize(
    ("outputs", "size", "class_count", "candidates"),
    [
        (
            {"grid": (1, 125, 13, 13)},
            (416, 416),
            20,
            r"yolov2 \(20 classes\) or tinyyolov2 \(20 classes\); choose with decoder=",
        ),
        (
            {"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)},
            SQUARE,
            None,
            r"detr \(91 classes\) or rtdetr \(92 classes\); choose with decoder= or names=",
        ),
        (
            {"o": (1, 84, 6)},
            (64, 64),
            1,
            r"end2end \(any number of classes\) or yolox \(1 class\); choose with decoder=",
        ),
    ],
)
def test_an_ambiguous_shape_lists_the_candidates(outputs, size, class_count, candidates):
    with pytest.raises(DetbenchError, match=rf"may be {candidates}"):
        choose(outputs, size, class_count)


def test_an_unknown_shape_lists_shapes_and_decoders():
    with pytest.raises(
        DetbenchError,
        match=r"no decoder matches outputs x\[1,7,7,30\], y\[1,5\] of an input 448×448",
    ) as raised:
        choose({"x": (1, 7, 7, 30), "y": (1, 5)}, (448, 448))
    assert all(name in str(raised.value) for name in DECODERS)


def test_options_of_a_layout_leave_only_its_decoders():
    options = {"reg_max": "7", "strides": "8|16|32"}
    assert choose({"o": (1, 3549, 52)}, (416, 416), 20, options) == ("nanodet", 20)


def test_a_named_decoder_may_read_shapes_that_it_is_not_chosen_for():
    decoder, shapes = DECODERS["yolov5"](), OutputShapes({"o": (1, 8400, 85)}, SQUARE)
    assert check_decoder(decoder, shapes, None) == 80
    with pytest.raises(
        DetbenchError, match="hold 80 classes for decoder yolov5, but there are 20 class names"
    ):
        check_decoder(decoder, shapes, 20)
