"""Scores that findings print are those of the whole set, as `detbench eval` computes them."""

import json
import re

import numpy as np
import pytest

from detbench.data.checks.suspicion import score_text
from detbench.doctor.doctor import examine
from tests.data.simulated_detections import simulated_detections
from tests.doctor.planting import average_precision, faults, read_json, run_fix
from tests.doctor.simulated_detectors import annotated, detected
from tests.experiments.doctor_sets import VOC, VOC_DETECTORS, save_pair
from tests.experiments.file_outcomes import score_of

CHANGE = re.compile(r"AP goes from (\.\d+) to (\.\d+)( on a sample)?")
IN_ANY_ORDER = re.compile(r"mAP is (\.\d+) in any order( on a sample)?")


def test_the_scores_before_and_after_a_fix(command, tmp_path):
    rng = np.random.default_rng(0)
    ground_truth = annotated(rng, images=600)
    truth, detections = save_pair(ground_truth, simulated_detections(ground_truth, 0.7), tmp_path)
    rows = read_json(detections)
    for row in rows:
        x, y, width, height = row["bbox"]
        row["bbox"] = [x, y, x + width, y + height]
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_text(json.dumps(rows))
    [finding] = faults(truth, spoiled)
    before, after, sample = CHANGE.search(finding.evidence).groups()
    assert sample is None
    assert before == score_text(average_precision(truth, spoiled))
    fixed, _ = run_fix(command, finding)
    assert after == score_text(average_precision(truth, fixed))


def test_the_score_without_a_limit_uses_all_detections(tmp_path):
    """Of 150 objects an image, COCO scores 100 detections; all of them are exact."""
    rng = np.random.default_rng(1)
    ground_truth = annotated(rng, images=6, objects=150, sides=(5, 40), classes=1)
    exact = {"recall": 1, "noise": 0, "confused": 0, "false": 0}
    paths = save_pair(ground_truth, detected(rng, ground_truth, **exact), tmp_path)
    [finding] = examine(*paths)
    assert (finding.id, finding.severity) == ("too-many-detections", "note")
    limited = score_text(average_precision(*paths))
    assert f"with all of them scored, AP goes from {limited} to 1.000" in finding.evidence


@pytest.mark.slow
@pytest.mark.parametrize("name", VOC_DETECTORS)
def test_the_scores_of_real_detectors(shared_data, name):
    paths = shared_data / VOC, shared_data / "dets_voc" / name
    [ties] = [finding for finding in examine(*paths) if finding.id == "score-ties"]
    score, sample = IN_ANY_ORDER.search(ties.evidence).groups()
    assert (score, sample) == (score_text(score_of(*paths)), None)
