"""`--fix` names findings of one side, and refuses what would lose data or is ambiguous."""

from __future__ import annotations

import pytest

from detbench.doctor.doctor import plan_fix
from detbench.errors import DetbenchError, InputError
from tests.doctor.planting import plant, read_json, read_pair, write_pair
from tests.experiments.mistakes import MISTAKES


def mistake(how):
    return next(mistake for mistake in MISTAKES if mistake.how == how)


def test_a_fix_that_leaves_what_cannot_be_scored_is_refused(dataset, tmp_path):
    files = plant(dataset, tmp_path, mistake("x1 y1 x2 y2"), mistake("a tenth"))
    with pytest.raises(DetbenchError, match="would be lost; fix as well: --fix image-ids-unknown"):
        plan_fix(files.ground_truth, files.detections, ["box-format-xyxy"])


def test_nothing_can_be_fixed_if_nothing_is_wrong(dataset):
    with pytest.raises(DetbenchError, match=r"no finding box-scale can be fixed here; .*: none"):
        plan_fix(dataset / "truth.json", dataset / "found.json", ["box-scale"])


@pytest.fixture
def both_wrong(dataset, tmp_path):
    """Ground truth with an annotation ID of 0, and detections that are corners."""
    ground_truth, rows = read_pair(dataset)
    ground_truth["annotations"][0]["id"] = 0
    for row in rows:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x, y, x + w, y + h]
    return write_pair(tmp_path, ground_truth, rows)


def test_ids_of_both_sides_are_refused_together(both_wrong):
    paths = both_wrong.ground_truth, both_wrong.detections
    message = (
        r"both .*ground truth: annotation-id-zero; detections: box-format-xyxy.* once for each"
    )
    with pytest.raises(DetbenchError, match=message):
        plan_fix(*paths, ["box-format-xyxy", "annotation-id-zero"])
    assert plan_fix(*paths, ["annotation-id-zero"]).content == "annotations"
    assert plan_fix(*paths, ["box-format-xyxy"]).content == "detections"


def test_an_id_may_name_its_side_and_must_if_it_is_found_on_both(both_wrong, tmp_path):
    ground_truth, rows = (
        read_json(path) for path in (both_wrong.ground_truth, both_wrong.detections)
    )
    for annotation in ground_truth["annotations"]:
        x, y, w, h = annotation["bbox"]
        annotation["bbox"] = [x, y, x + w, y + h]
    files = write_pair(tmp_path, ground_truth, rows)
    paths = files.ground_truth, files.detections
    with pytest.raises(DetbenchError, match="both ground truth and detections; write --fix"):
        plan_fix(*paths, ["box-format-xyxy"])
    assert plan_fix(*paths, ["ground-truth:box-format-xyxy"]).content == "annotations"
    assert plan_fix(*paths, ["detections:box-format-xyxy"]).content == "detections"
    assert plan_fix(*paths, ["ground-truth:annotation-id-zero"]).content == "annotations"
    with pytest.raises(DetbenchError, match="no finding detections:annotation-id-zero can be"):
        plan_fix(*paths, ["detections:annotation-id-zero"])


def test_some_faults_of_coco_annotations_can_be_fixed_alone(both_wrong, tmp_path):
    """Everything else stays as it is."""
    document = read_json(both_wrong.ground_truth)
    for annotation in document["annotations"]:
        del annotation["area"]
    files = write_pair(tmp_path, document, read_json(both_wrong.detections))
    repair = plan_fix(files.ground_truth, files.detections, ["area-missing"])
    repair.write(tmp_path / "fixed.json")
    fixed = read_json(tmp_path / "fixed.json")
    assert [row.pop("area") for row in fixed["annotations"]] == pytest.approx(
        [row["bbox"][2] * row["bbox"][3] for row in document["annotations"]]
    )
    assert fixed == document
    with pytest.raises(InputError, match=r"has no suffix \.json"):
        repair.write(tmp_path / "fixed.parquet")


def test_boxes_that_are_no_numbers_are_fixed_before_their_format(both_wrong, tmp_path):
    ground_truth = read_json(both_wrong.ground_truth)
    for annotation in ground_truth["annotations"]:
        x, y, w, h = annotation["bbox"]
        annotation["bbox"] = [x, y, x + w, y + h]
    for annotation in ground_truth["annotations"][:3]:
        annotation["bbox"] = [str(side) for side in annotation["bbox"]]
    files = write_pair(tmp_path, ground_truth, read_json(both_wrong.detections))
    with pytest.raises(DetbenchError, match=r"annotations\[0\] has no box .*--fix not-a-number"):
        plan_fix(files.ground_truth, files.detections, ["ground-truth:box-format-xyxy"])
    repair = plan_fix(
        files.ground_truth,
        files.detections,
        ["ground-truth:box-format-xyxy", "ground-truth:not-a-number"],
    )
    assert repair.n_written == repair.n_read
