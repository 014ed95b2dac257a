"""Suspected annotation errors: planted ones are found, and correcting them is scoring the corrected annotations."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.metrics.errors.counted_detections import rank
from detbench.metrics.errors.diagnosis import diagnose
from detbench.metrics.errors.label_errors import Judged, corrected, corrected_values, label_errors
from tests.metrics.analysed import analysed
from tests.metrics.scored import detections, scored, truth

BOX, OTHER = (10, 10, 60, 60), (100, 20, 150, 70)
TRUE = [(i, i % 2, BOX) for i in range(20)] + [(i, (i + 1) % 2, OTHER) for i in range(20)]


def judged(*evaluations):
    found = [(evaluation, diagnose(evaluation)) for evaluation in evaluations]
    return [
        Judged(evaluation, diagnosis, rank(evaluation, diagnosis=diagnosis))
        for evaluation, diagnosis in found
    ]


def planted(rows, finders=1, saying=None):
    """Return the suspicions about annotations `rows` of detectors that all find what is really there."""
    data = truth(rows, images=21)
    hits = [(image, label, 0.9 - n / 100, box) for n, (image, label, box) in enumerate(TRUE)]
    return data, label_errors(
        judged(
            *(
                scored(
                    data, detections(data, hits if saying is None else saying, name=f"finder {n}")
                )
                for n in range(finders)
            )
        )
    )


@pytest.mark.parametrize("finders", [1, 3])
def test_a_missing_object(finders):
    _, errors = planted(TRUE[1:], finders)
    assert [(e.kind, e.image, e.object, e.class_name, e.box) for e in errors] == [
        ("missing", 0, None, "cat", BOX)
    ]
    assert len(errors[0].detectors) == finders
    assert errors[0].suspicion == pytest.approx(19 / 20)


@pytest.mark.parametrize("finders", [1, 3])
def test_a_wrong_class(finders):
    _, errors = planted([(0, 1, BOX), *TRUE[1:]], finders)
    assert [(e.kind, e.image, e.object, e.class_name, e.detected) for e in errors] == [
        ("class", 0, 0, "dog", "cat")
    ]


def test_a_spurious_object():
    data, errors = planted([*TRUE, (20, 0, BOX)])
    assert [(e.kind, e.image, e.object, e.class_name, e.detected) for e in errors] == [
        ("spurious", 20, len(data) - 1, "cat", None)
    ]
    assert errors[0].suspicion == pytest.approx(20 / 21)


def test_right_annotations_are_not_suspected():
    assert planted(TRUE)[1] == []


def test_detectors_that_do_not_agree_halve_the_suspicion():
    data = truth(TRUE[1:], images=21)
    hits = [(image, label, 0.9 - n / 100, box) for n, (image, label, box) in enumerate(TRUE)]
    pair = [
        scored(data, detections(data, rows, name=name))
        for rows, name in ((hits, "sees"), (hits[1:], "sees not"))
    ]
    assert label_errors(judged(*pair)) == []
    [error] = label_errors(judged(*pair), least=0.4)
    assert error.detectors == ("sees",)
    assert error.suspicion == pytest.approx(19 / 40)


def test_difficult_objects_explain_detections():
    data = truth(TRUE, images=21, difficult=[True] + [False] * (len(TRUE) - 1))
    hits = [
        (image, label if n else 1, 0.9 - n / 100, box) for n, (image, label, box) in enumerate(TRUE)
    ]
    assert label_errors(judged(scored(data, detections(data, hits)))) == []


def test_correcting_gives_the_annotations_as_they_should_be():
    right = truth(TRUE, images=21)
    wrong, errors = planted([(1, 0, BOX), *TRUE[2:], (20, 0, BOX)])
    assert {error.kind for error in errors} == {"missing", "class", "spurious"}
    mended = corrected(wrong, errors)
    for one, other in zip(*(sorted(rows(data)) for data in (mended, right)), strict=True):
        assert one == other
    hits = [(image, label, 0.9 - n / 100, box) for n, (image, label, box) in enumerate(TRUE)]
    values = corrected_values(scored(wrong, detections(wrong, hits)), errors)
    assert values["as annotated"] == scored(wrong, detections(wrong, hits)).average_precision < 1
    assert values["all"] == pytest.approx(1)


def rows(data):
    images = np.repeat(np.arange(len(data.image_ids)), np.diff(data.offsets)).tolist()
    return list(
        zip(
            images, data.class_index.tolist(), data.boxes.tolist(), data.areas.tolist(), strict=True
        )
    )


@pytest.mark.parametrize("seed", range(6))
def test_suspicions_are_ranked_and_correcting_nothing_changes_nothing(seed):
    evaluation = analysed(seed, "voc2007")
    errors = label_errors(judged(evaluation), least=0.1)
    suspicions = [error.suspicion for error in errors]
    assert suspicions == sorted(suspicions, reverse=True)
    assert all(0.1 <= suspicion <= 1 for suspicion in suspicions)
    assert corrected(evaluation.ground_truth, []).digest == evaluation.ground_truth.digest
    assert len(label_errors(judged(evaluation), least=0.1, most=2)) == min(len(errors), 2)


def test_nothing_there():
    data = truth([])
    assert label_errors(judged(scored(data, detections(data, [])))) == []
