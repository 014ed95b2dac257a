"""Every planted mistake is named on made and real sets, and nothing is said of clean ones."""

from __future__ import annotations

import warnings

import pytest

from detbench.doctor.doctor import examine
from detbench.errors import DetbenchWarning
from tests.experiments.doctor import base_sets, clean_sets, named, others, planted
from tests.experiments.mistakes import MISTAKES, Mistake

UNSPOILT = Mistake("", "", "", lambda _: None)
ways = pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda mistake: f"{mistake.name}, {mistake.how}"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The made base set, and what is found in it as it is."""
    folder = tmp_path_factory.mktemp("made")
    [(_, pair)] = base_sets(folder / "nothing", folder)
    return pair, planted(pair, UNSPOILT, folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, shared_data):
    """80 images of COCO with the results of a real detector."""
    folder = tmp_path_factory.mktemp("tiny")
    pair = next(pair for name, pair in base_sets(shared_data, folder) if name.startswith("COCO"))
    return pair, planted(pair, UNSPOILT, folder)


def test_the_list_holds_27_mistakes():
    assert len({mistake.name for mistake in MISTAKES}) == 27


@ways
def test_on_the_made_set(made, mistake, tmp_path):
    pair, before = made
    findings = planted(pair, mistake, tmp_path)
    assert named(findings, mistake, before)
    assert others(findings, mistake) == []


@ways
def test_on_a_real_set(tiny, mistake, tmp_path):
    pair, before = tiny
    findings = planted(pair, mistake, tmp_path)
    assert named(findings, mistake, before)
    assert others(findings, mistake) == []


def test_clean_sets_have_notes_at_most(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        sets = list(clean_sets(tmp_path / "nothing", tmp_path))
    assert len(sets) == 11
    assert [
        (name, said)
        for name, truth, found in sets
        if (said := others(examine(truth, found), UNSPOILT))
    ] == []


def test_real_detectors_have_notes_at_most(shared_data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        sets = [
            each for each in clean_sets(shared_data, tmp_path) if not each[0].startswith("shapes")
        ]
    assert len(sets) == 11
    assert [
        (name, said)
        for name, truth, found in sets
        if (said := others(examine(truth, found), UNSPOILT))
    ] == []
