"""Thumbnails: small, rotated as their boxes, and within the budget of bytes."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from detbench.errors import DetbenchError
from detbench.reports.thumbnails import LONG_SIDE, thumbnails
from tests.metrics.scored import truth


def decoded(uri: str) -> Image.Image:
    kind, data = uri.split(",", 1)
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


def noise(width, height, seed=0) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    )


def ground_truth_with(folder, images, **columns):
    """Ground truth whose image n is images[n]; None for a missing file."""
    names = [f"{n:03d}.png" if image else "absent.png" for n, image in enumerate(images)]
    for name, image in zip(names, images, strict=True):
        if image:
            image.save(folder / name)
    sizes = [image.size if image else (10, 10) for image in images]
    return truth(
        [],
        images=len(images),
        **{"image_files": names, "image_folder": folder, "image_sizes": sizes} | columns,
    )


def test_the_long_side_is_at_most_320_pixels_and_small_images_stay(tmp_path):
    ground_truth = ground_truth_with(tmp_path, [noise(800, 400), noise(300, 900), noise(40, 30)])
    small = thumbnails(ground_truth, [2, 0, 1])
    assert {position: decoded(uri).size for position, uri in small.uris.items()} == {
        2: (40, 30),
        0: (LONG_SIDE, 160),
        1: (107, LONG_SIDE),
    }
    assert list(small.uris) == [2, 0, 1]
    assert small.sizes == {0: (800, 400), 1: (300, 900), 2: (40, 30)}
    assert (small.unreadable, small.left_out) == ({}, ())


def test_colors_and_places_are_those_of_the_image(tmp_path):
    image = Image.new("RGB", (640, 320), (200, 30, 30))
    image.paste((30, 30, 200), (320, 0, 640, 320))
    shown = np.asarray(
        decoded(thumbnails(ground_truth_with(tmp_path, [image]), [0]).uris[0]).convert("RGB")
    ).astype(int)
    assert np.abs(shown[80, 40] - (200, 30, 30)).max() < 25
    assert np.abs(shown[80, 280] - (30, 30, 200)).max() < 25


def test_sizes_are_those_of_the_annotations(tmp_path):
    image = noise(64, 48)
    assert thumbnails(ground_truth_with(tmp_path, [image], image_sizes=[(128, 96)]), [0]).sizes == {
        0: (128, 96)
    }
    assert thumbnails(ground_truth_with(tmp_path, [image], image_sizes=None), [0]).sizes == {
        0: (64, 48)
    }


@pytest.mark.parametrize(("annotated", "shown"), [((64, 48), (64, 48)), ((48, 64), (48, 64))])
def test_a_rotated_image_is_shown_as_its_boxes_refer_to_it(tmp_path, annotated, shown):
    image = Image.new("RGB", (64, 48), "black")
    image.paste((255, 255, 255), (0, 0, 64, 24))
    exif = Image.Exif()
    exif[0x0112] = 6
    ground_truth = ground_truth_with(
        tmp_path, [image], image_files=["rotated.jpg"], image_sizes=[annotated]
    )
    image.save(tmp_path / "rotated.jpg", exif=exif)
    small = decoded(thumbnails(ground_truth, [0]).uris[0])
    assert small.size == shown
    pixels = np.asarray(small.convert("L"))
    bright = pixels[:, 30:] if annotated == (48, 64) else pixels[:20]
    assert bright.mean() > 200
    assert pixels.mean() == pytest.approx(127, abs=12)


def test_the_budget_lowers_the_quality_and_then_leaves_the_last_out(tmp_path):
    ground_truth = ground_truth_with(tmp_path, [noise(320, 240, n) for n in range(4)])
    full = thumbnails(ground_truth, range(4))
    total = sum(map(len, full.uris.values()))
    coarser = thumbnails(ground_truth, range(4), max_bytes=total - 1)
    assert list(coarser.uris) == [0, 1, 2, 3]
    assert sum(map(len, coarser.uris.values())) < total
    few = thumbnails(ground_truth, range(4), max_bytes=total // 4)
    assert 0 < sum(map(len, few.uris.values())) <= total // 4
    assert (*few.uris, *few.left_out) == (0, 1, 2, 3)
    assert set(few.sizes) == set(few.uris)
    assert thumbnails(ground_truth, range(4), max_bytes=0).left_out == (0, 1, 2, 3)


def test_images_that_cannot_be_read_are_named(tmp_path):
    ground_truth = ground_truth_with(tmp_path, [noise(40, 30), None, noise(40, 30)])
    (tmp_path / "002.png").write_bytes(b"no image")
    small = thumbnails(ground_truth, [0, 1, 2])
    assert list(small.uris) == [0]
    assert "absent.png: no such image" in small.unreadable[1]
    assert "is not a readable image" in small.unreadable[2]


def test_no_folder_and_no_images():
    with pytest.raises(DetbenchError, match="the folder of its images is unknown"):
        thumbnails(truth([]), [0])


def test_no_images(tmp_path):
    assert thumbnails(ground_truth_with(tmp_path, [noise(10, 10)]), []).uris == {}
