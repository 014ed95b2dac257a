"""The shapes dataset, and the simulated detections of the tests."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.shapes import make_shapes
from detbench.data.shapes_image import SHAPES, draw_image
from detbench.errors import InputError
from tests.data.simulated_detections import simulated_detections


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    return make_shapes(tmp_path_factory.mktemp("shapes") / "shapes", train=30, val=2, test=40)


def hashes(folder):
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_voc_reader_reads_it(year):
    test, train, val = (read_voc(year, split=split) for split in ("test", "train", "val"))
    assert [len(split.image_ids) for split in (test, train, val)] == [40, 30, 2]
    assert test.class_names == SHAPES
    assert test.protocol == "voc2007"
    assert set(test.image_ids).isdisjoint(train.image_ids)
    assert set(np.unique(train.class_index)) == set(range(4))
    for file, size in zip(test.image_files, test.image_sizes, strict=True):
        with Image.open(test.image_folder / file) as image:
            assert image.size == tuple(size)
            assert image.format == "JPEG"
            assert all(128 <= side <= 192 for side in image.size)


def test_boxes_lie_in_their_images_and_some_are_truncated_or_difficult(year):
    ground_truth = read_voc(year, split="train")
    limits = np.repeat(np.tile(ground_truth.image_sizes, 2), np.diff(ground_truth.offsets), axis=0)
    assert (ground_truth.boxes >= 0).all()
    assert (ground_truth.boxes <= limits).all()
    assert (ground_truth.boxes == ground_truth.boxes.round()).all()
    assert (ground_truth.box_areas > 0).all()
    on_border = ((ground_truth.boxes == 0) | (ground_truth.boxes == limits)).any(axis=1)
    assert on_border[ground_truth.truncated].all()
    assert 0 < ground_truth.truncated.mean() < 0.5
    assert 0 < ground_truth.difficult.mean() < 0.3


def test_images_do_not_depend_on_the_sizes_of_the_splits(year, tmp_path):
    again = make_shapes(tmp_path / "again", train=0, val=0, test=5)
    files = {name: value for name, value in hashes(again).items() if "ImageSets" not in name}
    assert files.items() <= hashes(year).items()
    assert len(files) == 10
    image_sets = [file.name for file in (again / "ImageSets/Main").iterdir()]
    assert [name for name in image_sets if "_" not in name] == ["test.txt"]


def test_another_seed_draws_another_image():
    one, two = (draw_image(np.random.default_rng(seed)) for seed in (1, 2))
    assert one.pixels.shape != two.pixels.shape or not np.array_equal(one.pixels, two.pixels)


def test_a_box_bounds_the_pixels_of_its_shape(monkeypatch):
    """On a plain background, a single shape is where the pixels differ by more than noise."""
    monkeypatch.setattr(
        "detbench.data.shapes_image._draw_background",
        lambda rng, width, height: np.full((height, width, 3), 128.0),
    )
    checked = 0
    for seed in range(60):
        image = draw_image(np.random.default_rng(seed))
        if len(image.boxes) != 1 or image.difficult[0]:
            continue
        differs = np.abs(image.pixels.astype(float) - 128).max(axis=2) > 40
        rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
        assert image.boxes == [(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]
        checked += 1
    assert checked > 5


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        make_shapes(tmp_path, train=0, val=0, test=1)


def test_simulated_detections_are_named_so_and_repeat(year):
    ground_truth = read_voc(year)
    one, two = (
        simulated_detections(ground_truth, 0.8, seed=3),
        simulated_detections(ground_truth, 0.8, seed=3),
    )
    assert one.digest == two.digest
    assert one.digest != simulated_detections(ground_truth, 0.8, seed=4).digest
    assert "simulated" in one.name
    assert "not a model" in one.source


@pytest.mark.parametrize("quality", [0.0, 0.5, 1.0])
def test_simulated_detections_are_plausible(year, quality):
    ground_truth = read_voc(year)
    detections = simulated_detections(ground_truth, quality)
    limits = np.repeat(np.tile(ground_truth.image_sizes, 2), np.diff(detections.offsets), axis=0)
    assert ((detections.scores > 0) & (detections.scores < 1)).all()
    assert (detections.scores == detections.scores.round(4)).all()
    assert ((detections.boxes >= 0) & (detections.boxes <= limits)).all()
    assert int((detections.boxes[:, 2:] < detections.boxes[:, :2]).any(axis=1).sum()) == 0
    assert len(np.unique(detections.scores)) > len(detections) / 2


def test_simulated_detections_of_nothing_are_background_only(year):
    nothing = read_voc(year).select_images(np.array([], np.int64))
    assert len(simulated_detections(nothing, 0.5)) == 0
