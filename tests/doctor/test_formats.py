"""Mistakes in files of every format, mended by the doctor's own command so that nothing is left to be found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine, mend


def ids(findings):
    return [finding.id for finding in findings if finding.severity != "note"]


def rewritten(source, target, change):
    """Copy a folder of text files, each line changed by a function of its words."""
    target.mkdir()
    for file in source.glob("*.txt"):
        lines = [change(line.split()) for line in file.read_text().splitlines()]
        (target / file.name).write_text(
            "".join(" ".join(map(str, words)) + "\n" for words in lines)
        )
    return target


def corners(change):
    def line(words):
        return [*words[:2], *change(*map(float, words[2:]))]

    return line


@pytest.mark.parametrize(
    ("finding", "change"),
    [
        ("box-format-xyxy", lambda x1, y1, x2, y2: (x1, y1, x2 - x1 + 1, y2 - y1 + 1)),
        (
            "box-format-cxcywh",
            lambda x1, y1, x2, y2: ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1 + 1, y2 - y1 + 1),
        ),
        ("box-format-yxyx", lambda x1, y1, x2, y2: (y1, x1, y2, x2)),
        ("box-scale", lambda *edges: tuple(2.5 * edge for edge in edges)),
        ("pixel-offset", lambda *edges: tuple(edge - 1 for edge in edges)),
    ],
)
def test_boxes_of_voc_files(folder, tmp_path, finding, change):
    truth = folder / "VOCdevkit" / "VOC2007"
    spoilt = rewritten(folder / "comp4", tmp_path / "spoilt", corners(change))
    assert ids(examine(truth, spoilt, split="test")) == [finding]
    mend(truth, spoilt, [finding], tmp_path / "mended", split="test")
    assert ids(examine(truth, tmp_path / "mended", split="test")) == []
    mended, true = (
        load_detections(path, load_ground_truth(truth, split="test"))
        for path in (tmp_path / "mended", folder / "comp4")
    )
    assert np.abs(mended.boxes - true.boxes).max() < (1 if finding == "box-scale" else 0.51)


def in_yolo_files(folder, target, change):
    """Copy the YOLO folder with every box changed by a function of centre, extent and size of its image, all in pixels."""
    truth = load_ground_truth(folder / "truth.json")
    sizes = dict(zip(truth.image_ids, truth.image_sizes.tolist(), strict=True))
    target.mkdir()
    for file in (folder / "labels").glob("*.txt"):
        width, height = sizes[file.stem.lstrip("0") if file.stem not in sizes else file.stem]
        rows = [line.split() for line in file.read_text().splitlines()]
        pixels = [
            (k, [float(v) * side for v, side in zip(box, (width, height) * 2, strict=True)], s)
            for k, *box, s in rows
        ]
        changed = [[k, *change(*box, width, height), s] for k, box, s in pixels]
        (target / file.name).write_text("".join(" ".join(map(str, row)) + "\n" for row in changed))
    return target


def letterboxed(x, y, w, h, width, height):
    side = max(width, height)
    return [(x + (side - width) / 2) / side, (y + (side - height) / 2) / side, w / side, h / side]


@pytest.mark.parametrize(
    ("change", "finding", "said"),
    [
        (lambda x, y, w, h, *_: [x, y, w, h], "box-normalised", "pixels, cxcywh"),
        (
            lambda x, y, w, h, *_: [x - w / 2, y - h / 2, x + w / 2, y + h / 2],
            "box-format-xyxy",
            "pixels, xyxy",
        ),
        (letterboxed, "box-normalised", "fractions of a letterbox, cxcywh"),
        (
            lambda x, y, w, h, a, b: [v / max(a, b) for v in (x, y, w, h)],
            "box-normalised",
            "fractions of a square",
        ),
        (
            lambda x, y, w, h, *size: letterboxed(x - w / 2, y - h / 2, w, h, *size),
            "box-normalised",
            "fractions of a letterbox, xywh",
        ),
    ],
    ids=["pixels", "pixels, xyxy", "letterbox", "square", "letterbox, xywh"],
)
def test_boxes_of_yolo_files(folder, tmp_path, change, finding, said):
    truth, spoilt = folder / "truth.json", in_yolo_files(folder, tmp_path / "spoilt", change)
    [found] = [each for each in examine(truth, spoilt) if each.severity != "note"]
    assert found.id == finding
    assert found.evidence.startswith(f"read as {said}")
    mend(truth, spoilt, [finding], tmp_path / "mended")
    assert ids(examine(truth, tmp_path / "mended")) == []
    mended, true = (
        load_detections(path, load_ground_truth(truth))
        for path in (tmp_path / "mended", folder / "labels")
    )
    assert np.abs(mended.boxes - true.boxes).max() < 1e-2


def test_classes_of_yolo_files_with_a_point(folder, tmp_path):
    """They are whole numbers for `detbench eval`, too."""
    spoilt = rewritten(
        folder / "labels", tmp_path / "spoilt", lambda words: [f"{words[0]}.0", *words[1:]]
    )
    load_detections(spoilt, load_ground_truth(folder / "truth.json"))
    assert ids(examine(folder / "truth.json", spoilt)) == []
    shifted = rewritten(
        folder / "labels",
        tmp_path / "shifted",
        lambda words: [f"{int(words[0]) + 1}.0", *words[1:]],
    )
    assert ids(examine(folder / "truth.json", shifted)) == ["classes-permuted"]


def test_yolo_files_without_confidence(folder, tmp_path):
    spoilt = rewritten(folder / "labels", tmp_path / "spoilt", lambda words: words[:5])
    [finding] = [each for each in examine(folder / "truth.json", spoilt) if each.severity != "note"]
    assert finding.id == "not-a-number"
    assert "5 values, 6 belong there, the confidence seems to be missing" in finding.evidence


def test_swapped_files_of_classes(folder, tmp_path):
    spoilt = rewritten(folder / "comp4", tmp_path / "spoilt", list)
    first, second = (spoilt / f"comp4_det_test_{name}.txt" for name in ("circle", "square"))
    text = first.read_text()
    first.write_text(second.read_text())
    second.write_text(text)
    truth = folder / "VOCdevkit" / "VOC2007"
    [finding] = [each for each in examine(truth, spoilt, split="test") if each.severity != "note"]
    assert finding.id == "classes-permuted"
    assert "circle → square, square → circle" in finding.evidence


@pytest.mark.parametrize(
    ("word", "finding"), [("nan", "not-finite"), ("inf", "not-finite"), ("high", "not-a-number")]
)
def test_words_in_text_files(folder, tmp_path, word, finding):
    spoilt = rewritten(folder / "comp4", tmp_path / "spoilt", list)
    file = spoilt / "comp4_det_test_circle.txt"
    lines = file.read_text().splitlines()
    name, _, *box = lines[2].split()
    file.write_text("\n".join([*lines[:2], " ".join([name, word, *box]), *lines[3:], ""]))
    [found] = [each for each in examine(folder / "truth.json", spoilt) if each.severity != "note"]
    assert found.id == finding
    assert found.evidence.startswith("1 of ")
    if finding == "not-a-number":
        assert "comp4_det_test_circle.txt, line 3" in found.evidence


def test_a_class_without_file(folder, tmp_path):
    spoilt = rewritten(folder / "comp4", tmp_path / "spoilt", list)
    (spoilt / "comp4_det_test_word.txt").unlink()
    assert "detections-empty" in ids(
        examine(folder / "VOCdevkit" / "VOC2007", spoilt, split="test")
    )


def test_flags_lost_from_voc_annotations(folder, tmp_path):
    """The class lists still say 0 where an image holds only difficult objects of a class."""
    import shutil

    shutil.copytree(folder / "VOCdevkit", tmp_path / "VOCdevkit")
    year = tmp_path / "VOCdevkit" / "VOC2007"
    assert ids(examine(year, folder / "comp4", split="test")) == []
    for file in (year / "Annotations").glob("*.xml"):
        file.write_text(
            file.read_text().replace("<difficult>1</difficult>", "<difficult>0</difficult>")
        )
    [finding] = [
        each for each in examine(year, folder / "comp4", split="test") if each.severity != "note"
    ]
    assert finding.id == "flags-lost"
    assert "entries of the class lists" in finding.evidence


class TestCommand:
    def test_a_clean_set(self, command, folder):
        outcome = command("doctor", folder / "truth.json", folder / "found.json")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith("nothing found")

    def test_json_has_the_documented_shape(self, command, folder, tmp_path):
        (tmp_path / "empty.json").write_text("[]")
        outcome = command("doctor", folder / "truth.json", tmp_path / "empty.json", "--json", "-")
        assert outcome.code == 1
        document = json.loads(outcome.out)
        assert document["schema_version"] == 1
        assert [sorted(each) for each in document["findings"]] == [
            ["evidence", "fix", "id", "severity"]
        ]
        assert document["findings"][0]["id"] == "detections-empty"
        command(
            "doctor",
            folder / "truth.json",
            tmp_path / "empty.json",
            "--json",
            tmp_path / "out.json",
        )
        assert json.loads((tmp_path / "out.json").read_text()) == document

    def test_the_report_names_finding_evidence_and_fix(self, command, folder, tmp_path):
        (tmp_path / "empty.json").write_text("[]")
        lines = command("doctor", folder / "truth.json", tmp_path / "empty.json").out.splitlines()
        advice = "  advice: check that this is the file of a finished run"
        assert lines == [
            "1 error",
            "",
            "error: detections-empty",
            "  there are no detections",
            advice,
        ]

    def test_a_cut_off_file_is_an_input_error(self, command, folder, tmp_path):
        (tmp_path / "cut.json").write_bytes((folder / "found.json").read_bytes()[:500])
        outcome = command("doctor", folder / "truth.json", tmp_path / "cut.json")
        assert outcome.code == 2
        assert "the JSON ends in the middle" in outcome.err

    def test_mend_needs_a_place(self, command, folder):
        assert (
            command(
                "doctor", folder / "truth.json", folder / "found.json", "--mend", "box-scale"
            ).code
            == 2
        )

    def test_findings_and_detections_are_written_one_after_the_other(
        self, command, folder, tmp_path
    ):
        files = [folder / "truth.json", folder / "found.json"]
        outcome = command(
            "doctor", *files, "--mend", "box-scale", "-o", tmp_path / "mended.json", "--json", "-"
        )
        assert outcome.code == 2
        assert "run `detbench doctor` once for each" in outcome.err
