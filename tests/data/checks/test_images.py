"""Images without detections: normal for weak detectors, suspicious beyond what the others show."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.checks.images import check_missing_images
from detbench.data.ground_truth import GroundTruth


def truth(n_images: int) -> GroundTruth:
    """Return images with an object each."""
    return GroundTruth.from_rows(
        image_ids=[f"{n:04d}" for n in range(n_images)],
        class_names=["cup"],
        image_index=np.arange(n_images),
        class_index=np.zeros(n_images),
        boxes=np.tile([10.0, 10, 50, 60], (n_images, 1)),
    )


def is_suspicious(counts) -> bool:
    """Tell whether these numbers of detections of the images are."""
    image_index = np.repeat(np.arange(len(counts)), counts)
    return check_missing_images(truth(len(counts)), image_index) is not None


@pytest.mark.parametrize("mean", [0.1, 0.3, 0.6, 1, 2, 4])
@pytest.mark.parametrize(("n_images", "share"), [(6, 0.05), (40, 0.02), (150, 0.005), (1000, 0)])
def test_poisson_counts_of_any_mean_are_normal(mean, n_images, share):
    """Such counts are unusual by chance; few images are, now and then."""
    rng = np.random.default_rng([8, n_images, int(10 * mean)])
    samples = rng.poisson(mean, (500, n_images))
    assert sum(is_suspicious(counts) for counts in samples) <= share * len(samples)


@pytest.mark.parametrize("mean", [5, 20])
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_missing_images_among_images_with_several_detections_are_named(mean, share):
    rng = np.random.default_rng([9, mean, int(100 * share)])
    for counts in rng.poisson(mean, (20, 400)):
        assert is_suspicious(np.where(rng.uniform(size=400) < share, 0, counts))


def test_half_of_few_images_say_little():
    assert not is_suspicious([0, 0, 0, 2, 3, 4])
    assert is_suspicious([0] * 5 + [3] * 4)


def test_a_run_over_a_fifth_of_the_images_is_named():
    rng = np.random.default_rng(10)
    counts = rng.poisson(0.6, 5000)
    assert not is_suspicious(counts)
    assert is_suspicious(np.where(rng.uniform(size=5000) < 0.8, 0, counts))
