"""`--groups`: every command with intervals resamples groups as a whole; scores do not change."""

import json

import pytest

from detbench.bench.runs import read_run
from detbench.data.load import load_ground_truth
from detbench.errors import NotComparableError
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL
from detbench.reports.frames import frames


@pytest.fixture
def pairs(files, tmp_path):
    """The small dataset's eight images two by two, as CSV."""
    ids = load_ground_truth(files.ground_truth("coco")).image_ids
    path = tmp_path / "pairs.csv"
    path.write_text(
        "image,group\n" + "".join(f"{image_id},video {n // 2}\n" for n, image_id in enumerate(ids))
    )
    return path


def test_eval(command, files, pairs, tmp_path):
    arguments = ("eval", files.ground_truth("coco"), files.detections("coco"))
    shuffled = pairs.with_name("shuffled.csv")
    header, *rows = pairs.read_text().splitlines(keepends=True)
    shuffled.write_text("".join([header, *reversed(rows)]))
    assert scored(command, *arguments, "--groups", shuffled) == scored(
        command, *arguments, "--groups", pairs
    )
    alone, grouped = (
        {"out": command(*arguments, *options).out, **scored(command, *arguments, *options)}
        for options in ((), ("--groups", pairs))
    )
    assert "8 images, " in alone["out"]
    assert "8 images in 4 groups, " in grouped["out"]
    assert alone["summary"] == grouped["summary"]
    assert alone["intervals"]["summary"] != grouped["intervals"]["summary"]
    assert (alone["intervals"]["groups"], grouped["intervals"]["groups"]) == (None, 4)
    assert command(*arguments, "--groups", pairs, "-o", tmp_path / "runs").code == 0
    run = read_run(next((tmp_path / "runs").iterdir()))
    assert run.ground_truth.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert run.record["options"]["passed"]["groups"] == str(pairs)
    again = scored(command, "eval", tmp_path / "runs/detections", tmp_path / "runs/detections")
    assert again["intervals"] == grouped["intervals"]


def scored(command, *arguments):
    [run] = json.loads(command(*arguments, "--json", "-").out)["runs"]
    return {key: run[key] for key in ("summary", "intervals")}


def test_compare_and_report_keep_runs_with_other_groups_apart(command, files, pairs, tmp_path):
    arguments = (
        "compare",
        files.ground_truth("coco"),
        files.detections("coco"),
        files.detections("parquet"),
        "--name",
        "a",
        "--name",
        "b",
        "-o",
    )
    assert command(*arguments, tmp_path / "grouped", "--groups", pairs).code == 0
    assert command(*arguments, tmp_path / "alone").code == 0
    refused = command(*arguments, tmp_path / "grouped")
    assert refused.code == 2
    assert "already holds a run with different groups of images (--groups)" in refused.err
    page = tmp_path / "again.html"
    assert command("report", tmp_path / "grouped", "-o", page).code == 0
    assert "8 images in 4 groups, " in page.read_text()
    assert WHY_NO_INTERVAL in page.read_text()
    assert command("report", tmp_path / "grouped", tmp_path / "alone", "-o", page).code == 0
    assert "must not be compared across the 2 comparisons on this page: 1. " in page.read_text()
    both = [next((tmp_path / name / "runs").iterdir()) for name in ("grouped", "alone")]
    with pytest.raises(NotComparableError, match="different groups of images"):
        frames(both).require_one_group()


def test_analyze(command, files, pairs, tmp_path):
    arguments = (
        "analyze",
        files.ground_truth("coco"),
        files.detections("coco"),
        "--resamples",
        100,
        "--json",
        "-",
    )
    alone, grouped = (
        json.loads(command(*arguments, *options).out)["runs"][0]
        for options in ((), ("--groups", pairs))
    )
    assert [row["cost"] for row in alone["tide"]] == [row["cost"] for row in grouped["tide"]]
    assert alone["thresholds"] != grouped["thresholds"]
    assert alone["slices"] != grouped["slices"]


def test_gate_reads_them_from_the_runs(command, files, pairs, tmp_path):
    for name, options in (("grouped", ("--groups", pairs)), ("alone", ())):
        assert (
            command(
                "eval",
                files.ground_truth("coco"),
                files.detections("coco"),
                "-o",
                tmp_path / name,
                *options,
            ).code
            == 0
        )
    rules = tmp_path / "gate.toml"
    rules.write_text('[[rule]]\nmeasure = "AP"\nminimum_effect = 0.01\n')

    def verdicts(baseline, *options):
        outcome = command(
            "gate",
            tmp_path / baseline / "detections",
            tmp_path / "alone/detections",
            "--rules",
            rules,
            "--json",
            "-",
            *options,
        )
        return json.loads(outcome.out)

    assert verdicts("grouped") | {"baseline": None} == verdicts("alone", "--groups", pairs) | {
        "baseline": None
    }


def test_a_file_without_groups(command, files, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    refused = command(
        "eval",
        files.ground_truth("coco"),
        files.detections("coco"),
        "--groups",
        tmp_path / "other.csv",
    )
    assert refused.code == 2
    assert "expected the header image,group, got a,b" in refused.err
