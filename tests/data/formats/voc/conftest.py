"""Real ground truth for the tests of VOC files."""

import pytest

from detbench.data.formats.voc.annotations import read_voc


@pytest.fixture(scope="session")
def voc2007(shared_data):
    """Return the ground truth of VOC 2007 test, from the official tar."""
    return read_voc(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
