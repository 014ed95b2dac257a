"""Mistakes in COCO annotations: each is named, proven and fixed, whatever else is wrong."""

from __future__ import annotations

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.scoring.evaluate import evaluate
from tests.doctor.planting import (
    Planted,
    average_precision,
    faults,
    ids,
    plant,
    read_json,
    read_pair,
    run_only_fix,
    write_pair,
)
from tests.experiments.mistakes import MISTAKES


def every(change, step=1):
    def plant(document):
        for row in document["annotations"][::step]:
            change(row)

    return plant


def every_box(change):
    def plant(document):
        sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
        for row in document["annotations"]:
            row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return plant


def both(*plants):
    def plant(document):
        for each in plants:
            each(document)

    return plant


def corners(x, y, w, h, *_):
    return [x, y, x + w, y + h]


def fractions(x, y, w, h, a, b):
    return [x / a, y / b, w / a, h / b]


def percent(*box):
    return [100 * side for side in fractions(*box)]


def every_third_box(change):
    """Change the boxes of every third image, as a tool does that exports some images alone."""

    def change_some(document):
        sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
        for row in document["annotations"]:
            if row["image_id"] % 3 == 0:
                row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return change_some


def box_as_texts(row):
    row["bbox"] = list(map(str, row["bbox"]))


def doubled(document):
    copies = [{**row, "id": row["id"] + 10_000} for row in document["annotations"]]
    document["annotations"] += copies


def without_sizes(document):
    for image in document["images"]:
        del image["width"], image["height"]


def area_of_box(row):
    row["area"] = row["bbox"][2] * row["bbox"][3]


def as_texts(list_name, key):
    def plant(document):
        for row in document[list_name]:
            row[key] = str(row[key])

    return plant


def first_twice(list_name):
    return lambda document: document[list_name].append(dict(document[list_name][0]))


WITHOUT_LOSS = {
    "xyxy": (every_box(corners), "box-format-xyxy"),
    "xyxy, with areas computed from it": (
        both(every_box(corners), every(area_of_box)),
        "box-format-xyxy",
    ),
    "xyxy, image sizes unknown": (both(every_box(corners), without_sizes), "box-format-xyxy"),
    "cxcywh": (every_box(lambda x, y, w, h, *_: [x + w / 2, y + h / 2, w, h]), "box-format-cxcywh"),
    "yxyx": (every_box(lambda x, y, w, h, *_: [y, x, y + h, x + w]), "box-format-yxyx"),
    "fractions": (every_box(fractions), "box-normalized"),
    "percent": (every_box(percent), "box-normalized"),
    "fractions in some images": (every_third_box(fractions), "box-format-mixed"),
    "heights below 0": (every_box(lambda x, y, w, h, *_: [x, y + h, w, -h]), "negative-size"),
    "some heights below 0": (
        every_third_box(lambda x, y, w, h, *_: [x, y + h, w, -h]),
        "negative-size",
    ),
    "some widths of the wrong sign": (
        every_third_box(lambda x, y, w, h, *_: [x, y, -w, h]),
        "negative-size",
    ),
    "every annotation twice": (doubled, "annotations-doubled"),
    "negative areas": (every(lambda row: row.update(area=-1)), "area-zero"),
    "iscrowd as text": (every(lambda row: row.update(iscrowd="0")), "not-a-number"),
    "width of images as text": (as_texts("images", "width"), "not-a-number"),
    "IDs of categories as text": (as_texts("categories", "id"), "not-a-number"),
    "category_id as text": (as_texts("annotations", "category_id"), "not-a-number"),
    "image_id as text": (as_texts("annotations", "image_id"), "not-a-number"),
    "boxes as text": (every(box_as_texts, 9), "not-a-number"),
    "a category twice": (first_twice("categories"), "category-ids-duplicate"),
    "an image twice": (first_twice("images"), "image-ids-duplicate"),
    "a negative width": (lambda document: document["images"][0].update(width=-5), "negative-size"),
    "no IDs": (every(lambda row: row.pop("id")), "annotation-ids-duplicate"),
    "no objects": (lambda document: document["annotations"].extend([None, 5]), "not-a-number"),
}


def spoil(dataset, folder, plant) -> Planted:
    """Write the dataset with a change in its ground truth."""
    ground_truth, rows = read_pair(dataset)
    plant(ground_truth)
    return write_pair(folder, ground_truth, rows)


@pytest.mark.parametrize("how", WITHOUT_LOSS)
def test_what_can_be_fixed_without_loss(dataset, tmp_path, command, how):
    plant, expected = WITHOUT_LOSS[how]
    files = spoil(dataset, tmp_path, plant)
    [finding] = files.faults
    assert finding.id == expected
    assert finding.severity == ("warning" if how == "no IDs" else "error")
    target, _ = run_only_fix(command, files.faults)
    assert target == files.fixed_ground_truth
    assert faults(target, files.detections) == []
    true_precision = average_precision(dataset / "truth.json", dataset / "found.json")
    fixed_precision = average_precision(target, files.detections)
    assert fixed_precision == pytest.approx(true_precision, abs=1e-3)


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
            both(
                every(box_as_texts, 3), every(lambda row: row.update(bbox=[float("nan")] * 4), 20)
            ),
            ["not-a-number", "not-finite"],
        ),
        (
            both(every(box_as_texts, 3), every(lambda row: row.update(area=None), 2)),
            ["not-a-number", "area-missing"],
        ),
    ],
)
def test_what_is_left_out(dataset, tmp_path, command, plant, expected):
    """Of several faults none hides another, and one command fixes them all."""
    files = spoil(dataset, tmp_path, plant)
    assert ids(files.faults) == expected
    target, _ = run_only_fix(command, files.faults)
    assert faults(target, files.detections) == []


@pytest.mark.filterwarnings("ignore:.*detbench doctor can convert them")
def test_a_format_is_proven_by_sizes_and_average_precision(dataset, tmp_path):
    files = spoil(dataset, tmp_path, every_box(corners))
    [finding] = files.faults
    before = average_precision(files.ground_truth, files.detections)
    after = average_precision(dataset / "truth.json", dataset / "found.json")
    assert f"AP goes from {before:.3f} to {after:.3f}".replace("0.", ".") in finding.evidence
    assert "100% of them lie within their images if read so" in finding.evidence


@pytest.mark.filterwarnings("ignore:.*detbench doctor can convert them")
@pytest.mark.parametrize(
    ("change", "finding_id"),
    [(corners, "box-format-xyxy"), (fractions, "box-normalized")],
    ids=["xyxy", "fractions"],
)
def test_ground_truth_and_detections_in_the_same_wrong_format(
    dataset, tmp_path, change, finding_id
):
    """Each is named: neither fits the other less for it.

    The first is proven with both read in another way, the second after it.
    """
    ground_truth, rows = read_pair(dataset)
    sizes = {image["id"]: (image["width"], image["height"]) for image in ground_truth["images"]}
    for row in (*ground_truth["annotations"], *rows):
        row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])
    files = write_pair(tmp_path, ground_truth, rows)
    errors = [finding for finding in files.findings if finding.severity == "error"]
    assert ids(errors) == [finding_id] * 2
    assert "the boxes of the ground truth are" in errors[0].evidence
    before = f"{average_precision(files.ground_truth, files.detections):.3f}"
    after = f"{average_precision(dataset / 'truth.json', dataset / 'found.json'):.3f}"
    score_change = f"goes from {before} to {after}" if before != after else f"stays {after}"
    expected = f"with the detections read so as well, AP {score_change}".replace("0.", ".")
    assert expected in errors[0].evidence
    assert "after fixing the ground truth, and read so" in errors[1].evidence
    if finding_id == "box-normalized":
        assert "all numbers lie within 0–1" in errors[0].evidence


@pytest.mark.parametrize(
    ("change", "finding_id"),
    [(lambda row: row.pop("area"), "area-missing"), (lambda row: row.update(area=0), "area-zero")],
)
@pytest.mark.parametrize("step", [1, 2])
def test_areas_are_computed_from_boxes_that_are_fixed(
    dataset, tmp_path, command, change, finding_id, step
):
    """If boxes are corners, the new areas are width · height; those that were right stay."""
    annotations = read_json(dataset / "truth.json")["annotations"]
    true_areas = [row["area"] for row in annotations]
    assert true_areas == pytest.approx([row["bbox"][2] * row["bbox"][3] for row in annotations])
    files = spoil(dataset, tmp_path, both(every(change, step), every_box(corners)))
    assert set(ids(files.faults)) == {"box-format-xyxy", finding_id}
    target, _ = run_only_fix(command, files.faults)
    fixed_areas = [row["area"] for row in read_json(target)["annotations"]]
    assert fixed_areas == pytest.approx(true_areas)
    names = ("APs", "APm", "APl")
    fixed, original = (
        evaluate(truth, load_detections(dataset / "found.json", truth)).summary
        for truth in map(load_ground_truth, (target, dataset / "truth.json"))
    )
    assert [fixed[name] for name in names] == pytest.approx(
        [original[name] for name in names], abs=1e-3, nan_ok=True
    )


def test_several_faults_are_fixed_by_one_command(dataset, tmp_path, command):
    """Areas, IDs and boxes with texts: what is written has all of the annotations."""
    by_id = {mistake.id: mistake for mistake in MISTAKES}
    files = plant(dataset, tmp_path, by_id["area-missing"], by_id["annotation-ids-duplicate"])
    document = read_json(files.ground_truth)
    for row in document["annotations"][:5]:
        box_as_texts(row)
    files = write_pair(tmp_path, document, read_json(files.detections))
    assert set(ids(files.faults)) == {"area-missing", "annotation-ids-duplicate", "not-a-number"}
    target, _ = run_only_fix(command, files.faults)
    assert faults(target, files.detections) == []
    original, fixed = (read_json(path)["annotations"] for path in (dataset / "truth.json", target))
    assert [row["bbox"] for row in fixed] == [row["bbox"] for row in original]
    assert [row["area"] for row in fixed] == pytest.approx([row["area"] for row in original])
    assert len({row["id"] for row in fixed}) == len(original)


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in MISTAKES if mistake.id.startswith(("area", "annotation"))],
    ids=lambda mistake: f"{mistake.id}, {mistake.how}",
)
def test_the_fix_of_planted_mistakes_is_a_command_that_works(planted, command, mistake):
    files = planted(mistake)
    target, _ = run_only_fix(command, files.findings)
    assert target == files.fixed_ground_truth
    assert faults(target, files.detections) == []


@pytest.mark.parametrize("flag", [None, "iscrowd"])
def test_nothing_that_counts(dataset, tmp_path, flag):
    def plant(document):
        if flag is None:
            document["annotations"] = []
        every(lambda row: row.update(iscrowd=1))(document)

    [finding] = spoil(dataset, tmp_path, plant).faults
    assert (finding.id, finding.severity) == ("class-without-ground-truth", "error")
    expected = "there are no objects" if flag is None else "objects counts, since 134 are crowds"
    assert expected in finding.evidence


def test_single_objects_flagged_as_crowds(dataset, tmp_path):
    def plant(document):
        for annotation in document["annotations"][::2]:
            annotation["iscrowd"] = 1

    spoiled = spoil(dataset, tmp_path, plant)
    [finding] = spoiled.faults
    assert (finding.id, finding.severity) == ("many-crowds", "warning")
    assert finding.evidence.startswith("67 of 134 objects (50%) are crowds: ")
    before, after = (
        f"{average_precision(path, spoiled.detections):.3f}".removeprefix("0")
        for path in (spoiled.ground_truth, dataset / "truth.json")
    )
    assert f"with all of them as objects, AP goes from {before} to {after}" in finding.evidence


@pytest.mark.parametrize(("distance", "severity"), [(0.5, None), (3, "note"), (5000, "warning")])
def test_boxes_of_the_ground_truth_outside_the_image(dataset, tmp_path, distance, severity):
    def plant(document):
        row = document["annotations"][0]
        [width] = [image["width"] for image in document["images"] if image["id"] == row["image_id"]]
        row["bbox"][0] = width - row["bbox"][2] + distance

    findings = [
        finding
        for finding in spoil(dataset, tmp_path, plant).findings
        if "annotated boxes" in finding.evidence
    ]
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all(finding.id == "outside-image" for finding in findings)


def test_the_text_0_is_no_crowd(dataset, tmp_path):
    """It would be true in Python."""
    [finding] = spoil(dataset, tmp_path, every(lambda row: row.update(iscrowd="0"))).faults
    assert "annotations[0].iscrowd is '0'" in finding.evidence
    score = average_precision(dataset / "truth.json", dataset / "found.json")
    assert f"AP is {score:.3f}".replace("0.", ".") in finding.evidence
