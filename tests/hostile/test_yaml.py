"""A data.yaml made by hand or by an attacker: names stay as written, and nothing explodes."""

import time

import pytest

from detbench.data.formats.yolo.data_yaml import load_data_yaml, read_class_names
from detbench.errors import InputError


def names(tmp_path, text):
    path = tmp_path / "data.yaml"
    path.write_text(text, encoding="utf-8")
    return read_class_names(path, load_data_yaml(path))


@pytest.mark.parametrize("style", ["[{}]", "\n- {}", "{{0: {}}}", "\n  0: {}"])
@pytest.mark.parametrize(
    "name",
    [
        *("off", "on", "yes", "NO", "012", "1.50", "1_000", "0x1F", "2007-13-13", "12:30:45"),
        *(".inf", "null", "~", "1e3", "=", "<<", "traffic light", "日本"),
    ],
)
def test_names_are_the_texts_of_the_file(tmp_path, style, name):
    assert names(tmp_path, f"names: {style.format(name)}\n") == [name]
    assert names(tmp_path, f"names: {style.format(repr(name))}\n") == [name]


def bomb(levels, width):
    lines = ["a0: &a0 [x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join([*lines, f"names: *a{levels - 1}", ""])


def test_a_text_may_have_an_alias(tmp_path):
    assert names(tmp_path, "val: &v images\ntest: *v\nnames: [a]\n") == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(40, 9), r"line 2: \*a0 must name a text; write it out"),
        ("names: &a [*a]\n", r"line 1: \*a must name a text"),
        ("names: " + "[" * 100_000, "line 1: is deeper than 20 levels"),
        ("names: " + "{a: " * 100_000, "line 1: is deeper than 20 levels"),
        ("names: [a]\nnames: [b]\n", r"line 2: repeats the key 'names'; keep one"),
        ("names:\n  0: a\n  0: b\n", "line 3: repeats the key '0'"),
        ("names: !!python/object/apply:os.system [id]\n", "line 1: has the tag .*os.system"),
        ("names: [!mine a]\n", "line 1: has the tag '!mine'"),
        ("names: !!set {a, b}\n", "line 1: has the tag"),
        ("names: [a]\n---\nnames: [b]\n", "line 3: begins another document"),
        ("names: [[a]]\n", "names: class 0 has no name"),
        ("names: ['']\n", "names: class 0 has no name"),
        ("names: {0: a, 2: b}\n", "names: names must be a list, or numbered from 0"),
        ("names: {00: a}\n", "names: names must be a list, or numbered from 0"),
        ("names: {[a]: b}\n", "line 1: a key must be a text"),
        ("nc: [1]\nnames: [a]\n", "nc: nc is no number, but there are 1 names"),
        ("nc: 01\nnames: [a]\n", "nc: nc is 01, but there are 1 names"),
        ("names: 'a\n", "line 2: is not YAML: .*end of stream"),
        ("names: [a\tb: \x01]\n", "is not YAML"),
        ("%YAML 9.9\n---\nnames: [a]\n", "line 1: is not YAML"),
    ],
)
def test_others_are_refused_at_their_line(tmp_path, text, message):
    start = time.monotonic()
    with pytest.raises(InputError, match=rf"data\.yaml, {message}|data\.yaml: {message}"):
        names(tmp_path, text)
    assert time.monotonic() - start < 30


def test_a_huge_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has 10,000,009 characters, the limit is 10,000,000"):
        names(tmp_path, "names: #" + "x" * 10_000_000 + "\n")
