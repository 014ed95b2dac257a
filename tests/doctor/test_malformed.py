"""Detections that are no numbers, no objects, or of other columns: one finding each, and never a crash or a verdict by mistake."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine
from detbench.metrics.scoring.evaluate import evaluate


def said(truth, found):
    return [
        (finding.id, finding.severity)
        for finding in examine(truth, found)
        if finding.severity != "note"
    ]


def every(change, step=1):
    def plant(found):
        for row in found[::step]:
            change(row)
        return found

    return plant


@pytest.mark.parametrize(
    ("plant", "expected", "words"),
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
            "2 of 2 detections have a text, or nothing, where a number belongs (the first: results[0] is",
        ),
        (lambda found: [*found, None, "x", {}], "not-a-number", "is None, no object"),
        (every(lambda row: row.update(score=10**400), 20), "not-finite", "box and score"),
        (every(lambda row: row.update(bbox=[10**400, 1, 1, 1]), 20), "not-finite", "inf"),
        (
            every(lambda row: row.update(image_id=10**30), 20),
            "image-ids-unknown",
            "on an image that the ground truth does not have",
        ),
    ],
)
def test_one_finding_that_says_what_and_where(folder, tmp_path, plant, expected, words):
    found = plant(json.loads((folder / "found.json").read_text()))
    (tmp_path / "found.json").write_text(json.dumps(found))
    [finding] = [
        each
        for each in examine(folder / "truth.json", tmp_path / "found.json")
        if each.severity != "note"
    ]
    assert (finding.id, finding.severity) == (expected, "error")
    assert words in finding.evidence


def test_image_ids_as_texts_are_read_here_but_not_everywhere(folder, tmp_path):
    found = every(lambda row: row.update(image_id=str(row["image_id"])))(
        json.loads((folder / "found.json").read_text())
    )
    (tmp_path / "found.json").write_text(json.dumps(found))
    [finding] = [
        each
        for each in examine(folder / "truth.json", tmp_path / "found.json")
        if each.severity != "note"
    ]
    assert (finding.id, finding.severity) == ("not-a-number", "warning")
    assert "pycocotools does not find them" in finding.evidence
    assert said(folder / "VOCdevkit" / "VOC2007", tmp_path / "found.json") == [], (
        "a devkit's ids are texts"
    )


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (every(lambda row: row["bbox"].__setitem__(2, 0)), ("zero-area", "error")),
        (
            every(lambda row: row["bbox"].__setitem__(2, -row["bbox"][2])),
            ("negative-size", "error"),
        ),
        (every(lambda row: row["bbox"].__setitem__(2, 0), 10), ("zero-area", "warning")),
        (
            every(lambda row: row["bbox"].__setitem__(3, -row["bbox"][3]), 10),
            ("negative-size", "warning"),
        ),
    ],
)
def test_sizes_by_their_share(folder, tmp_path, plant, expected):
    (tmp_path / "found.json").write_text(
        json.dumps(plant(json.loads((folder / "found.json").read_text())))
    )
    assert said(folder / "truth.json", tmp_path / "found.json") == [expected]


def test_what_is_left_out_is_scored_again(folder, tmp_path):
    """The evidence holds the number that `eval` gives for the file without these rows."""
    found = json.loads((folder / "found.json").read_text())
    (tmp_path / "found.json").write_text(
        json.dumps(every(lambda row: row.update(score=float("nan")), 9)(found))
    )
    (tmp_path / "kept.json").write_text(
        json.dumps([row for row in found if row["score"] == row["score"]])
    )
    truth = load_ground_truth(folder / "truth.json")
    kept = evaluate(truth, load_detections(tmp_path / "kept.json", truth)).average_precision
    [finding] = [
        each
        for each in examine(folder / "truth.json", tmp_path / "found.json")
        if each.severity != "note"
    ]
    assert f"left out, AP is {kept:.3f}".replace("0.", ".") in finding.evidence


@pytest.mark.parametrize(("form", "part"), [("voc", "comp4"), ("yolo", "labels")])
def test_the_score_at_the_other_end_of_the_line(folder, tmp_path, form, part):
    (tmp_path / "spoilt").mkdir()
    for file in (folder / part).glob("*.txt"):
        lines = [line.split() for line in file.read_text().splitlines()]
        moved = [
            [first, *rest[1:], rest[0]] if form == "voc" else [first, rest[-1], *rest[:-1]]
            for first, *rest in lines
        ]
        (tmp_path / "spoilt" / file.name).write_text(
            "".join(" ".join(words) + "\n" for words in moved)
        )
    assert said(folder / "truth.json", tmp_path / "spoilt") == [("score-column", "error")]


def test_a_header_and_commas_in_voc_files(folder, tmp_path):
    (tmp_path / "spoilt").mkdir()
    for file in (folder / "comp4").glob("*.txt"):
        (tmp_path / "spoilt" / file.name).write_text("image score x1 y1 x2 y2\n" + file.read_text())
    assert said(folder / "truth.json", tmp_path / "spoilt") == [("not-a-number", "error")]
    for file in (folder / "comp4").glob("*.txt"):
        (tmp_path / "spoilt" / file.name).write_text(file.read_text().replace(" ", ","))
    assert said(folder / "truth.json", tmp_path / "spoilt") == [("not-a-number", "error")]


class TestParquet:
    """The same findings as for JSON: the doctor reads what `eval` refuses."""

    @pytest.fixture
    def edited(self, folder, tmp_path):
        """Write the file again with its columns, as lists by image, changed."""

        def edit(change):
            table = pq.read_table(folder / "found.parquet")
            columns = table.to_pydict()
            change(columns)
            pq.write_table(pa.table(columns, schema=table.schema), tmp_path / "found.parquet")
            return tmp_path / "found.parquet"

        return edit

    @pytest.fixture
    def renamed(self, folder, tmp_path):
        """Write the ground truth with the ids of images changed."""

        def rename(change, keep=lambda _: True):
            truth = json.loads((folder / "truth.json").read_text())
            truth["annotations"] = [row for row in truth["annotations"] if keep(row["image_id"])]
            truth["images"] = [image for image in truth["images"] if keep(image["id"])]
            for image in truth["images"]:
                image["file_name"] = f"{change(image['id'])}.jpg"
            for row, key in [
                *((row, "image_id") for row in truth["annotations"]),
                *((image, "id") for image in truth["images"]),
            ]:
                row[key] = change(row[key])
            (tmp_path / "truth.json").write_text(json.dumps(truth))
            return tmp_path / "truth.json"

        return rename

    def test_unknown_images(self, folder, renamed):
        first = min(
            image["id"] for image in json.loads((folder / "truth.json").read_text())["images"]
        )
        truth = renamed(lambda number: number, keep=lambda number: number >= first + 10)
        assert said(truth, folder / "found.parquet") == [("image-ids-unknown", "error")]

    def test_another_split(self, folder, renamed):
        assert said(renamed(lambda number: 7 * number + 10**7), folder / "found.parquet") == [
            ("wrong-split", "error")
        ]

    def test_nan(self, folder, edited):
        path = edited(lambda columns: columns["score"][0].__setitem__(0, float("nan")))
        assert said(folder / "truth.json", path) == [("not-finite", "error")]

    def test_sizes_in_place_of_corners(self, folder, edited):
        def change(columns):
            for numbers in columns["box"]:
                for place in range(0, len(numbers), 4):
                    numbers[place + 2] -= numbers[place]
                    numbers[place + 3] -= numbers[place + 1]

        assert said(folder / "truth.json", edited(change)) == [("box-format-xyxy", "error")]

    def test_a_class_that_the_file_has_no_name_for(self, folder, edited):
        path = edited(lambda columns: columns["class_index"][0].__setitem__(0, 99))
        [finding] = [
            each for each in examine(folder / "truth.json", path) if each.severity != "note"
        ]
        assert finding.id == "classes-permuted"
        assert "class_index 99" in finding.evidence


def test_a_bug_is_no_verdict(command, folder, monkeypatch):
    """1 would say that there are errors."""

    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("detbench.doctor.doctor.examine", broken)
    outcome = command("doctor", folder / "truth.json", folder / "found.json")
    assert outcome.code == 2
    assert "RuntimeError: broken" in outcome.err
