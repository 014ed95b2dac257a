"""Fixtures of the tests of commands."""

import pytest

from tests.cli.broken_files import BrokenFiles


@pytest.fixture
def broken(files, tmp_path) -> BrokenFiles:
    """Return copies of the small dataset in `input`, to be broken."""
    (tmp_path / "input").mkdir()
    return BrokenFiles(files, tmp_path / "input")
