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
    return make_shapes(tmp_path_factory.mktemp("made") / "shapes", train=30, val=2, test=40)


def hashes(folder):
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_ordinary_reader_takes_it(year):
    test, train = read_voc(year), read_voc(year, split="train")
    assert (
        len(test.image_ids),
        len(train.image_ids),
        len(read_voc(year, split="val").image_ids),
    ) == (40, 30, 2)
    assert test.class_names == SHAPES
    assert test.protocol == "voc2007"
    assert set(test.image_ids).isdisjoint(train.image_ids)
    assert set(np.unique(train.class_index)) == set(range(4))
    for file, size in zip(test.image_files, test.image_sizes, strict=True):
        with Image.open(test.image_folder / file) as picture:
            assert picture.size == tuple(size)
            assert picture.format == "JPEG"
            assert all(128 <= side <= 192 for side in picture.size)


def test_boxes_lie_in_their_pictures_and_some_are_special(year):
    truth = read_voc(year, split="train")
    limits = np.repeat(np.tile(truth.image_sizes, 2), np.diff(truth.offsets), axis=0)
    assert (truth.boxes >= 0).all()
    assert (truth.boxes <= limits).all()
    assert (truth.boxes == truth.boxes.round()).all()
    assert (truth.box_areas > 0).all()
    on_border = ((truth.boxes == 0) | (truth.boxes == limits)).any(axis=1)
    assert on_border[truth.truncated].all()
    assert 0 < truth.truncated.mean() < 0.5
    assert 0 < truth.difficult.mean() < 0.3


def test_every_run_makes_the_same_whatever_the_sizes_of_the_splits(year, tmp_path):
    again = make_shapes(tmp_path / "again", train=0, val=0, test=5)
    files = {name: value for name, value in hashes(again).items() if "ImageSets" not in name}
    assert files.items() <= hashes(year).items()
    assert len(files) == 10
    assert sorted(
        file.name for file in (again / "ImageSets/Main").iterdir() if "_" not in file.name
    ) == ["test.txt"]


def test_another_seed_makes_other_pictures():
    one, two = (draw_image(np.random.default_rng(seed)) for seed in (1, 2))
    assert one.pixels.shape != two.pixels.shape or not np.array_equal(one.pixels, two.pixels)


def test_a_box_bounds_the_pixels_that_differ_from_a_picture_without_the_shape(monkeypatch):
    """A lone shape is found again by comparing with the plain ground, noise left out."""
    monkeypatch.setattr(
        "detbench.data.shapes_image._ground",
        lambda rng, width, height: np.full((height, width, 3), 128.0),
    )
    checked = 0
    for seed in range(60):
        picture = draw_image(np.random.default_rng(seed))
        if len(picture.boxes) != 1 or picture.difficult[0]:
            continue
        differs = np.abs(picture.pixels.astype(float) - 128).max(axis=2) > 40
        rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
        assert picture.boxes == [(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]
        checked += 1
    assert checked > 5


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        make_shapes(tmp_path, train=0, val=0, test=1)


def test_simulated_detections_say_so_and_repeat(year):
    truth = read_voc(year)
    one, two = simulated_detections(truth, 0.8, seed=3), simulated_detections(truth, 0.8, seed=3)
    assert one.digest == two.digest
    assert one.digest != simulated_detections(truth, 0.8, seed=4).digest
    assert "simulated" in one.name
    assert "not a model" in one.source


@pytest.mark.parametrize("quality", [0.0, 0.5, 1.0])
def test_simulated_detections_are_plausible(year, quality):
    truth = read_voc(year)
    found = simulated_detections(truth, quality)
    limits = np.repeat(np.tile(truth.image_sizes, 2), np.diff(found.offsets), axis=0)
    assert ((found.scores > 0) & (found.scores < 1)).all()
    assert (found.scores == found.scores.round(4)).all()
    assert ((found.boxes >= 0) & (found.boxes <= limits)).all()
    assert int((found.boxes[:, 2:] < found.boxes[:, :2]).any(axis=1).sum()) == 0
    assert len(np.unique(found.scores)) > len(found) / 2


def test_simulated_detections_of_nothing_are_background_only(year):
    nothing = read_voc(year).select_images(np.array([], np.int64))
    assert len(simulated_detections(nothing, 0.5)) == 0
