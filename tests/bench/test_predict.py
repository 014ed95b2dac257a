"""Predict with a fake detector: order, batches, cache, interruption, unreadable images."""

import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.classes import map_classes
from detbench.bench.predict import predict
from detbench.bench.prediction_cache import PredictionCache
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.bench.fake_detector import FakeDetector

N_IMAGES = 70


@pytest.fixture
def dataset(tmp_path):
    """Return 70 plain gray images of rising brightness."""
    folder = tmp_path / "images"
    folder.mkdir()
    for n in range(N_IMAGES):
        Image.new("RGB", (10, 10), (n * 3, n * 3, n * 3)).save(folder / f"{n}.png")
    return GroundTruth.from_rows(
        image_ids=[str(n) for n in range(N_IMAGES)],
        class_names=["dog", "cat"],
        image_index=[],
        class_index=[],
        boxes=[],
        image_files=[f"{n}.png" for n in range(N_IMAGES)],
        image_folder=folder,
    )


@pytest.fixture
def mapping(dataset):
    return map_classes(FakeDetector.class_names, dataset.class_names)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_each_image_keeps_its_own_detections(dataset, mapping, batch_size):
    detector = FakeDetector()
    detections, progress = predict(detector, dataset, mapping, batch_size=batch_size)
    brightness = np.arange(N_IMAGES) * 3 / 255
    assert np.allclose(detections.scores, brightness)
    assert detections.class_index.tolist() == [0 if value > 0.5 else 1 for value in brightness]
    assert np.diff(detections.offsets).tolist() == [1] * N_IMAGES
    assert sum(detector.batches) == N_IMAGES
    assert max(detector.batches) == batch_size
    assert (progress.done, progress.total, progress.from_cache) == (N_IMAGES, N_IMAGES, 0)
    assert detections.settings["batch_size"] == batch_size


def test_a_second_run_comes_from_the_cache_and_is_the_same(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    first, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
    again = FakeDetector()
    second, progress = predict(again, dataset, mapping, cache=cache)
    assert again.batches == []
    assert progress.from_cache == N_IMAGES
    assert first.digest == second.digest


def test_an_interrupted_run_is_resumed_with_the_same_result(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        predict(FakeDetector(fail_at=50), dataset, mapping, cache=cache)
    resumed = FakeDetector()
    detections, progress = predict(resumed, dataset, mapping, cache=cache)
    assert 0 < progress.from_cache < N_IMAGES
    assert sum(resumed.batches) == N_IMAGES - progress.from_cache
    assert detections.digest == predict(FakeDetector(), dataset, mapping)[0].digest


def test_ctrl_c_in_the_last_batch_is_not_lost(dataset, mapping):
    def interrupt_at_the_end(progress):
        if progress.done == N_IMAGES:
            signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            predict(FakeDetector(), dataset, mapping, on_progress=interrupt_at_the_end)
    finally:
        signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize("change", ["model", "batch", "image"])
def test_the_key_covers_everything_that_decides_the_result(dataset, mapping, tmp_path, change):
    cache = PredictionCache(tmp_path / "cache")
    predict(FakeDetector(), dataset, mapping, cache=cache)
    if change == "image":
        Image.new("RGB", (11, 10), (255, 255, 255)).save(dataset.image_folder / "0.png")
    detector = FakeDetector(digest="sha256:other") if change == "model" else FakeDetector()
    detections, progress = predict(
        detector, dataset, mapping, batch_size=2 if change == "batch" else None, cache=cache
    )
    assert progress.from_cache == (N_IMAGES - 32 if change == "image" else 0)
    assert detections.scores[0] == (1.0 if change == "image" else 0.0)


def test_a_damaged_cache_entry_is_run_again(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    first, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
    for entry in (tmp_path / "cache").rglob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:50])
    second, progress = predict(FakeDetector(), dataset, mapping, cache=cache)
    assert progress.from_cache == 0
    assert first.digest == second.digest


def test_unreadable_images_fail_the_run_after_all_others_are_cached(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    (dataset.image_folder / "5.png").write_bytes(b"not an image")
    (dataset.image_folder / "6.png").unlink()
    with pytest.raises(
        DetbenchError, match=r"2 images could not be read: .*5\.png.*6\.png.*--allow-broken"
    ):
        predict(FakeDetector(), dataset, mapping, cache=cache)
    detector = FakeDetector()
    with pytest.warns(
        DetbenchWarning,
        match=r"2 images could not be read and have no detections: .*5\.png.*6\.png",
    ):
        detections, _ = predict(detector, dataset, mapping, allow_broken=True, cache=cache)
    assert detector.batches == []
    assert np.diff(detections.offsets)[4:8].tolist() == [1, 0, 0, 1]
    assert detections.settings["broken_images"] == ["5.png", "6.png"]


def test_unreadable_images_without_a_file_name_are_named_by_image_id(dataset, mapping):
    nameless = replace(
        dataset, image_ids=tuple(f"{n}.png" for n in range(N_IMAGES)), image_files=("",) * N_IMAGES
    )
    for n in (5, 6):
        (dataset.image_folder / f"{n}.png").write_bytes(b"not an image")
    with pytest.warns(DetbenchWarning, match=r"2 images could not be read"):
        detections, _ = predict(FakeDetector(), nameless, mapping, allow_broken=True)
    assert detections.settings["broken_images"] == ["5.png", "6.png"]


def test_an_image_of_another_size_than_annotated_is_refused(dataset, mapping):
    sizes = np.full((N_IMAGES, 2), 10.0)
    sizes[7] = (20, 10)
    with pytest.raises(
        InputError, match=r"7\.png: has 10 × 10 pixels, but its annotations state 20 × 10"
    ):
        predict(FakeDetector(), replace(dataset, image_sizes=sizes), mapping)


def test_a_rotated_image_with_rotated_annotations_is_named(dataset, mapping):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (10, 4)).save(dataset.image_folder / "3.png", exif=exif)
    sizes = np.full((N_IMAGES, 2), np.nan)
    sizes[3] = (4, 10)
    with pytest.raises(InputError, match=r"3\.png: has 10 × 4 pixels.* rotated by its EXIF"):
        predict(FakeDetector(), replace(dataset, image_sizes=sizes), mapping)


def test_notes_on_images_survive_the_cache(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    Image.new("L", (10, 10), 3).save(dataset.image_folder / "1.png")
    for _ in range(2):
        with pytest.warns(DetbenchWarning, match=r"1 image: .*\(1\.png\)"):
            detections, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
        assert list(detections.settings["image_notes"].values()) == [1]


def test_an_unwritable_cache_is_warned_of_once_and_not_used(dataset, mapping, tmp_path):
    blocked = tmp_path / "cache"
    blocked.write_text("a file")
    with pytest.warns(
        DetbenchWarning, match=r"cannot be written .*DETBENCH_CACHE.*--no-cache"
    ) as messages:
        detections, _ = predict(FakeDetector(), dataset, mapping, cache=PredictionCache(blocked))
    assert len(messages) == 1
    assert len(detections) == N_IMAGES


def test_nothing_is_shared_without_a_digest_or_between_folders(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    without_digest = FakeDetector()
    without_digest.settings = {}
    predict(without_digest, dataset, mapping, cache=cache)
    assert not list((tmp_path / "cache").rglob("*.npz"))
    predict(FakeDetector(), dataset, mapping, cache=cache)
    shutil.copytree(dataset.image_folder, tmp_path / "copy", copy_function=shutil.copy2)
    copied = replace(dataset, image_folder=tmp_path / "copy")
    _, progress = predict(FakeDetector(), copied, mapping, cache=cache)
    assert progress.from_cache == 0


def test_a_problem_in_the_outputs_names_the_image(dataset, mapping):
    class Wrong(FakeDetector):
        def postprocess(self, outputs, batch):
            raise DetbenchError("output holds NaN")

    with pytest.raises(InputError, match=r"0\.png, run through fake: output holds NaN"):
        predict(Wrong(), dataset, mapping)


def test_unmapped_classes_are_dropped(dataset):
    with pytest.warns(DetbenchWarning, match="not in the model, scored 0: dog"):
        only_cats = map_classes(("cat", "zebra"), dataset.class_names, allow_unmapped=True)
    detections, _ = predict(FakeDetector(), dataset, only_cats)
    assert set(detections.class_index.tolist()) == {1}
    assert (detections.scores <= 0.5).all()


def test_a_model_of_fixed_batch_refuses_another(dataset, mapping):
    with pytest.raises(DetbenchError, match="batches of 4 only"):
        predict(FakeDetector(batch_size=4), dataset, mapping, batch_size=3)
    assert predict(FakeDetector(batch_size=4), dataset, mapping)[0].settings["batch_size"] == 4


def test_an_unknown_folder_of_images_is_an_error(mapping):
    dataset = GroundTruth.from_rows(
        image_ids=["a"], class_names=["dog", "cat"], image_index=[], class_index=[], boxes=[]
    )
    with pytest.raises(DetbenchError, match="--images"):
        predict(FakeDetector(), dataset, mapping)


def test_a_dataset_without_images_gives_no_detections(mapping, tmp_path):
    dataset = GroundTruth.from_rows(
        image_ids=[],
        class_names=["dog", "cat"],
        image_index=[],
        class_index=[],
        boxes=[],
        image_folder=tmp_path,
    )
    detections, progress = predict(FakeDetector(), dataset, mapping)
    assert (len(detections), progress.done) == (0, 0)
