"""Predicting with a fake detector: order, batches, cache, interruption, broken pictures."""

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

PICTURES = 70


@pytest.fixture
def dataset(tmp_path):
    """70 plain gray pictures of rising brightness."""
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


def test_ctrl_c_in_the_last_batch_is_not_lost(dataset, mapping):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            predict(
                FakeDetector(),
                dataset,
                mapping,
                on_progress=lambda now: now.done == PICTURES and signal.raise_signal(signal.SIGINT),
            )
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("change", ["model", "batch", "picture"])
def test_what_decides_the_result_is_in_the_key(dataset, mapping, tmp_path, change):
    cache = PredictionCache(tmp_path / "cache")
    predict(FakeDetector(), dataset, mapping, cache=cache)
    if change == "picture":
        Image.new("RGB", (11, 10), (255, 255, 255)).save(dataset.image_folder / "0.png")
    detector = FakeDetector(digest="sha256:other") if change == "model" else FakeDetector()
    found, progress = predict(
        detector, dataset, mapping, batch_size=2 if change == "batch" else None, cache=cache
    )
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


def test_broken_pictures_fail_the_run_counted_and_named_once_the_others_are_done(
    dataset, mapping, tmp_path
):
    cache = PredictionCache(tmp_path / "cache")
    (dataset.image_folder / "5.png").write_bytes(b"no picture")
    (dataset.image_folder / "6.png").unlink()
    with pytest.raises(
        DetbenchError, match=r"2 pictures could not be read: .*5\.png.*6\.png.*--allow-broken"
    ):
        predict(FakeDetector(), dataset, mapping, cache=cache)
    detector = FakeDetector()
    with pytest.warns(
        DetbenchWarning,
        match=r"2 pictures could not be read and have no detections: .*5\.png.*6\.png",
    ):
        found, _ = predict(detector, dataset, mapping, allow_broken=True, cache=cache)
    assert detector.batches == []
    assert np.diff(found.offsets)[4:8].tolist() == [1, 0, 0, 1]
    assert found.settings["broken_pictures"] == ["5.png", "6.png"]


def test_pictures_without_a_file_name_are_called_by_their_image_and_counted(dataset, mapping):
    nameless = replace(
        dataset, image_ids=tuple(f"{n}.png" for n in range(PICTURES)), image_files=("",) * PICTURES
    )
    for n in (5, 6):
        (dataset.image_folder / f"{n}.png").write_bytes(b"no picture")
    with pytest.warns(DetbenchWarning, match=r"2 pictures could not be read"):
        found, _ = predict(FakeDetector(), nameless, mapping, allow_broken=True)
    assert found.settings["broken_pictures"] == ["5.png", "6.png"]


def test_a_picture_of_another_size_than_annotated_is_refused(dataset, mapping):
    sizes = np.full((PICTURES, 2), 10.0)
    sizes[7] = (20, 10)
    with pytest.raises(
        InputError, match=r"7\.png: has 10 × 10 pixels, but its annotations state 20 × 10"
    ):
        predict(FakeDetector(), replace(dataset, image_sizes=sizes), mapping)


def test_a_turned_picture_whose_annotations_are_turned_is_named(dataset, mapping):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (10, 4)).save(dataset.image_folder / "3.png", exif=exif)
    sizes = np.full((PICTURES, 2), np.nan)
    sizes[3] = (4, 10)
    with pytest.raises(InputError, match=r"3\.png: has 10 × 4 pixels.* as its EXIF says"):
        predict(FakeDetector(), replace(dataset, image_sizes=sizes), mapping)


def test_notes_on_pictures_survive_the_cache(dataset, mapping, tmp_path):
    cache = PredictionCache(tmp_path / "cache")
    Image.new("L", (10, 10), 3).save(dataset.image_folder / "1.png")
    for _ in range(2):
        with pytest.warns(DetbenchWarning, match=r"1 picture: .*\(1\.png\)"):
            found, _ = predict(FakeDetector(), dataset, mapping, cache=cache)
        assert list(found.settings["picture_notes"].values()) == [1]


def test_a_cache_that_cannot_be_written_is_said_once_and_done_without(dataset, mapping, tmp_path):
    blocked = tmp_path / "cache"
    blocked.write_text("a file")
    with pytest.warns(
        DetbenchWarning, match=r"cannot be written .*DETBENCH_CACHE.*--no-cache"
    ) as said:
        found, _ = predict(FakeDetector(), dataset, mapping, cache=PredictionCache(blocked))
    assert len(said) == 1
    assert len(found) == PICTURES


def test_detectors_without_a_digest_and_pictures_of_one_name_share_nothing(
    dataset, mapping, tmp_path
):
    cache = PredictionCache(tmp_path / "cache")
    nameless = FakeDetector()
    nameless.settings = {}
    predict(nameless, dataset, mapping, cache=cache)
    assert not list((tmp_path / "cache").rglob("*.npz"))
    predict(FakeDetector(), dataset, mapping, cache=cache)
    moved = tmp_path / "other"
    shutil.copytree(dataset.image_folder, moved, copy_function=shutil.copy2)
    _, progress = predict(
        FakeDetector(), replace(dataset, image_folder=moved), mapping, cache=cache
    )
    assert progress.from_cache == 0


def test_what_is_wrong_with_outputs_is_said_with_the_picture(dataset, mapping):
    class Wrong(FakeDetector):
        def postprocess(self, outputs, batch):
            raise DetbenchError("output holds NaN")

    with pytest.raises(InputError, match=r"0\.png, run through fake: output holds NaN"):
        predict(Wrong(), dataset, mapping)


def test_unmapped_classes_are_dropped(dataset):
    with pytest.warns(DetbenchWarning, match=r"not in the model \(dog\)"):
        only_cats = map_classes(("cat", "zebra"), dataset.class_names, allow_unmapped=True)
    found, _ = predict(FakeDetector(), dataset, only_cats)
    assert set(found.class_index.tolist()) == {1}
    assert (found.scores <= 0.5).all()


def test_a_model_of_fixed_batch_refuses_another(dataset, mapping):
    with pytest.raises(DetbenchError, match="batches of 4 only"):
        predict(FakeDetector(batch_size=4), dataset, mapping, batch_size=3)
    assert predict(FakeDetector(batch_size=4), dataset, mapping)[0].settings["batch_size"] == 4


def test_no_folder_of_pictures_is_said(mapping):
    dataset = GroundTruth.from_rows(
        image_ids=["a"], class_names=["dog", "cat"], image_index=[], class_index=[], boxes=[]
    )
    with pytest.raises(DetbenchError, match="--images"):
        predict(FakeDetector(), dataset, mapping)


def test_a_dataset_without_pictures_gives_nothing(mapping, tmp_path):
    dataset = GroundTruth.from_rows(
        image_ids=[],
        class_names=["dog", "cat"],
        image_index=[],
        class_index=[],
        boxes=[],
        image_folder=tmp_path,
    )
    found, progress = predict(FakeDetector(), dataset, mapping)
    assert (len(found), progress.done) == (0, 0)
