"""Mistakes in the ground truth itself: each is named, proven and mended by the command given, whatever else is wrong beside it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine
from detbench.metrics.scoring.evaluate import evaluate


def every(change, step=1):
    def plant(truth):
        for row in truth["annotations"][::step]:
            change(row)

    return plant


def boxes(change):
    def plant(truth):
        sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
        for row in truth["annotations"]:
            row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return plant


def both(*plants):
    def plant(truth):
        for each in plants:
            each(truth)

    return plant


def corners(x, y, w, h, *_):
    return [x, y, x + w, y + h]


def as_texts(row):
    row["bbox"] = list(map(str, row["bbox"]))


def doubled(truth):
    truth["annotations"] += [{**row, "id": row["id"] + 10_000} for row in truth["annotations"]]


def without_sizes(truth):
    for image in truth["images"]:
        del image["width"], image["height"]


def area_of_box(row):
    row["area"] = row["bbox"][2] * row["bbox"][3]


def text_ids(part, key):
    def plant(truth):
        for row in truth[part]:
            row[key] = str(row[key])

    return plant


WITHOUT_LOSS = {
    "xyxy": (boxes(corners), "box-format-xyxy"),
    "xyxy, with areas computed from it": (
        both(boxes(corners), every(area_of_box)),
        "box-format-xyxy",
    ),
    "xyxy, sizes of images unknown": (both(boxes(corners), without_sizes), "box-format-xyxy"),
    "cxcywh": (boxes(lambda x, y, w, h, *_: [x + w / 2, y + h / 2, w, h]), "box-format-cxcywh"),
    "yxyx": (boxes(lambda x, y, w, h, *_: [y, x, y + h, x + w]), "box-format-yxyx"),
    "fractions": (boxes(lambda x, y, w, h, a, b: [x / a, y / b, w / a, h / b]), "box-normalised"),
    "every annotation twice": (doubled, "annotations-doubled"),
    "negative areas": (every(lambda row: row.update(area=-1)), "area-zero"),
    "iscrowd as text": (every(lambda row: row.update(iscrowd="0")), "not-a-number"),
    "width of images as text": (text_ids("images", "width"), "not-a-number"),
    "ids of categories as text": (text_ids("categories", "id"), "not-a-number"),
    "category_id as text": (text_ids("annotations", "category_id"), "not-a-number"),
    "image_id as text": (text_ids("annotations", "image_id"), "not-a-number"),
    "boxes as text": (every(as_texts, 9), "not-a-number"),
    "a category twice": (
        lambda truth: truth["categories"].append(dict(truth["categories"][0])),
        "category-ids-duplicate",
    ),
    "an image twice": (
        lambda truth: truth["images"].append(dict(truth["images"][0])),
        "image-ids-duplicate",
    ),
    "a negative width": (lambda truth: truth["images"][0].update(width=-5), "negative-size"),
    "no ids": (every(lambda row: row.pop("id")), "annotation-ids-duplicate"),
    "no objects": (lambda truth: truth["annotations"].extend([None, 5]), "not-a-number"),
}


def examined(truth, folder, tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    found = examine(tmp_path / "truth.json", folder / "found.json")
    return [finding for finding in found if finding.severity != "note"]


def average_precision(truth, found):
    ground_truth = load_ground_truth(truth)
    return evaluate(ground_truth, load_detections(found, ground_truth)).average_precision


def mended(findings, tmp_path):
    """Run the one command that all of the findings have."""
    [fix] = {finding.fix for finding in findings}
    words = shlex.split(fix)
    assert words[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *words[1:]], check=True)
    return tmp_path / "truth-fixed.json"


@pytest.mark.parametrize("how", WITHOUT_LOSS)
def test_what_can_be_mended_without_loss(folder, tmp_path, how):
    plant, expected = WITHOUT_LOSS[how]
    truth = json.loads((folder / "truth.json").read_text())
    plant(truth)
    findings = examined(truth, folder, tmp_path)
    assert [finding.id for finding in findings] == [expected]
    assert findings[0].severity == ("warning" if how == "no ids" else "error")
    fixed = mended(findings, tmp_path)
    assert examined(json.loads(fixed.read_text()), folder, tmp_path) == []
    assert average_precision(fixed, folder / "found.json") == pytest.approx(
        average_precision(folder / "truth.json", folder / "found.json"), abs=1e-3
    )


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (every(lambda row: row.pop("bbox"), 20), ["not-a-number"]),
        (every(lambda row: row.update(bbox=None), 20), ["not-a-number"]),
        (every(lambda row: row.update(bbox=[10**400, 1, 1, 1]), 20), ["not-finite"]),
        (every(lambda row: row.update(bbox=[float("nan")] * 4), 20), ["not-finite"]),
        (every(lambda row: row.update(bbox=[5, 5, -3, 4]), 20), ["negative-size"]),
        (every(lambda row: row.update(bbox=[5, 5, 0, 4]), 20), ["zero-area"]),
        (every(lambda row: row.update(image_id=99), 20), ["image-ids-unknown"]),
        (every(lambda row: row.update(category_id=99), 20), ["class-ids-80-91"]),
        (
            both(every(as_texts, 3), every(lambda row: row.update(bbox=[float("nan")] * 4), 20)),
            ["not-a-number", "not-finite"],
        ),
        (
            both(every(as_texts, 3), every(lambda row: row.update(area=None), 2)),
            ["not-a-number", "area-missing"],
        ),
    ],
)
def test_what_is_left_out(folder, tmp_path, plant, expected):
    """Some faults beside others: none hides another, and the one command mends them all."""
    truth = json.loads((folder / "truth.json").read_text())
    plant(truth)
    findings = examined(truth, folder, tmp_path)
    assert [finding.id for finding in findings] == expected
    fixed = mended(findings, tmp_path)
    assert examined(json.loads(fixed.read_text()), folder, tmp_path) == []


def test_a_format_is_proven_by_sizes_and_average_precision(folder, tmp_path):
    truth = json.loads((folder / "truth.json").read_text())
    boxes(corners)(truth)
    [finding] = examined(truth, folder, tmp_path)
    before, after = (
        average_precision(tmp_path / "truth.json", folder / "found.json"),
        average_precision(*files(folder)),
    )
    assert f"AP goes from {before:.3f} to {after:.3f}".replace("0.", ".") in finding.evidence
    assert "100% of them lie within their images when read so" in finding.evidence


def files(folder):
    return folder / "truth.json", folder / "found.json"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (corners, "box-format-xyxy"),
        (lambda x, y, w, h, a, b: [x / a, y / b, w / a, h / b], "box-normalised"),
    ],
    ids=["xyxy", "fractions"],
)
def test_ground_truth_and_detections_in_the_same_wrong_format(folder, tmp_path, change, finding):
    """Each is named: neither fits the other less for it; the first is proven with both mended, the second beside it."""
    truth, found = (json.loads(path.read_text()) for path in files(folder))
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    for row in (*truth["annotations"], *found):
        row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(found))
    errors = [
        each
        for each in examine(tmp_path / "truth.json", tmp_path / "found.json")
        if each.severity == "error"
    ]
    assert [each.id for each in errors] == [finding] * 2
    assert "the boxes of the ground truth are" in errors[0].evidence
    before, after = (
        average_precision(tmp_path / "truth.json", tmp_path / "found.json"),
        average_precision(*files(folder)),
    )
    change = (
        f"goes from {before:.3f} to {after:.3f}"
        if f"{before:.3f}" != f"{after:.3f}"
        else f"stays {after:.3f}"
    )
    assert (
        f"with the detections so read as well, AP {change}".replace("0.", ".") in errors[0].evidence
    )
    assert "with the ground truth mended, and read as " in errors[1].evidence
    if finding == "box-normalised":
        assert "all numbers lie within 0–1" in errors[0].evidence


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [(lambda row: row.pop("area"), "area-missing"), (lambda row: row.update(area=0), "area-zero")],
)
@pytest.mark.parametrize("step", [1, 2])
def test_areas_are_computed_from_boxes_that_are_mended(folder, tmp_path, spoil, finding, step):
    """Beside boxes that are corners: the areas written are width · height, those that were right stay."""
    truth = json.loads((folder / "truth.json").read_text())
    true = [row["area"] for row in truth["annotations"]]
    assert true == pytest.approx([row["bbox"][2] * row["bbox"][3] for row in truth["annotations"]])
    both(every(spoil, step), boxes(corners))(truth)
    findings = examined(truth, folder, tmp_path)
    assert {each.id for each in findings} == {"box-format-xyxy", finding}
    rows = json.loads(mended(findings, tmp_path).read_text())["annotations"]
    assert [row["area"] for row in rows] == pytest.approx(true)
    fixed, original = (
        evaluate(read, load_detections(folder / "found.json", read)).summary
        for read in map(load_ground_truth, (tmp_path / "truth-fixed.json", folder / "truth.json"))
    )
    assert [fixed[name] for name in ("APs", "APm", "APl")] == pytest.approx(
        [original[name] for name in ("APs", "APm", "APl")], abs=1e-3, nan_ok=True
    )


@pytest.mark.parametrize("flag", [None, "iscrowd"])
def test_nothing_that_counts(folder, tmp_path, flag):
    truth = json.loads((folder / "truth.json").read_text())
    if flag is None:
        truth["annotations"] = []
    every(lambda row: row.update(iscrowd=1))(truth)
    [finding] = examined(truth, folder, tmp_path)
    assert (finding.id, finding.severity) == ("class-without-ground-truth", "error")
    assert (
        "there are no objects" if flag is None else "objects counts (difficult or crowd)"
    ) in finding.evidence


@pytest.mark.parametrize(("by", "severity"), [(0.5, None), (3, "note"), (5000, "warning")])
def test_boxes_of_the_ground_truth_outside_the_image(folder, tmp_path, by, severity):
    truth = json.loads((folder / "truth.json").read_text())
    row = truth["annotations"][0]
    width = next(image["width"] for image in truth["images"] if image["id"] == row["image_id"])
    row["bbox"][0] = width - row["bbox"][2] + by
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    said = [
        each
        for each in examine(tmp_path / "truth.json", folder / "found.json")
        if "annotated boxes" in each.evidence
    ]
    assert [each.severity for each in said] == ([severity] if severity else [])
    assert all(each.id == "outside-image" for each in said)


def test_a_text_that_says_no_is_no_crowd(folder, tmp_path):
    """The text "0" would be true in Python."""
    truth = json.loads((folder / "truth.json").read_text())
    every(lambda row: row.update(iscrowd="0"))(truth)
    [finding] = examined(truth, folder, tmp_path)
    assert "annotations[0].iscrowd is '0'" in finding.evidence
    assert f"AP is {average_precision(*files(folder)):.3f}".replace("0.", ".") in finding.evidence
