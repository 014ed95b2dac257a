"""`detbench plan` on a small dataset."""

import json

import pytest

from detbench.data.load import load_ground_truth, save_detections
from tests.data.simulated_detections import simulated_detections


@pytest.fixture(scope="module")
def rival(files, tmp_path_factory):
    """Detections of a second detector."""
    ground_truth = load_ground_truth(files.ground_truth("voc"), split="test")
    path = tmp_path_factory.mktemp("rival") / "rival.parquet"
    save_detections(simulated_detections(ground_truth, 0.9), ground_truth, path, "parquet")
    return path


@pytest.fixture
def plan_voc(command, files):
    """Run `detbench plan` on the VOC dataset with more arguments."""

    def run(*arguments):
        return command("plan", files.ground_truth("voc"), files.detections("voc"), *arguments)

    return run


def test_two_detectors(plan_voc, rival):
    arguments = (rival, "--difference", "1.5", "--resamples", "200", "--json", "-")
    outcome = plan_voc(*arguments)
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["correlation_assumed"] is False
    assert (document["measure"], document["images"]) == ("mAP", 8)
    assert document["difference"] == 0.015
    smallest = document["smallest_difference"]
    assert document["images_needed"] >= 8 * (smallest / 0.015) ** 2
    assert smallest == pytest.approx(2.8015852 * document["standard_error"])
    names = {detector["name"] for detector in document["detectors"]}
    assert names == {"comp4", "simulated-0.9"}
    assert plan_voc(*arguments).out == outcome.out


def test_one_detector_in_words_and_in_a_file(command, files, tmp_path):
    target = tmp_path / "plan.json"
    outcome = command(
        *("plan", files.ground_truth("coco"), files.detections("coco"), "--measure", "AP50"),
        *("--power", "0.9", "--resamples", "50", "--json", target),
    )
    assert outcome.code == 0, outcome.err
    assert "AP50 on 8 images" in outcome.out
    assert "assumed correlation with an equally variable detector 0.7" in outcome.out
    assert "smallest detectable difference with power 0.9 at level 0.05: " in outcome.out
    assert json.loads(target.read_text())["power"] == 0.9


def test_groups_are_resampled_together(plan_voc, files, tmp_path):
    images = load_ground_truth(files.ground_truth("voc"), split="test").image_ids
    pairs, singles = tmp_path / "pairs.csv", tmp_path / "singles.csv"
    rows = [f"{image},{number // 2}\n" for number, image in enumerate(images)]
    pairs.write_text("image,group\n" + "".join(rows))
    singles.write_text("image,group\n" + "".join(f"{image},{image}\n" for image in images))

    def standard_error(*options):
        done = plan_voc(*options, "--resamples", "100", "--json", "-")
        return json.loads(done.out)["standard_error"]

    ungrouped = standard_error()
    assert standard_error("--groups", singles) == ungrouped
    assert standard_error("--groups", pairs) != ungrouped


def test_a_file_of_groups_is_an_input(plan_voc, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("image,group\nnowhere,1\n")
    done = plan_voc("--groups", groups, "--json", groups)
    assert done.code == 2
    assert "is an input and would be replaced" in done.err
    done = plan_voc("--groups", groups)
    assert done.code == 2
    assert "line 2: image 'nowhere' is not in" in done.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--measure", "AP95"), "protocol 'voc2007' has no measure 'AP95'; choose one of mAP"),
        (("--difference", "0"), "the difference must lie between 0 and 100 points, got 0"),
        (("--correlation", "1"), "correlation must be at least -1 and less than 1, got 1"),
        (("--power", "2"), "power must lie between the level and 1"),
    ],
)
def test_impossible_options_are_refused(plan_voc, options, problem):
    outcome = plan_voc(*options)
    assert outcome.code == 2
    assert problem in outcome.err


def test_an_input_is_not_replaced(command, files):
    detections = files.detections("coco")
    outcome = command("plan", files.ground_truth("coco"), detections, "--json", detections)
    assert outcome.code == 2
    assert "is an input and would be replaced" in outcome.err


def test_too_many_detectors(command, files):
    outcome = command("plan", files.ground_truth("voc"), *[files.detections("voc")] * 3)
    assert outcome.code == 2
    assert "got detections of 3 detectors; give one, or the two to compare" in outcome.err
