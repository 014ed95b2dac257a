"""Images that are not what their name says: nothing but an image is opened, and no program runs."""

import os
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.images import decode_image, read_image
from detbench.data.image_headers import read_image_size
from detbench.errors import InputError


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """Return a file that exists once a program called `gs` was run."""
    marker, folder = tmp_path / "was run", tmp_path / "bin"
    folder.mkdir()
    program = folder / "gs"
    program.write_text(f'#!/bin/sh\ntouch "{marker}"\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    return marker


def test_an_eps_called_jpg_runs_no_ghostscript(ghostscript, tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path, "EPS")
    with Image.open(path) as image, pytest.raises(Exception, match=r"."):
        image.load()
    assert ghostscript.exists(), "Pillow no longer runs Ghostscript: this test proves nothing"
    ghostscript.unlink()
    with pytest.raises(InputError, match=r"a\.jpg: is not an image"):
        read_image_size(path)
    with pytest.raises(InputError, match=r"a\.jpg: is not a readable image"):
        read_image(path)
    with pytest.raises(InputError, match=r"a\.jpg: is not a readable image"):
        decode_image(path.read_bytes(), "a.jpg")
    assert not ghostscript.exists()


@pytest.mark.parametrize("name", ["PSD", "PDF", "ICNS", "XBM", "SGI", "TGA", "PCX"])
def test_formats_that_no_detector_is_given_are_refused(name, tmp_path):
    path, buffer = tmp_path / "a.jpg", BytesIO()
    if name == "PSD":
        buffer.write(b"8BPS\x00\x01" + bytes(6) + b"\x00\x03\x00\x00\x00\x08\x00\x00\x00\x08")
    else:
        Image.new("1" if name == "XBM" else "RGB", (16, 16)).save(buffer, name)
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError):
        read_image(path)


@pytest.mark.parametrize(
    "name", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "JPEG2000", "MPO"]
)
def test_photographic_formats_are_read(name, tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 6), (250, 10, 10)).save(path, name)
    assert read_image_size(path) == (8, 6)
    assert np.abs(read_image(path).pixels.astype(int) - [250, 10, 10]).max() < 16
