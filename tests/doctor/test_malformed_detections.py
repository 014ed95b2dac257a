"""Detections that are no numbers, no objects, or have wrong columns: one finding, never a crash."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.doctor.planting import average_precision, faults, read_json, read_pair, write_pair


def ids_and_severities(findings):
    return [(finding.id, finding.severity) for finding in findings]


def every(change, step=1):
    def plant(rows):
        for row in rows[::step]:
            change(row)
        return rows

    return plant


@pytest.mark.parametrize(
    ("plant", "finding_id", "text"),
    [
        (every(lambda row: row.update(score=None), 20), "not-a-number", "results[0].score is None"),
        (every(lambda row: row.pop("score")), "not-a-number", "results[0] has no score"),
        (
            every(lambda row: row.update(score="0,9"), 20),
            "not-a-number",
            "results[0].score is '0,9'",
        ),
        (every(lambda row: row.update(score=True), 20), "not-a-number", "results[0].score is True"),
        (
            every(lambda row: row.update(bbox=row["bbox"][:3]), 20),
            "not-a-number",
            "results[0].bbox is [",
        ),
        (every(lambda row: row.pop("image_id")), "not-a-number", "results[0] has no image_id"),
        (
            every(lambda row: row.update(image_id=[1]), 20),
            "not-a-number",
            "results[0].image_id is [1]",
        ),
        (
            every(lambda row: row.pop("category_id")),
            "not-a-number",
            "results[0] has no category_id",
        ),
        (
            every(lambda row: row.update(category_id=str(row["category_id"]))),
            "not-a-number",
            "results[0].category_id is '",
        ),
        (
            lambda _: [[1, 2], [3]],
            "not-a-number",
            "2 of 2 detections have a text, or nothing, in place of a number (the first: results",
        ),
        (lambda rows: [*rows, None, "x", {}], "not-a-number", "is None, expected an object"),
        (every(lambda row: row.update(score=10**400), 20), "not-finite", "box and score"),
        (every(lambda row: row.update(bbox=[10**400, 1, 1, 1]), 20), "not-finite", "inf"),
        (
            every(lambda row: row.update(image_id=10**30), 20),
            "image-ids-unknown",
            "on an image that the ground truth does not have",
        ),
    ],
)
def test_one_finding_that_says_what_and_where(dataset, tmp_path, plant, finding_id, text):
    ground_truth, rows = read_pair(dataset)
    [finding] = write_pair(tmp_path, ground_truth, plant(rows)).faults
    assert (finding.id, finding.severity) == (finding_id, "error")
    assert text in finding.evidence


def test_text_image_ids_are_read_here_but_not_everywhere(dataset, tmp_path):
    ground_truth, rows = read_pair(dataset)
    every(lambda row: row.update(image_id=str(row["image_id"])))(rows)
    files = write_pair(tmp_path, ground_truth, rows)
    [finding] = files.faults
    assert (finding.id, finding.severity) == ("not-a-number", "warning")
    assert "pycocotools does not find them" in finding.evidence
    assert faults(dataset / "VOCdevkit" / "VOC2007", files.detections) == [], (
        "the IDs of a devkit are texts"
    )


@pytest.mark.parametrize(
    ("change", "step", "expected"),
    [
        (lambda row: row["bbox"].__setitem__(2, 0), 1, ("zero-area", "error")),
        (lambda row: row["bbox"].__setitem__(2, -row["bbox"][2]), 1, ("negative-size", "error")),
        (lambda row: row["bbox"].__setitem__(2, 0), 10, ("zero-area", "warning")),
        (lambda row: row["bbox"].__setitem__(3, -row["bbox"][3]), 10, ("negative-size", "warning")),
    ],
)
def test_sizes_by_their_share(dataset, tmp_path, change, step, expected):
    ground_truth, rows = read_pair(dataset)
    files = write_pair(tmp_path, ground_truth, every(change, step)(rows))
    assert ids_and_severities(files.faults) == [expected]


@pytest.mark.parametrize(("step", "severity"), [(1, "error"), (10, "warning"), (30, None)])
def test_boxes_that_collapsed_around_their_centers(dataset, tmp_path, step, severity):
    ground_truth, rows = read_pair(dataset)
    for row in rows[::step]:
        x, y, width, height = row["bbox"]
        row["bbox"] = [x + width / 2, y + height / 2, 0.4, 0.4]
    findings = write_pair(tmp_path, ground_truth, rows).findings
    severities = [each.severity for each in findings if each.id == "boxes-collapsed"]
    assert severities == ([severity] if severity else [])


def test_what_is_left_is_scored_again(dataset, tmp_path):
    """The evidence has the score that `eval` gives for the file without these rows."""
    ground_truth, rows = read_pair(dataset)
    every(lambda row: row.update(score=float("nan")), 9)(rows)
    [finding] = write_pair(tmp_path, ground_truth, rows).faults
    kept = [row for row in rows if row["score"] == row["score"]]
    files = write_pair(tmp_path, ground_truth, kept)
    score = average_precision(files.ground_truth, files.detections)
    assert f"without them, AP is {score:.3f}".replace("0.", ".") in finding.evidence


class TestParquet:
    """The same findings as for JSON: the doctor reads what `eval` refuses."""

    @pytest.fixture
    def edited(self, dataset, tmp_path):
        """Return a function that writes the file with changed columns, as lists by image."""

        def edit(change):
            table = pq.read_table(dataset / "found.parquet")
            columns = table.to_pydict()
            change(columns)
            target = tmp_path / "found.parquet"
            pq.write_table(pa.table(columns, schema=table.schema), target)
            return target

        return edit

    @pytest.fixture
    def renumbered(self, dataset, tmp_path):
        """Return a function that writes the ground truth with changed IDs of images."""

        def renumber(change, keep=lambda _: True):
            document = read_json(dataset / "truth.json")
            document["annotations"] = [
                row | {"image_id": change(row["image_id"])}
                for row in document["annotations"]
                if keep(row["image_id"])
            ]
            document["images"] = [
                image | {"id": change(image["id"]), "file_name": f"{change(image['id'])}.jpg"}
                for image in document["images"]
                if keep(image["id"])
            ]
            document["images"].sort(key=lambda image: image["id"])
            return write_pair(tmp_path, document, []).ground_truth

        return renumber

    def test_unknown_images(self, dataset, renumbered):
        first = min(image["id"] for image in read_json(dataset / "truth.json")["images"])
        ground_truth = renumbered(lambda number: number, keep=lambda number: number >= first + 10)
        findings = faults(ground_truth, dataset / "found.parquet")
        assert ids_and_severities(findings) == [("image-ids-unknown", "error")]

    def test_another_split(self, dataset, renumbered):
        # In another order than the detections, so that no rule maps their IDs.
        ground_truth = renumbered(lambda number: 10**7 + 370 * number % 1009)
        findings = faults(ground_truth, dataset / "found.parquet")
        assert ids_and_severities(findings) == [("wrong-split", "error")]

    def test_nan(self, dataset, edited):
        detections = edited(lambda columns: columns["score"][0].__setitem__(0, float("nan")))
        findings = faults(dataset / "truth.json", detections)
        assert ids_and_severities(findings) == [("not-finite", "error")]

    def test_sizes_in_place_of_corners(self, dataset, edited):
        def change(columns):
            for numbers in columns["box"]:
                for start in range(0, len(numbers), 4):
                    numbers[start + 2] -= numbers[start]
                    numbers[start + 3] -= numbers[start + 1]

        findings = faults(dataset / "truth.json", edited(change))
        assert ids_and_severities(findings) == [("box-format-xyxy", "error")]

    def test_a_class_that_the_file_has_no_name_for(self, dataset, edited):
        detections = edited(lambda columns: columns["class_index"][0].__setitem__(0, 99))
        [finding] = faults(dataset / "truth.json", detections)
        assert finding.id == "classes-permuted"
        assert "class_index 99" in finding.evidence
