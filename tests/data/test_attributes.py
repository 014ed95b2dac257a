"""Attributes of images from CSV: what is read, and what is refused."""

from __future__ import annotations

import pytest

from detbench.data.attributes import read_attributes
from detbench.errors import DetbenchWarning, InputError
from tests.metrics.scored import truth

GROUND_TRUTH = truth([], images=3)


def read(tmp_path, text):
    path = tmp_path / "attributes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_attributes(path, GROUND_TRUTH)


def test_values_by_image(tmp_path):
    assert read(tmp_path, 'weather,image_id,lens\nrain,002,\n"sun, wind", 000 ,35\n\n') == {
        "weather": ["sun, wind", None, "rain"],
        "lens": ["35", None, None],
    }


def test_unknown_images_are_ignored_with_a_warning(tmp_path):
    with pytest.warns(
        DetbenchWarning, match="ignored 1 of 2 images that are not in made: '[^']+'$"
    ):
        assert read(tmp_path, "image_id,a\n000,x\nother,y\n") == {"a": ["x", None, None]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a header with image_id and other, unique column names, got nothing"),
        ("name,a\n", "expected a header with image_id"),
        ("image_id\n000\n", "expected a header with image_id"),
        ("image_id,a,a\n", "unique column names, got 'image_id', 'a', 'a'"),
        ("image_id,a\n000\n", "line 2: expected 2 values, got 1"),
        ("image_id,a\n000,x\n000,y\n", "line 3: image '000' occurs a second time"),
        (
            "image_id,a\n7,x\n",
            "none of its 1 images is in made: '7'; write image ids such as '000'",
        ),
        (b"image_id,a\n000,\xff\n", "line 2: is not UTF-8 text"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, problem):
    with pytest.raises(InputError, match=problem):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "{" + ", ".join(f"key{n}: {n}" for n in range(9000)) + "}",
            r"got '\{key0: 0', .*'key4: 4', \.\.\. \(9,000 in all\)",
        ),
        ("a" * 90_000, "got 'aaaa"),
        (
            "image_id,b\n" + "".join(f"x{n},1\n" for n in range(9000)),
            r"none of its 9,000 images .*: 'x0', .*'x4', \.\.\. \(9,000 in all\); write",
        ),
        ("image_id,b\n" + 2 * ("a" * 90_000 + ",1\n"), "a second time"),
    ],
)
def test_the_message_about_a_wrong_file_is_short(tmp_path, text, problem):
    with pytest.raises(InputError, match=problem) as error:
        read(tmp_path, text)
    assert "attributes.csv" in str(error.value)
    assert len(str(error.value)) < 500 + len(str(tmp_path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_attributes(tmp_path / "none.csv", GROUND_TRUTH)
