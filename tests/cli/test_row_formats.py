"""Commands on formats that are only read, from files to a number."""

import json

import pytest

from tests.data.formats.samples import SAMPLES

NAMES = ("class-text", "kitti", "open-images", "csv")
READ_ONLY = [sample for sample in SAMPLES if sample.format_name in NAMES]


@pytest.mark.parametrize("sample", READ_ONLY, ids=lambda sample: sample.format_name)
def test_commands_read_a_format_from_end_to_end(command, tmp_path, sample):
    truth = sample.ground_truth(tmp_path / "truth")
    detections = sample.detections(tmp_path / "detections")
    outcome = command("eval", truth, detections, "--json", "-")
    assert json.loads(outcome.out)["runs"][0]["summary"]["AP"] == pytest.approx(1), outcome.err
    outcome = command("data", "stats", truth, "--json", "-")
    assert json.loads(outcome.out)["objects"] == 2, outcome.err
    outcome = command("doctor", truth, detections)
    assert outcome.code == 0, outcome.out + outcome.err

    # Converted to COCO, the same data gives the same number.
    coco, results = tmp_path / "coco.json", tmp_path / "results.json"
    assert command("convert", truth, coco).code == 0
    assert command("convert", detections, results, "--ground-truth", truth).code == 0
    outcome = command("eval", coco, results, "--json", "-")
    assert json.loads(outcome.out)["runs"][0]["summary"]["AP"] == pytest.approx(1), outcome.err
