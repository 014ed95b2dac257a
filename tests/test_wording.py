"""Wording: plurals and shortened lists of names."""

import pytest

from detbench.wording import first_few, plural


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [
        (0, "image", "0 images"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (3, "box", "3 boxes"),
        (1200, "match", "1,200 matches"),
    ],
)
def test_a_number_with_its_noun(number, noun, expected):
    assert plural(number, noun) == expected


@pytest.mark.parametrize(
    ("limit", "expected"), [(3, "a, b, c"), (2, "a, b and 1 more"), (5, "a, b, c")]
)
def test_a_list_of_names_is_shortened(limit, expected):
    assert first_few(["a", "b", "c"], limit) == expected
