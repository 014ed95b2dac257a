"""Nothing is said against clean sets of fixed cameras, jigs, grids and shelves, in any format.

`python -m tests.experiments.doctor` examines every scene with every detector.
"""

import pytest

from tests.doctor.clean_sets import FORMAT_PAIRS, clean_set
from tests.doctor.planting import faults
from tests.doctor.scenes import SCENES
from tests.doctor.simulated_detectors import DETECTORS


@pytest.mark.parametrize("number", range(len(SCENES)), ids=list(SCENES))
def test_every_scene_with_one_detector(number, tmp_path):
    scene = list(SCENES)[number]
    detector = list(DETECTORS)[number % len(DETECTORS)]
    formats = FORMAT_PAIRS[number % len(FORMAT_PAIRS)]
    _, ground_truth, detections = clean_set(scene, detector, formats, tmp_path, seed=1)
    assert faults(ground_truth, detections) == []


def test_there_are_more_than_150_clean_sets():
    assert len(SCENES) * len(DETECTORS) > 150
