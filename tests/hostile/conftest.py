"""Fixtures of the tests of hostile input and surroundings."""

import pytest

from tests.hostile.every_command import Inputs, make_inputs


@pytest.fixture(scope="session")
def inputs(tmp_path_factory, files) -> Inputs:
    """Return small inputs of every command; tests only read them."""
    return make_inputs(tmp_path_factory.mktemp("inputs"), files)
