"""JSON documents: sorted, indented, exact, and written completely or not at all."""

import json

import pytest

from detbench.bench.json_documents import json_bytes, write_json


def test_json_is_sorted_and_indented_and_keeps_every_digit():
    text = json_bytes({"b": 0.1 + 0.2, "a": [None, "é"]}).decode()
    assert text == '{\n  "a": [\n    null,\n    "é"\n  ],\n  "b": 0.30000000000000004\n}\n'


def test_json_is_written_completely_or_not_at_all(tmp_path):
    path = tmp_path / "out.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]
