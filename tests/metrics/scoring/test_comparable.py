"""Comparability of evaluations: every kind of difference is named, and equal data compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.errors import NotComparableError
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.comparable import check_comparable, differences_between
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import perfect, truth

BOX, OTHER_BOX = (0, 0, 10, 10), (5, 5, 30, 30)


def evaluation(protocol="voc2007", box=BOX, **columns):
    ground_truth = truth([(0, 0, box), (1, 1, box)], **columns)
    return evaluate(ground_truth, perfect(ground_truth), protocol)


def test_equal_data_under_one_protocol():
    assert differences_between(evaluation(), evaluation()) == []
    check_comparable([evaluation(), evaluation(), evaluation()])


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (
            evaluation(images=6),
            "different images (0 only in the first, 2 only in the second, 4 in both)",
        ),
        (
            evaluation(image_ids=("003", "002", "001", "000")),
            "the same images in a different order",
        ),
        (evaluation(classes=("cat", "cow")), "different classes on the same images"),
        (evaluation(box=OTHER_BOX), "different annotations on the same images"),
        (evaluation(groups=[0, 0, 1, 1]), "different groups of images (--groups)"),
        (evaluation("coco"), "different protocols (voc2007 and coco)"),
        (
            evaluation(replace(VOC2007, strict_overlap=True)),
            "different strict_overlap in protocol voc2007 (False and True)",
        ),
        (
            evaluation(VOC2007.with_thresholds((0.3, 0.4, 0.5, 0.6))),
            "different iou_thresholds in protocol voc2007 (0.5 and 4 values)",
        ),
    ],
)
def test_each_difference_is_named(other, difference):
    assert differences_between(evaluation(), other) == [difference]
    with pytest.raises(NotComparableError) as caught:
        check_comparable([evaluation(), other])
    assert str(caught.value) == f"finder and finder cannot be compared: {difference}"


def test_several_differences():
    other = evaluation("coco", box=OTHER_BOX)
    assert differences_between(evaluation(), other) == [
        "different annotations on the same images",
        "different protocols (voc2007 and coco)",
    ]


def test_groups_that_are_numbered_otherwise_are_the_same():
    first, second = (
        evaluation(groups=np.array(numbers)) for numbers in ([0, 0, 1, 2], [7, 7, 3, 5])
    )
    assert differences_between(first, second) == []
