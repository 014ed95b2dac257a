"""Predicting with a fake detector: order, batches, cache, interruption, broken pictures."""

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.classes import map_classes
from detbench.bench.predict import predict
from detbench.bench.prediction_cache import PredictionCache
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.bench.fake_detector import FakeDetector

PICTURES = 70


@pytest.fixture
def dataset(tmp_path):
    """70 plain grey pictures of rising brightness."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(PICTURES):
        Image.new("RGB", (10, 10), (n * 3, n * 3, n * 3)).save(folder / f"{n}.png")
    return GroundTruth.from_rows(
        image_ids=[str(n) for n in range(PICTURES)], class_names=["dog", "cat"], image_index=[], class_index=[], boxes=[],
        image_files=[f"{n}.png" for n in range(PICTURES)], image_folder=folder,
    )  # fmt: skip


@pytest.fixture
def mapping(dataset):
    return map_classes(FakeDetector.class_names, dataset.class_names)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_each_picture_keeps_its_own_detections(dataset, mapping, batch_size):
    detector = FakeDetector()
    found, progress = predict(detector, dataset, mapping, batch_size=batch_size)
    brightness = np.arange(PICTURES) * 3 / 255
    assert np.allclose(found.scores, brightness)
    assert found.class_index.tolist() == [0 if value > 0.5 else 1 for value in brightness]
    assert np.diff(found.offsets).tolist() == [1] * PICTURES
    assert sum(detector.batches) == PICTURES
    assert max(detector.batches) == batch_size
    assert (progress.done, progress.total, progress.from_cache) == (PICTURES, PICTURES, 0)
    assert found.settings["batch_size"] == batch_size


def test_a_second_run_comes_from_the_cache_and_is_the_same(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    first, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
    again = FakeDetector()
    second, progress = predict(again, dataset, mapping, cache=cache)
    assert again.batches == []
    assert progress.from_cache == PICTURES
    assert first.digest == second.digest


def test_an_interrupted_run_goes_on_where_it_was_and_ends_the_same(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        predict(FakeDetector(fail_at=50), dataset, mapping, cache=cache)
    resumed = FakeDetector()
    found, progress = predict(resumed, dataset, mapping, cache=cache)
    assert 0 < progress.from_cache < PICTURES
    assert sum(resumed.batches) == PICTURES - progress.from_cache
    assert found.digest == predict(FakeDetector(), dataset, mapping)[0].digest


@pytest.mark.parametrize("change", ["model", "batch", "picture"])
def test_what_decides_the_result_is_in_the_key(dataset, mapping, tmp_path, change):
    cache = PredictionCache(tmp_path / "cache")
    predict(FakeDetector(), dataset, mapping, cache=cache)
    if change == "picture":
        Image.new("RGB", (11, 10), (255, 255, 255)).save(dataset.image_folder / "0.png")
    detector = FakeDetector(digest="sha256:other") if change == "model" else FakeDetector()
    found, progress = predict(detector, dataset, mapping, batch_size=2 if change == "batch" else None, cache=cache)
    assert progress.from_cache == (PICTURES - 32 if change == "picture" else 0)
    assert found.scores[0] == (1.0 if change == "picture" else 0.0)


def test_a_damaged_cache_entry_is_run_again(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    first, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
    for entry in (tmp_path / "cache").rglob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:50])
    second, progress = predict(FakeDetector(), dataset, mapping, cache=cache)
    assert progress.from_cache == 0
    assert first.digest == second.digest


def test_a_broken_picture_stops_the_run_and_is_named(dataset, mapping):
    (dataset.image_folder / "5.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"5\.png"):
        predict(FakeDetector(), dataset, mapping)


def test_allowed_broken_pictures_are_counted_named_and_empty_and_not_cached(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    (dataset.image_folder / "5.png").write_bytes(b"no picture")
    (dataset.image_folder / "6.png").unlink()
    for _ in range(2):
        with pytest.warns(DetbenchWarning, match=r"2 pictures could not be read .*5\.png.*6\.png"):
            found, progress = predict(FakeDetector(), dataset, mapping, allow_broken=True, cache=cache)
        assert np.diff(found.offsets)[4:8].tolist() == [1, 0, 0, 1]
        assert len(progress.broken) == 2
    assert progress.from_cache == PICTURES - 32


def test_unmapped_classes_are_dropped(dataset):
    only_cats = map_classes(("cat", "zebra"), dataset.class_names, allow_unmapped=True)
    found, _ = predict(FakeDetector(), dataset, only_cats)
    assert set(found.class_index.tolist()) == {1}
    assert (found.scores <= 0.5).all()


def test_a_model_of_fixed_batch_refuses_another(dataset, mapping):
    with pytest.raises(DetbenchError, match="batches of 4 only"):
        predict(FakeDetector(batch_size=4), dataset, mapping, batch_size=3)
    assert predict(FakeDetector(batch_size=4), dataset, mapping)[0].settings["batch_size"] == 4


def test_no_folder_of_pictures_is_said(mapping):
    dataset = GroundTruth.from_rows(image_ids=["a"], class_names=["dog", "cat"], image_index=[], class_index=[], boxes=[])
    with pytest.raises(DetbenchError, match="--images"):
        predict(FakeDetector(), dataset, mapping)


def test_a_dataset_without_pictures_gives_nothing(mapping, tmp_path):
    dataset = GroundTruth.from_rows(
        image_ids=[], class_names=["dog", "cat"], image_index=[], class_index=[], boxes=[], image_folder=tmp_path
    )
    found, progress = predict(FakeDetector(), dataset, mapping)
    assert (len(found), progress.done) == (0, 0)
