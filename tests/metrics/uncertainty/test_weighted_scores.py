"""Weighted scores: the same numbers as a dataset that really contains its images several times."""

import numpy as np
import pytest

from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.table import PROTOCOLS, changed_switches
from detbench.metrics.protocols.voc import VOC2012
from detbench.metrics.uncertainty.weighted_scores import weighted_scores
from tests.metrics.random_cases import evaluate_columns, random_case, repeat

IMAGES = 12
PROTOCOL_VALUES = [
    *PROTOCOLS.values(),
    VOC2012.with_thresholds((0.3, 0.5, 0.75)),
    COCO.with_max_detections((1, 3)),
]


def protocol_id(protocol):
    return f"{protocol.name}{len(changed_switches(protocol))}"


@pytest.mark.parametrize("protocol", PROTOCOL_VALUES, ids=protocol_id)
@pytest.mark.parametrize("seed", range(25))
def test_as_a_dataset_that_contains_images_several_times(protocol, seed):
    rng = np.random.default_rng(seed)
    objects, detections = random_case(rng, IMAGES)
    evaluation = evaluate_columns(objects, detections, IMAGES, protocol)
    once = np.ones(IMAGES, np.int64)
    first_only = np.eye(IMAGES, dtype=np.int64)[0] * 7
    sets = [once, *rng.poisson(1, (3, IMAGES)), first_only]
    [scores] = weighted_scores(
        [evaluation], protocol.measures, len(sets), lambda b: sets[b].astype(np.uint16), threads=1
    )
    for b, weights in enumerate(sets):
        copies = repeat(objects, weights), repeat(detections, weights)
        reference = evaluate_columns(*copies, int(weights.sum()), protocol)
        for measure, measure_scores in zip(protocol.measures, scores, strict=True):
            np.testing.assert_allclose(
                measure_scores.classes[b], reference.class_values(measure), rtol=0, atol=1e-12
            )
            expected = reference.value(measure)
            assert measure_scores.values[b] == pytest.approx(
                np.nan if expected is None else expected, abs=1e-12, nan_ok=True
            )
