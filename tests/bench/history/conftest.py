"""Fixtures: the path of a history, and a run folder to add."""

import pytest

from tests.bench.history.histories import write_finder


@pytest.fixture
def history(tmp_path):
    return tmp_path / "history.jsonl"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_finder(tmp_path_factory.mktemp("history") / "runs" / "first")
