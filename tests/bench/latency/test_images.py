"""Images for timing: embedded ones, and those of a folder."""

import pytest

from detbench.bench.latency.images import embedded_images, images_in
from detbench.errors import InputError


def test_embedded_images_are_the_same_every_time_and_differ():
    first, second = embedded_images(3), embedded_images(3)
    assert first == second
    assert len({image.data for image in first}) == 3


def test_images_of_a_folder(tmp_path):
    for image in embedded_images(2):
        (tmp_path / image.name).write_bytes(image.data)
    (tmp_path / "notes.txt").write_text("not an image")
    assert [image.name for image in images_in(tmp_path)] == ["embedded-0.jpg", "embedded-1.jpg"]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a folder of images"):
        images_in(tmp_path / "none")
    with pytest.raises(InputError, match="contains no images"):
        images_in(tmp_path)
