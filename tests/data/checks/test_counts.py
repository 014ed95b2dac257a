"""Objects that do not count: crowds, difficult ones, or all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.checks.counts import check_counted, check_crowds
from detbench.data.ground_truth import GroundTruth

BOX = np.array([10.0, 10, 50, 60])


def objects(n_regular: int, n_crowds: int, n_difficult: int = 0) -> GroundTruth:
    """Return objects of one class, at different places of one image."""
    total = n_regular + n_crowds + n_difficult
    return GroundTruth.from_rows(
        image_ids=["a"],
        class_names=["cup", "plate"],
        image_index=np.zeros(total),
        class_index=np.zeros(total),
        boxes=BOX + np.arange(total)[:, None],
        iscrowd=np.arange(total) < n_crowds,
        difficult=np.arange(total) >= total - n_difficult,
    )


def counted(ground_truth):
    """Return what counts where crowds and difficult objects do not."""
    return ~(ground_truth.iscrowd | ground_truth.difficult)


@pytest.mark.parametrize(
    ("n_regular", "n_crowds", "severity"),
    [
        (100, 0, None),
        (988, 12, None),  # COCO
        (95, 5, None),
        (94, 6, "note"),
        (82, 18, "note"),  # KAIST, as COCO
        (75, 25, "note"),
        (74, 26, "warning"),
        (30, 30, "warning"),
        (4, 4, "note"),  # too few to say much
        (5, 5, "warning"),
    ],
)
def test_the_share_of_crowds_decides(n_regular, n_crowds, severity):
    ground_truth = objects(n_regular, n_crowds)
    suspicion = check_crowds(ground_truth, counted(ground_truth))
    if severity is None:
        assert suspicion is None
        return
    assert (suspicion.id, suspicion.severity) == ("many-crowds", severity)
    total = n_regular + n_crowds
    assert suspicion.is_reported == (n_crowds > total / 4)
    assert suspicion.evidence.startswith(
        f"{n_crowds} of {total} objects ({n_crowds / total:.0%}) are crowds: "
    )
    assert suspicion.fix.startswith("set iscrowd to 0")


def test_crowds_that_count_are_no_problem():
    ground_truth = objects(10, 10)
    assert check_crowds(ground_truth, np.ones(20, bool)) is None


def test_regions_to_ignore_are_crowds_of_every_class():
    """As KITTI's DontCare: one crowd with the same box for each class."""
    regular = objects(6, 0)
    n_regions = 8
    region_boxes = BOX + 100 * np.arange(1, n_regions + 1)[:, None]
    ground_truth = GroundTruth.from_rows(
        image_ids=["a"],
        class_names=["cup", "plate"],
        image_index=np.zeros(6 + 2 * n_regions),
        class_index=[*np.zeros(6), *np.tile([0, 1], n_regions)],
        boxes=[*regular.boxes, *np.repeat(region_boxes, 2, axis=0)],
        iscrowd=np.arange(6 + 2 * n_regions) >= 6,
    )
    assert check_crowds(ground_truth, counted(ground_truth)) is None


@pytest.mark.parametrize(
    ("source", "is_suspicious"),
    [
        ("coco annotations a.json", True),
        ("", True),
        ("kitti label_2", False),
        ("crowdhuman a.odgt", False),
    ],
)
def test_many_regions_are_normal_in_some_formats(source, is_suspicious):
    ground_truth = replace(objects(30, 30), source=source)
    suspicion = check_crowds(ground_truth, counted(ground_truth))
    assert (suspicion is not None) is is_suspicious


def test_crowds_of_the_same_box_in_other_images_are_not_one_region():
    ground_truth = GroundTruth.from_rows(
        image_ids=[str(n) for n in range(20)],
        class_names=["cup"],
        image_index=np.arange(20),
        class_index=np.zeros(20),
        boxes=[BOX] * 20,
        iscrowd=np.arange(20) < 10,
    )
    assert check_crowds(ground_truth, counted(ground_truth)).severity == "warning"


@pytest.mark.parametrize(
    ("ground_truth", "evidence", "fix"),
    [
        (objects(0, 0), "there are no objects in the ground truth", "check that this is the file"),
        (objects(0, 30), "none of 30 objects counts, since 30 are crowds", "set iscrowd to 0"),
        (objects(0, 2, 5), "none of 7 objects counts, since 2 are crowds", "set iscrowd to 0"),
        (objects(0, 0, 5), "none of 5 objects counts, since all are difficult", "choose another"),
    ],
    ids=["none", "crowds", "both", "difficult"],
)
def test_nothing_that_counts_is_an_error_with_its_cause(ground_truth, evidence, fix):
    suspicion = check_counted(ground_truth, counted(ground_truth))
    assert (suspicion.id, suspicion.severity) == ("class-without-ground-truth", "error")
    assert suspicion.evidence == f"{evidence}: no class has an average precision"
    assert suspicion.fix.startswith(fix)
    assert check_crowds(ground_truth, counted(ground_truth)) is None, "one cause, one suspicion"


def test_one_object_that_counts_is_enough():
    ground_truth = objects(1, 30)
    assert check_counted(ground_truth, counted(ground_truth)) is None
