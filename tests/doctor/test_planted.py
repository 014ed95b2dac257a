"""Every planted mistake is named on synthetic and real sets, and nothing is said of clean ones."""

from __future__ import annotations

import warnings

import pytest

from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes
from detbench.doctor.doctor import examine
from detbench.errors import DetbenchWarning
from tests.experiments.doctor import NO_MISTAKE, examine_planted, is_named, other_faults
from tests.experiments.doctor_sets import (
    N_SHAPES,
    coco_pair,
    real_sets,
    shapes_pair,
    shapes_sets,
)
from tests.experiments.mistakes import MISTAKES

every_way = pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda mistake: f"{mistake.name}, {mistake.how}"
)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """200 images of the shapes dataset, as one year of a VOC devkit."""
    return make_shapes(tmp_path_factory.mktemp("shapes") / "set", train=0, val=0, test=N_SHAPES)


@pytest.fixture(scope="module")
def synthetic(shapes, tmp_path_factory):
    """The synthetic base set, and what is found in it as it is."""
    folder = tmp_path_factory.mktemp("synthetic")
    pair = shapes_pair(load_ground_truth(shapes, split="test"), folder)
    return pair, examine_planted(pair, NO_MISTAKE, folder)


@pytest.fixture(scope="module")
def real(tmp_path_factory, shared_data):
    """80 images of COCO with the results of a real detector, and what is found in them."""
    pair = coco_pair(shared_data)
    return pair, examine_planted(pair, NO_MISTAKE, tmp_path_factory.mktemp("real"))


def test_the_list_holds_27_mistakes():
    assert len({mistake.name for mistake in MISTAKES}) == 27


@every_way
def test_on_the_synthetic_set(synthetic, mistake, tmp_path):
    pair, before = synthetic
    findings = examine_planted(pair, mistake, tmp_path)
    assert is_named(findings, mistake, before)
    assert other_faults(findings, mistake) == []


@pytest.mark.slow
@every_way
def test_on_a_real_set(real, mistake, tmp_path):
    pair, before = real
    findings = examine_planted(pair, mistake, tmp_path)
    assert is_named(findings, mistake, before)
    assert other_faults(findings, mistake) == []


def sets_with_faults(sets) -> list[tuple[str, list[str]]]:
    with_faults = []
    for name, ground_truth, detections in sets:
        if faults := other_faults(examine(ground_truth, detections), NO_MISTAKE):
            with_faults.append((name, faults))
    return with_faults


@pytest.mark.slow
def test_clean_sets_have_notes_at_most(shapes, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        sets = list(shapes_sets(shapes, tmp_path))
    assert len(sets) == 11
    assert sets_with_faults(sets) == []


@pytest.mark.slow
def test_real_detectors_have_notes_at_most(shared_data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        sets = list(real_sets(shared_data, tmp_path))
    assert len(sets) == 11
    assert sets_with_faults(sets) == []
