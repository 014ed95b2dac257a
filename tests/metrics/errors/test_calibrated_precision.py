"""Credences against the min-max formula of isotonic regression."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from detbench.metrics.errors.calibrated_precision import credences
from detbench.metrics.errors.counted_detections import rank
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, scored, truth
from tests.references.matching import matched

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("seed", range(10))
def test_min_max_formula(seed):
    evaluation = analysed(seed, "voc2007", ties=seed % 2 == 1)
    objects, rows = plain(evaluation)
    hits, ignored = matched(objects, rows, 0.5)
    found = credences(rank(evaluation), len(rows))
    for k in range(4):
        own = [d for d in range(len(rows)) if rows[d][1] == k and not ignored[d]]
        scores = sorted({rows[d][2] for d in own}, reverse=True)
        groups = [[hits[d] is not None for d in own if rows[d][2] == score] for score in scores]
        for n, score in enumerate(scores):
            best = min(
                max(np.mean([*chain(*groups[a : b + 1])]) for b in range(n, len(groups)))
                for a in range(n + 1)
            )
            assert [found[d] for d in own if rows[d][2] == score] == pytest.approx(
                [best] * len(groups[n]), abs=1e-12
            )
    assert not found[np.flatnonzero(ignored)].any()


def test_no_detections():
    data = truth([(0, 0, BOX)])
    assert len(credences(rank(scored(data, detections(data, []))), 0)) == 0
