"""Image sizes from the headers of image files, and files that are not images."""

import errno
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from detbench.data.image_headers import read_image_size, require_image_sizes
from detbench.errors import InputError
from tests.data.ground_truths import make_ground_truth


def test_a_rotated_photograph_has_its_displayed_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "rotated.jpg", exif=exif)
    assert read_image_size(tmp_path / "rotated.jpg") == (20, 40)


def test_a_file_without_permission_is_not_called_broken(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(
        InputError, match=r"a\.png: cannot be read: Permission denied; grant permission to read it$"
    ):
        read_image_size(tmp_path / "a.png")


def test_a_large_image_is_measured_and_an_impossible_one_refused(tmp_path):
    for side in (10_000, 60_000):
        header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        content = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"")
        (tmp_path / f"{side}.png").write_bytes(content)
    assert read_image_size(tmp_path / "10000.png") == (10_000, 10_000)
    with pytest.raises(InputError, match=r"60000\.png: its header states an impossible size"):
        read_image_size(tmp_path / "60000.png")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def test_an_unknown_size_is_refused():
    ground_truth = make_ground_truth(image_sizes=np.full((3, 2), np.nan))
    with pytest.raises(InputError, match=r"the size of image '000' is unknown, .*--images"):
        require_image_sizes(ground_truth)


def test_unknown_sizes_are_read_from_the_files(tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    sizes = [(100, 80), (np.nan, np.nan), (30, 30)]
    ground_truth = make_ground_truth(
        image_sizes=sizes, image_files=["", "a.png", ""], image_folder=tmp_path
    )
    assert require_image_sizes(ground_truth).tolist() == [[100, 80], [40, 20], [30, 30]]
