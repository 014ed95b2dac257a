"""`detbench analyze` on a small dataset, on run folders, and on real detectors."""

from __future__ import annotations

import json

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.errors.tide import tide
from detbench.metrics.scoring.evaluate import evaluate

NO_INTERVALS = ("--resamples", "0")
TO_STDOUT = ("--json", "-")


def parsed(outcome) -> dict:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def costs_of(run):
    return {row["kind"]: row["cost"] for row in run["tide"]}


@pytest.fixture
def inputs(files):
    """Ground truth and detections of one detector."""
    return files.ground_truth("voc"), files.detections("voc")


def write_table(path, column, values):
    """Write a CSV with one attribute of images, given as (image_id, value)."""
    lines = [f"image_id,{column}", *(f"{image},{value}" for image, value in values)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_numbers_of_both_detectors(command, files):
    paths = files.detections("voc"), files.detections("coco")
    ground_truth = load_ground_truth(files.ground_truth("voc"))
    document = parsed(
        command("analyze", files.ground_truth("voc"), *paths, "--resamples", "300", *TO_STDOUT)
    )
    for run, path in zip(document["runs"], paths, strict=True):
        expected = tide(evaluate(ground_truth, load_detections(path, ground_truth)))
        assert costs_of(run) == {"base": expected.base, **expected.costs}
        assert run["tide"][0]["cost_interval"]


def test_tables_and_files(command, inputs, tmp_path):
    targets = ("--json", tmp_path / "a.json", "--csv", tmp_path / "csv", "--plots", tmp_path / "p")
    outcome = command("analyze", *inputs, *NO_INTERVALS, *targets)
    assert outcome.code == 0, outcome.err
    assert "Bkg" in outcome.out
    assert json.loads((tmp_path / "a.json").read_text())["resamples"] == 0
    assert (tmp_path / "csv" / "tide.csv").is_file()
    assert (tmp_path / "p" / "tide.png").is_file()


def test_run_folders_give_the_same(command, inputs, tmp_path):
    protocol = ("--protocol", "coco")
    assert command("eval", *inputs, *protocol, "-o", tmp_path / "runs").code == 0
    options = (*NO_INTERVALS, *TO_STDOUT)
    from_run = parsed(command("analyze", tmp_path / "runs" / "comp4", *options))
    assert from_run == parsed(command("analyze", *inputs, *protocol, *options))


def test_slices_of_a_table(command, inputs, tmp_path):
    image_ids = load_ground_truth(inputs[0]).image_ids
    values = [(image, "day" if n % 2 else "night") for n, image in enumerate(image_ids)]
    table = write_table(tmp_path / "light.csv", "light", values)
    document = parsed(command("analyze", *inputs, "--slices", table, *NO_INTERVALS, *TO_STDOUT))
    slices = [row for row in document["runs"][0]["slices"] if row["attribute"] == "light"]
    assert {row["value"]: row["images"] for row in slices} == {"day": 4, "night": 4}


@pytest.mark.parametrize("beta", ["0", "nan", "1e200"])
def test_invalid_beta(command, inputs, beta):
    outcome = command("analyze", *inputs, "--beta", beta)
    assert outcome.code == 2
    assert "beta must be a number from 0.01" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (lambda files, folder: (files.ground_truth("voc"),), "has no detections"),
        (
            lambda files, folder: (files.ground_truth("voc"), folder / "none"),
            "no such file or folder",
        ),
        (
            lambda files, folder: (
                files.ground_truth("voc"),
                files.detections("voc"),
                "--slices",
                folder / "none.csv",
            ),
            "none.csv: no such file",
        ),
        (
            lambda files, folder: (
                files.ground_truth("voc"),
                files.detections("voc"),
                "--json",
                files.detections("voc"),
            ),
            "is a folder",
        ),
    ],
)
def test_errors_are_one_sentence(command, files, tmp_path, arguments, problem):
    outcome = command("analyze", *arguments(files, tmp_path))
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert problem in outcome.err


def test_a_table_with_unknown_images(command, inputs, tmp_path):
    image_ids = [*load_ground_truth(inputs[0]).image_ids[:2], "elsewhere"]
    table = write_table(tmp_path / "t.csv", "light", [(image, "day") for image in image_ids])
    outcome = command("analyze", *inputs, "--slices", table, *NO_INTERVALS)
    assert outcome.code == 0
    assert "ignored 1 of 3 images that are not in" in outcome.err
    assert "'elsewhere'" in outcome.err


def test_a_column_of_a_built_in_name(command, inputs, tmp_path):
    image_ids = load_ground_truth(inputs[0]).image_ids
    table = write_table(tmp_path / "t.csv", "objects", [(image, "3") for image in image_ids])
    outcome = command("analyze", *inputs, "--slices", table, *NO_INTERVALS)
    assert outcome.code == 2
    assert "attribute 'objects' is built in" in outcome.err


def test_run_folders_refuse_options_that_choose_data(command, inputs, tmp_path):
    assert command("eval", *inputs, "-o", tmp_path / "runs").code == 0
    outcome = command("analyze", tmp_path / "runs" / "comp4", "--protocol", "coco")
    assert outcome.code == 2
    assert "run folders record what was scored" in outcome.err


def test_real_detector(command, shared_data):
    """Compare with tidecv 1.0.1, which scores difficult objects.

    The tolerance covers score ties and detections beyond 100 of an image.
    """
    ground_truth = shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz"
    detections = shared_data / "dets_voc" / "htt1084_d56c7e49"
    options = ("--protocol", "coco", *NO_INTERVALS, *TO_STDOUT)
    costs = costs_of(parsed(command("analyze", ground_truth, detections, *options))["runs"][0])
    assert costs.pop("base") == pytest.approx(0.657683, abs=2e-5)
    by_tidecv = {
        "Cls": 0.0265,
        "Loc": 0.0978,
        "Both": 0.0080,
        "Dupe": 0.0014,
        "Bkg": 0.0230,
        "Miss": 0.0573,
        "FP": 0.1176,
        "FN": 0.1766,
    }
    assert costs == pytest.approx(by_tidecv, abs=1e-4)
