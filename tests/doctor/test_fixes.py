"""The printed commands give the promised score, with one mistake and with two, and never a file without what it should hold."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine, mend
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluate import evaluate
from tests.experiments.mistakes import MISTAKES, Mistake, Pair, boxes

ROW_BY_ROW = ("image-ids-unknown", "not-finite", "negative-size", "zero-area")
"""Mistakes of some rows, which are left out."""


def in_a_letterbox(x, y, w, h, width, height):
    """Return a box in fractions of the letterbox around its image."""
    side = max(width, height)
    return [(x + (side - width) / 2) / side, (y + (side - height) / 2) / side, w / side, h / side]


FURTHER = (
    Mistake(
        "y, x, height, width",
        "y x h w",
        "box-format-yxyx",
        boxes(lambda x, y, w, h, *_: [y, x, h, w]),
    ),
    Mistake("normalised", "letterbox", "box-normalised", boxes(in_a_letterbox)),
    Mistake(
        "wrong scale",
        "512 × 384",
        "box-scale",
        boxes(lambda x, y, w, h, a, b: [x * 512 / a, y * 384 / b, w * 512 / a, h * 384 / b]),
    ),
    Mistake(
        "wrong scale",
        "sides exchanged",
        "box-scale",
        boxes(lambda x, y, w, h, a, b: [x * b / a, y * a / b, w * b / a, h * a / b]),
    ),
)
IDS = (
    "pixel-offset",
    "classes-permuted",
    "class-ids-80-91",
    "image-ids-shifted",
    "detections-doubled",
    "not-a-number",
    "score-range",
)
MENDED = [
    each
    for each in MISTAKES
    if each.id.startswith(("box-", "letterbox"))
    or (each.id in (*IDS, *ROW_BY_ROW) and each.how != "shuffled")
]


def planted(folder, place, *mistakes):
    """Write the made set with mistakes into a folder and return both paths."""
    pair = Pair(
        json.loads((folder / "truth.json").read_text()),
        json.loads((folder / "found.json").read_text()),
    )
    for mistake in mistakes:
        mistake.plant(pair)
    for name, value in (("truth", pair.truth), ("found", pair.found)):
        (place / f"{name}.json").write_text(json.dumps(value))
    return place / "truth.json", place / "found.json"


def precision(truth, found):
    ground_truth = load_ground_truth(truth)
    return evaluate(ground_truth, load_detections(found, ground_truth)).average_precision


@pytest.fixture(scope="module")
def true_precision(folder):
    return precision(folder / "truth.json", folder / "found.json")


def run_fixes(command, findings):
    """Run the commands of errors and warnings, each once, as a shell would take them apart; return how many there were."""
    fixes = {
        finding.fix for finding in findings if finding.severity != "note" and finding.is_command
    }
    for fix in fixes:
        program, *words = shlex.split(fix)
        if program == "python":
            subprocess.run([sys.executable, *words], check=True)
        else:
            assert command(*words).code == 0
    return len(fixes)


def promised(finding):
    """Return the score that the evidence promises."""
    return float(re.search(r"AP goes from \S+ to (\.\d+|1\.\d+)", finding.evidence)[1])


@pytest.mark.parametrize("mistake", [*MENDED, *FURTHER], ids=lambda each: f"{each.id}, {each.how}")
def test_the_fix_of_one_mistake_restores_the_score(
    folder, tmp_path, command, true_precision, mistake
):
    truth, found = planted(folder, tmp_path, mistake)
    before = found.read_bytes()
    findings = examine(truth, found)
    [finding] = [each for each in findings if each.id == mistake.id]
    if finding.severity == "note":
        words = shlex.split(finding.fix)[1:]
        assert command(*words).code == 0
        target = tmp_path / f"found-fixed-{mistake.id}.json"
    else:
        assert run_fixes(command, findings) == 1
        target = tmp_path / "found-fixed.json"
    assert found.read_bytes() == before
    assert [each.id for each in examine(truth, target) if each.severity != "note"] == []
    if mistake.id in ROW_BY_ROW:
        original, kept = (
            {
                (
                    row["image_id"],
                    row["category_id"],
                    round(row["score"], 5),
                    *(round(side, 1) for side in row["bbox"]),
                )
                for row in rows
            }
            for rows in (json.loads(path.read_text()) for path in (folder / "found.json", target))
        )
        assert kept < original
        assert len(kept) >= 0.89 * len(original)
    else:
        assert precision(truth, target) == pytest.approx(
            true_precision, abs=0.006 if mistake.id == "box-scale" else 1e-3
        )


def named(how):
    return next(each for each in MISTAKES if each.how == how)


IMAGES, FORMATS = (
    ("+1 id", "positions"),
    ("x1 y1 x2 y2", "cx cy w h", "y1 x1 y2 x2", "xywh", "416 × 416", "half", "640 × 640"),
)
CLASSES, ROWS = (
    ("two swapped", "all shifted", "from 0"),
    ("percent", "a tenth", "NaN score", "whole file", "scores as text"),
)
BY_NAME = {each.how: each for each in MISTAKES} | {
    "+1 id": next(each for each in MISTAKES if (each.id, each.how) == ("image-ids-shifted", "+1")),
    "xywh": next(each for each in MISTAKES if (each.id, each.how) == ("box-normalised", "xywh")),
}
PAIRS = [
    (first, second)
    for firsts, seconds in (
        (IMAGES, FORMATS),
        (IMAGES, CLASSES),
        (FORMATS, CLASSES),
        (("x1 y1 x2 y2", "two swapped", "+1 id"), ROWS),
    )
    for first in firsts
    for second in seconds
] + [
    ("416 × 416", "x1 y1 x2 y2"),
    ("640 × 640", "x1 y1 x2 y2"),
    ("half", "x1 y1 x2 y2"),
    ("half", "cx cy w h"),
]


@pytest.mark.parametrize("hows", PAIRS, ids=" and ".join)
def test_two_mistakes_are_both_found_and_mended(folder, tmp_path, command, true_precision, hows):
    """The one planted last hides the one before; a tenth of the detections, or one in a hundred, is left out where rows are spoilt."""
    mistakes = [BY_NAME[how] for how in hows]
    later_images = sorted(
        mistakes, key=lambda each: (each.id.startswith("image-ids"), each.id == "not-finite")
    )
    truth, found = planted(folder, tmp_path, *later_images)
    findings = [each for each in examine(truth, found) if each.severity != "note"]
    expected = sorted(
        {"letterbox-offset" if each.how == "416 × 416" else each.id for each in mistakes}
    )
    assert sorted(each.id for each in findings) == expected
    assert run_fixes(command, findings) == 1
    assert [
        each.id for each in examine(truth, tmp_path / "found-fixed.json") if each.severity != "note"
    ] == []
    lost = 0.12 if "a tenth" in hows else 0.03 if "NaN score" in hows else 0.006
    assert precision(truth, tmp_path / "found-fixed.json") == pytest.approx(
        true_precision, abs=lost
    )


def test_the_second_finding_is_proven_given_the_first(folder, tmp_path, true_precision):
    truth, found = planted(folder, tmp_path, BY_NAME["x1 y1 x2 y2"], BY_NAME["two swapped"])
    first, second = examine(truth, found)
    assert "with box-format-xyxy mended" in second.evidence
    assert promised(first) < promised(second) == pytest.approx(true_precision, abs=1e-3)
    assert first.fix == second.fix


def test_a_format_and_a_scale_are_proven_together(folder, tmp_path, true_precision):
    """Neither puts boxes onto objects alone."""
    truth, found = planted(folder, tmp_path, BY_NAME["half"], BY_NAME["x1 y1 x2 y2"])
    first, second = examine(truth, found)
    assert "both so read, AP goes from" in first.evidence
    assert promised(first) == promised(second) == pytest.approx(true_precision, abs=6e-3)


def test_ground_truth_is_mended_by_one_command(folder, tmp_path, command):
    """Areas, ids and a class whose annotations have texts: what is written holds all of it."""
    truth, found = planted(folder, tmp_path, BY_NAME["missing"], BY_NAME["duplicate"])
    document = json.loads(truth.read_text())
    for row in document["annotations"][:5]:
        row["bbox"] = [str(side) for side in row["bbox"]]
    truth.write_text(json.dumps(document))
    findings = examine(truth, found)
    assert {each.id for each in findings if each.severity != "note"} == {
        "area-missing",
        "annotation-ids-duplicate",
        "not-a-number",
    }
    assert run_fixes(command, findings) == 1
    assert [
        each.id for each in examine(tmp_path / "truth-fixed.json", found) if each.severity != "note"
    ] == []
    original, mended = (
        json.loads(path.read_text())
        for path in (folder / "truth.json", tmp_path / "truth-fixed.json")
    )
    assert [row["bbox"] for row in mended["annotations"]] == [
        row["bbox"] for row in original["annotations"]
    ]
    assert [row["area"] for row in mended["annotations"]] == pytest.approx(
        [row["area"] for row in original["annotations"]]
    )
    assert len({row["id"] for row in mended["annotations"]}) == len(original["annotations"])


@pytest.mark.parametrize(
    "mistake",
    [each for each in MISTAKES if each.id.startswith(("area", "annotation"))],
    ids=lambda each: each.how,
)
def test_the_fix_of_annotations_is_a_command_that_mends(folder, tmp_path, command, mistake):
    truth, found = planted(folder, tmp_path, mistake)
    assert run_fixes(command, examine(truth, found)) == 1
    assert [
        each.id for each in examine(tmp_path / "truth-fixed.json", found) if each.severity != "note"
    ] == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.id}, {each.how}")
def test_every_fix_can_be_pasted(folder, tmp_path, mistake):
    """A shell parses it; what is no command is a comment."""
    truth, found = planted(folder, tmp_path, mistake)
    for finding in examine(truth, found):
        fix = finding.record()["fix"]
        assert fix.startswith(("detbench doctor ", "python -c ", "# "))
        assert subprocess.run(["bash", "-n", "-c", fix], capture_output=True).stderr == b""
        assert finding.is_command == (not fix.startswith("#"))


def test_the_protocol_is_part_of_the_command(folder, tmp_path, command):
    truth, found = planted(folder, tmp_path, BY_NAME["x1 y1 x2 y2"])
    [finding] = examine(truth, found, protocol="voc2012")
    assert "--protocol voc2012" in finding.fix
    assert run_fixes(command, [finding]) == 1


def in_another_order(folder, place, change=lambda row: row, step=7):
    """Write the made set with images listed in no order of their ids, and detections that have places in this list for ids."""
    truth, found = (
        json.loads((folder / name).read_text()) for name in ("truth.json", "found.json")
    )
    images = truth["images"]
    truth["images"] = [images[(step * n) % len(images)] for n in range(len(images))]
    places = {image["id"]: n for n, image in enumerate(truth["images"])}
    for row in map(change, found):
        row["image_id"] = places[row["image_id"]]
    for name, value in (("truth", truth), ("found", found)):
        (place / f"{name}.json").write_text(json.dumps(value))
    return place / "truth.json", place / "found.json"


def as_corners(row):
    x, y, w, h = row["bbox"]
    row["bbox"] = [x, y, x + w, y + h]
    return row


@pytest.mark.parametrize(
    ("change", "also"),
    [(lambda row: row, []), (as_corners, ["box-format-xyxy"])],
    ids=["alone", "and xyxy"],
)
def test_positions_in_the_order_of_the_file(
    folder, tmp_path, command, true_precision, change, also
):
    """As pycocotools lists the images."""
    truth, found = in_another_order(folder, tmp_path, change)
    findings = [each for each in examine(truth, found) if each.severity != "note"]
    assert [each.id for each in findings] == ["image-ids-shifted", *also]
    assert (
        "positions in the list of images in the order of the file, from 0" in findings[0].evidence
    )
    assert run_fixes(command, findings) == 1
    assert precision(truth, tmp_path / "found-fixed.json") == pytest.approx(
        true_precision, abs=1e-3
    )


@pytest.mark.parametrize("change", [lambda row: row, as_corners], ids=["xywh", "xyxy"])
def test_places_in_a_list_that_nobody_has_are_not_guessed(folder, tmp_path, change):
    """One of hundreds of readings always fits a little better than nothing: it is not called the right one."""
    truth, found = in_another_order(folder, tmp_path, change)
    (tmp_path / "truth.json").write_text((folder / "truth.json").read_text())
    findings = [each for each in examine(truth, found) if each.severity != "note"]
    assert [each.id for each in findings] == ["wrong-split"]


def test_a_mend_that_leaves_what_cannot_be_scored_is_refused(folder, tmp_path):
    truth, found = planted(folder, tmp_path, BY_NAME["x1 y1 x2 y2"], BY_NAME["a tenth"])
    with pytest.raises(
        DetbenchError, match="would be lost; mend as well: --mend image-ids-unknown"
    ):
        mend(truth, found, ["box-format-xyxy"], tmp_path / "mended.json")
    assert not (tmp_path / "mended.json").exists()


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda row: row["bbox"].__setitem__(2, 0), "zero-area"),
        (lambda row: row.update(score="high"), "not-a-number"),
        (lambda row: row.update(score=float("nan")), "not-finite"),
    ],
)
def test_nothing_is_mended_by_leaving_everything_out(folder, tmp_path, command, spoil, finding):
    truth, found = planted(folder, tmp_path)
    rows = json.loads(found.read_text())
    for row in rows[: int(0.98 * len(rows))]:
        spoil(row)
    found.write_text(json.dumps(rows))
    findings = examine(truth, found)
    [named] = [each for each in findings if each.id == finding]
    assert named.fix.startswith("write the file again")
    assert not any(each.is_command for each in findings)
    outcome = command("doctor", truth, found, "--mend", finding, "-o", tmp_path / "mended.json")
    assert outcome.code == 2
    assert f"there is no {finding} that can be mended here" in outcome.err
    assert not (tmp_path / "mended.json").exists()


def other_classes(row):
    row["category_id"] = 400


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda row: row.update(score=float("nan")), "not-finite"),
        (other_classes, "class-ids-80-91"),
    ],
    ids=["NaN", "unknown classes"],
)
def test_nothing_is_mended_of_detections_of_other_images(folder, tmp_path, spoil, finding):
    """What would be written could not be scored."""
    truth, found = planted(folder, tmp_path)
    rows = json.loads(found.read_text())
    for row in rows:
        row["image_id"] += 10_000_000
    for row in rows[::7]:
        spoil(row)
    found.write_text(json.dumps(rows))
    findings = [each for each in examine(truth, found) if each.severity != "note"]
    assert {each.id for each in findings} == {"wrong-split", finding}
    assert not any(each.is_command for each in findings)
    [other] = [each for each in findings if each.id == finding]
    assert other.fix == "see to wrong-split first: these are detections of other images"
    with pytest.raises(DetbenchError, match="nothing can be"):
        mend(truth, found, [finding], tmp_path / "mended.json")


def test_a_folder_is_written_beside_and_not_written_over(folder, tmp_path, command):
    spoilt = tmp_path / "comp4"
    spoilt.mkdir()
    for file in (folder / "comp4").glob("*.txt"):
        rows = [line.split() for line in file.read_text().splitlines()]
        lines = [
            [
                name,
                score,
                *(2 * float(side) - base for side, base in zip(box, (1, 1, 0, 0), strict=True)),
            ]
            for name, score, *box in rows
        ]
        (spoilt / file.name).write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
    [finding] = [each for each in examine(folder / "truth.json", spoilt) if each.severity != "note"]
    assert run_fixes(command, [finding]) == 1
    true, mended = (
        precision(folder / "truth.json", path)
        for path in (folder / "comp4", tmp_path / "comp4-fixed")
    )
    assert mended == pytest.approx(true, abs=0.006)
    again = command(*shlex.split(finding.fix)[1:])
    assert again.code == 2
    assert "already exists and is not an empty folder" in again.err


def test_a_repeated_command_writes_the_same_file_again(folder, tmp_path, command):
    truth, found = planted(folder, tmp_path, BY_NAME["x1 y1 x2 y2"])
    findings = examine(truth, found)
    run_fixes(command, findings)
    first = (tmp_path / "found-fixed.json").read_bytes()
    run_fixes(command, findings)
    assert (tmp_path / "found-fixed.json").read_bytes() == first


def test_class_names_in_yolo_files_become_numbers(folder, tmp_path):
    names = load_ground_truth(folder / "truth.json").class_names
    spoilt = tmp_path / "labels"
    spoilt.mkdir()
    for file in (folder / "labels").glob("*.txt"):
        rows = [line.split() for line in file.read_text().splitlines()]
        (spoilt / file.name).write_text(
            "".join(" ".join([names[int(k)], *rest]) + "\n" for k, *rest in rows)
        )
    [finding] = [each for each in examine(folder / "truth.json", spoilt) if each.severity != "note"]
    assert finding.id == "classes-permuted"
    mend(folder / "truth.json", spoilt, ["classes-permuted"], tmp_path / "mended")
    true, mended = (
        precision(folder / "truth.json", path) for path in (folder / "labels", tmp_path / "mended")
    )
    assert mended == pytest.approx(true, abs=1e-6)


def test_nothing_can_be_mended_where_nothing_is_wrong(folder, tmp_path):
    with pytest.raises(
        DetbenchError, match="there is no box-scale that can be mended here, nothing can be"
    ):
        mend(folder / "truth.json", folder / "found.json", ["box-scale"], tmp_path / "mended.json")
