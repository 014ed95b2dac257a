"""Images: every kind of file follows its documented rule; broken files are named."""

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.images import read_image
from detbench.data.image_headers import read_image_size
from detbench.errors import InputError

RED = (200, 10, 30)
ROTATED_BY_90 = 6
"""A value of EXIF's orientation."""


@pytest.fixture
def colors():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def saved(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def test_rgb_pixels_are_unchanged(tmp_path, colors):
    image = read_image(saved(tmp_path / "a.png", colors))
    assert (image.pixels == colors).all()
    assert image.notes == ()
    assert not image.pixels.flags.writeable


def test_gray_is_repeated(tmp_path, colors):
    image = read_image(saved(tmp_path / "a.png", colors[..., 0]))
    assert (image.pixels == colors[..., :1]).all()
    assert image.notes == ("grayscale, repeated as red, green and blue",)


def test_1_bit_is_black_and_white(tmp_path):
    bits = np.eye(5, dtype=bool)
    image = read_image(saved(tmp_path / "a.png", bits))
    assert (image.pixels == np.where(bits, 255, 0)[..., None]).all()
    assert image.notes == ("1-bit, converted from black and white to RGB",)


def test_a_palette_becomes_rgb(tmp_path):
    palette_image = Image.new("P", (4, 3), 1)
    palette_image.putpalette([0, 0, 0, *RED])
    palette_image.save(tmp_path / "a.png", transparency=bytes([255, 0]))
    image = read_image(tmp_path / "a.png")
    assert (image.pixels == RED).all()
    assert image.notes == (
        "palette, converted to RGB",
        "transparent colors are treated as opaque",
    )


def test_alpha_is_dropped_and_nothing_is_blended(tmp_path):
    Image.new("RGBA", (4, 3), (*RED, 0)).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image.pixels == RED).all()
    assert image.notes == ("alpha is dropped, nothing is blended",)


def test_cmyk_is_converted_by_plain_arithmetic(tmp_path):
    Image.new("CMYK", (4, 3), (55, 245, 225, 0)).save(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif")
    assert (image.pixels == (200, 10, 30)).all()
    assert image.notes == ("CMYK, converted without a color profile",)


def test_16_bit_keeps_the_upper_8(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (6, 9), np.uint16)
    image = read_image(saved(tmp_path / "a.png", values))
    assert (image.pixels == (values >> 8)[..., None]).all()
    assert image.notes == ("16-bit, of which the upper 8 are used",)


def test_16_bit_colors_keep_the_upper_8(tmp_path):
    cv2 = pytest.importorskip("cv2")
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, 3), np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), values)
    image = read_image(tmp_path / "a.png")
    assert (image.pixels == (values >> 8)[..., ::-1]).all()
    assert image.notes == ("16-bit, of which the upper 8 are used",)


def test_32_bit_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.tif: has 32-bit values"):
        read_image(saved(tmp_path / "a.tif", np.ones((3, 4), np.float32)))


def test_an_exif_rotation_is_noted_but_not_applied(tmp_path, colors):
    exif = Image.Exif()
    exif[0x0112] = ROTATED_BY_90
    path = saved(tmp_path / "a.png", colors, exif=exif)
    image = read_image(path)
    assert (image.pixels == colors).all()
    assert image.notes == ("EXIF rotation is not applied",)
    assert read_image_size(path) == image.pixels.shape[:2], "YOLO labels refer to the rotated image"


def test_exif_without_rotation_or_unreadable_gives_no_note(tmp_path, colors):
    exif = Image.Exif()
    exif[0x0112] = 1
    assert read_image(saved(tmp_path / "a.png", colors, exif=exif)).notes == ()
    assert read_image(saved(tmp_path / "b.jpg", colors, exif=b"Exif\x00\x00nonsense")).notes == ()


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (4, 3), color) for color in (RED, (0, 0, 255))]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    image = read_image(tmp_path / "a.png")
    assert (image.pixels == RED).all()
    assert image.notes == ("animated, of which the first frame is used",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif", ".gif"])
@pytest.mark.parametrize("fraction", [0.5, 0.9])
def test_a_truncated_image_is_named(tmp_path, suffix, fraction):
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    path = saved(tmp_path / f"a{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(
        InputError, match=rf"a\{suffix}: is (truncated or damaged|not a readable image)"
    ):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"is empty \(0 bytes\)"), (b"<html>", "is not a readable image")],
)
def test_a_file_that_is_no_image_is_named(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.jpg: {message}"):
        read_image(path)


def test_a_missing_image_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.jpg: no such image"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_image(tmp_path)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, colors):
    path = saved(tmp_path / "a.png", colors)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(InputError, match="is too large to be decoded safely"):
        read_image(path)
