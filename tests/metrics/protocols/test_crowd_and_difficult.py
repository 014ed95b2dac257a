"""Crowd and difficult objects: each rule makes the kind of object that it names."""

from dataclasses import replace

import pytest

from detbench.metrics.kernels.columns import DROPPED, IGNORED, REGION, REGULAR
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from tests.metrics.scored import truth

ROWS = [(0, 0, (0, 0, 9, 9))] * 4
CROWD, DIFFICULT = [False, True, False, True], [False, False, True, True]
"""An ordinary object, a crowd, a difficult object, and one that is both."""


@pytest.mark.parametrize(
    ("crowd", "difficult", "kinds"),
    [
        ("region", "count", [REGULAR, REGION, REGULAR, REGION]),
        ("ignore", "ignore", [REGULAR, IGNORED, IGNORED, IGNORED]),
        ("count", "count", [REGULAR, REGULAR, REGULAR, REGULAR]),
        ("region", "ignore", [REGULAR, REGION, IGNORED, REGION]),
        ("drop", "count", [REGULAR, DROPPED, REGULAR, DROPPED]),
        ("region", "drop", [REGULAR, REGION, DROPPED, DROPPED]),
    ],
)
def test_kinds_of_objects(crowd, difficult, kinds):
    ground_truth = truth(ROWS, iscrowd=CROWD, difficult=DIFFICULT)
    protocol = replace(COCO, crowd=crowd, difficult=difficult)
    assert object_kinds(ground_truth, protocol).tolist() == kinds
