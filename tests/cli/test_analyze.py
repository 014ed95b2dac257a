"""`detbench analyze` on a small dataset, on run folders, and on real detectors."""

from __future__ import annotations

import json

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.errors.tide import tide
from detbench.metrics.scoring.evaluate import evaluate


def parsed(outcome) -> dict:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_numbers_of_both_detectors(command, files):
    document = parsed(
        command(
            "analyze",
            files.truth("voc"),
            files.found("voc"),
            files.found("coco"),
            "--replicates",
            "5",
            "--json",
            "-",
        )
    )
    truth = load_ground_truth(files.truth("voc"))
    for run, path in zip(document["runs"], (files.found("voc"), files.found("coco")), strict=True):
        expected = tide(evaluate(truth, load_detections(path, truth)))
        assert {
            name: cost["value"] for name, cost in run["tide"]["costs"].items()
        } == expected.costs
        assert run["tide"]["base_interval"]


def test_tables_and_files(command, files, tmp_path):
    targets = [
        "--json",
        tmp_path / "a.json",
        "--csv",
        tmp_path / "csv",
        "--plots",
        tmp_path / "plots",
    ]
    outcome = command(
        "analyze", files.truth("voc"), files.found("voc"), "--replicates", "0", *targets
    )
    assert outcome.code == 0, outcome.err
    assert "Bkg" in outcome.out
    assert json.loads((tmp_path / "a.json").read_text())["replicates"] == 0
    assert (tmp_path / "csv" / "tide.csv").is_file()
    assert (tmp_path / "plots" / "tide.png").is_file()


def test_run_folders_give_the_same(command, files, tmp_path):
    assert (
        command(
            "eval",
            files.truth("voc"),
            files.found("voc"),
            "--protocol",
            "coco",
            "-o",
            tmp_path / "runs",
        ).code
        == 0
    )
    options = ("--replicates", "0", "--json", "-")
    from_run = parsed(command("analyze", tmp_path / "runs" / "comp4", *options))
    assert from_run == parsed(
        command("analyze", files.truth("voc"), files.found("voc"), "--protocol", "coco", *options)
    )


def test_slices_of_a_table(command, files, tmp_path):
    ids = load_ground_truth(files.truth("voc")).image_ids
    table = tmp_path / "light.csv"
    table.write_text(
        "image_id,light\n"
        + "".join(f"{image},{'day' if n % 2 else 'night'}\n" for n, image in enumerate(ids))
    )
    document = parsed(
        command(
            "analyze",
            files.truth("voc"),
            files.found("voc"),
            "--slices",
            table,
            "--replicates",
            "0",
            "--json",
            "-",
        )
    )
    found = [each for each in document["runs"][0]["slices"] if each["attribute"] == "light"]
    assert {each["value"]: each["images"] for each in found} == {"day": 4, "night": 4}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            lambda files, folder: [files.truth("voc")],
            "give detections after the ground truth, or run folders",
        ),
        (lambda files, folder: [files.truth("voc"), folder / "none"], "no such file or folder"),
        (
            lambda files, folder: [
                files.truth("voc"),
                files.found("voc"),
                "--slices",
                folder / "none.csv",
            ],
            "cannot be read as CSV",
        ),
        *(
            (
                lambda files, folder, beta=beta: [
                    files.truth("voc"),
                    files.found("voc"),
                    "--beta",
                    beta,
                ],
                "beta must be a number from 0.01",
            )
            for beta in ("0", "nan", "1e200")
        ),
        (
            lambda files, folder: [
                files.truth("voc"),
                files.found("voc"),
                "--json",
                files.found("voc"),
            ],
            "is a folder",
        ),
    ],
)
def test_mistakes_are_one_sentence(command, files, tmp_path, arguments, problem):
    outcome = command("analyze", *arguments(files, tmp_path))
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert problem in outcome.err


def test_images_of_the_table_that_are_not_there(command, files, tmp_path):
    ids = load_ground_truth(files.truth("voc")).image_ids
    table = tmp_path / "files.csv"
    table.write_text(
        "image_id,light\n" + "".join(f"{image},day\n" for image in ids[:2]) + "elsewhere,day\n"
    )
    outcome = command(
        "analyze", files.truth("voc"), files.found("voc"), "--slices", table, "--replicates", "0"
    )
    assert outcome.code == 0
    assert "1 of 3 images are not in" in outcome.err
    assert "'elsewhere'" in outcome.err


def test_a_column_of_a_built_in_name(command, files, tmp_path):
    ids = load_ground_truth(files.truth("voc")).image_ids
    table = tmp_path / "files.csv"
    table.write_text("image_id,objects\n" + "".join(f"{image},3\n" for image in ids))
    outcome = command(
        "analyze", files.truth("voc"), files.found("voc"), "--slices", table, "--replicates", "0"
    )
    assert outcome.code == 2
    assert "attribute 'objects' is built in already" in outcome.err


def test_options_that_run_folders_do_not_take(command, files, tmp_path):
    assert (
        command("eval", files.truth("voc"), files.found("voc"), "-o", tmp_path / "runs").code == 0
    )
    outcome = command("analyze", tmp_path / "runs" / "comp4", "--protocol", "coco")
    assert outcome.code == 2
    assert "run folders say themselves" in outcome.err


def test_real_detector(command, shared_data):
    """The numbers of tidecv 1.0.1 where difficult objects count, but for score ties and what lies beyond 100 detections of an image."""
    truth = shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz"
    run = parsed(
        command(
            "analyze",
            truth,
            shared_data / "dets_voc" / "htt1084_d56c7e49",
            "--protocol",
            "coco",
            "--replicates",
            "0",
            "--json",
            "-",
        )
    )["runs"][0]
    costs = {name: cost["value"] for name, cost in run["tide"]["costs"].items()}
    published = {
        "Cls": 0.0265,
        "Loc": 0.0978,
        "Both": 0.0080,
        "Dupe": 0.0014,
        "Bkg": 0.0230,
        "Miss": 0.0573,
        "FP": 0.1176,
        "FN": 0.1766,
    }
    assert costs == pytest.approx(published, abs=1e-4)
    assert run["tide"]["base"] == pytest.approx(0.657683, abs=2e-5)
