"""Few different scores, and scores of which the low ones were dropped."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.checks.scores import check_quantized, check_threshold, tied_scores
from detbench.data.detection_rows import DetectionRows


def rows(scores, class_index=None) -> DetectionRows:
    count = len(scores)
    classes = np.zeros(count, np.int64) if class_index is None else np.asarray(class_index)
    boxes = np.tile([10.0, 10, 50, 60], (count, 1))
    images = np.zeros(count, np.int64)
    return DetectionRows.from_source(images, classes, boxes, np.asarray(scores, float))


def uniform_scores(count=2000):
    return np.random.default_rng(4).uniform(0.01, 1, count)


def no_range():
    raise AssertionError("the range of ties is not needed")


class TestQuantized:
    @pytest.mark.parametrize(
        ("steps", "name"),
        [
            (10, "one decimal"),
            (100, "two decimals"),
            (255, "multiples of 1/255"),
            (256, "multiples of 1/256"),
        ],
    )
    @pytest.mark.parametrize("kind", [np.float64, np.float32])
    def test_a_grid_is_named(self, steps, name, kind):
        scores = kind(np.round(uniform_scores() * steps) / steps)
        suspicion = check_quantized(rows(scores), "AP", lambda: (0.5, 0.505))
        assert (suspicion.id, suspicion.severity) == ("score-ties", "note")
        assert suspicion.is_reported
        assert suspicion.evidence == (
            f"2,000 detections have only {len(set(scores.tolist()))} different scores ({name}); "
            "depending on their order, AP is between .500 and .505"
        )

    def test_three_decimals_of_many_detections(self):
        scores = np.round(uniform_scores(5000), 3)
        suspicion = check_quantized(rows(scores), "AP", lambda: (0.5, 0.5))
        assert "different scores (three decimals); AP is .500 in any order" in suspicion.evidence

    def test_whole_numbers_up_to_100(self):
        scores = np.round(100 * uniform_scores())
        suspicion = check_quantized(rows(scores), "AP", lambda: (0.5, 0.5))
        assert "(whole numbers)" in suspicion.evidence

    def test_levels_without_a_grid(self):
        """Products of 8-bit numbers, or any other few values."""
        levels = np.sort(np.random.default_rng(5).uniform(0, 1, 40))
        scores = np.random.default_rng(6).choice(levels, 2000)
        suspicion = check_quantized(rows(scores), "AP", lambda: (0.5, 0.5))
        assert "2,000 detections have only 40 different scores; " in suspicion.evidence

    def test_ties_that_change_ap_are_a_warning(self):
        scores = np.round(uniform_scores(), 1)
        assert check_quantized(rows(scores), "AP", lambda: (0.5, 0.52)).severity == "warning"

    @pytest.mark.parametrize(
        "scores",
        [
            uniform_scores(),
            np.round(uniform_scores(), 4),
            np.round(uniform_scores(300), 2),  # fewer than four of each
            np.round(uniform_scores(49), 1),  # too few
            np.full(100, 0.5),  # reported on its own
            np.empty(0),
        ],
        ids=["any", "four decimals", "few of each", "few", "constant", "none"],
    )
    def test_other_scores_are_not_quantized(self, scores):
        assert check_quantized(rows(scores), "AP", no_range) is None

    def test_few_levels_of_many_classes_are_no_ties(self):
        """Ties within a class change AP, others do not."""
        scores = np.round(uniform_scores(500), 2)
        classes = np.arange(500)
        assert check_quantized(rows(scores, classes), "AP", no_range) is None


def test_tied_scores_are_those_of_another_detection_of_the_class():
    random = np.random.default_rng(7)
    scores, classes = random.integers(0, 12, 200) / 12, random.integers(0, 9, 200)
    pairs = list(zip(scores.tolist(), classes.tolist(), strict=True))
    assert tied_scores(rows(scores, classes)).tolist() == [pairs.count(pair) > 1 for pair in pairs]


class TestThreshold:
    def hits(self, scores, precision):
        """Return a function that says which rows are hits: a share of them by score."""
        is_hit = np.random.default_rng(8).uniform(size=len(scores)) < precision(scores)

        def at(positions):
            return is_hit[positions]

        return at

    @pytest.mark.parametrize("threshold", [0.1, 0.25, 0.5])
    @pytest.mark.parametrize("full_score", [1, 100])
    def test_a_threshold_that_drops_hits_is_named(self, threshold, full_score):
        scores = np.random.default_rng(9).uniform(threshold, 1, 2000)
        hits = self.hits(scores, lambda s: s)  # calibrated
        suspicion = check_threshold(rows(full_score * scores), hits)
        assert (suspicion.id, suspicion.severity) == ("scores-thresholded", "warning")
        lowest = np.argsort(scores)[:200]
        assert suspicion.evidence.startswith(
            f"no score is below {full_score * scores.min():.3g}, yet {hits(lowest).mean():.0%} of "
            "the 200 lowest-scoring detections lie on objects: "
        )

    def test_low_scores_are_no_threshold(self):
        def not_called(_):
            raise AssertionError("no hits are needed")

        for lowest in (0.001, 0.05, 0.09):
            scores = np.random.default_rng(9).uniform(lowest, 1, 2000)
            scores[0] = lowest
            assert check_threshold(rows(scores), not_called) is None
        few = np.linspace(0.5, 1, 49)
        assert check_threshold(rows(few), not_called) is None
        assert check_threshold(rows(np.empty(0)), not_called) is None
        assert check_threshold(rows(np.full(100, 0.5)), not_called) is None, "no order by score"

    @pytest.mark.parametrize("precision", [0.0, 0.02, 0.98, 1.0])
    def test_a_threshold_that_dropped_no_hits_or_left_only_hits_is_fine(self, precision):
        scores = np.random.default_rng(9).uniform(0.5, 1, 2000)
        hits = self.hits(scores, lambda s: precision)
        assert check_threshold(rows(scores), hits) is None
