"""Schema versions: supported and older ones are returned, others are refused by name."""

import pytest

from detbench.data.schema_version import check_version
from detbench.errors import InputError


def test_returns_the_supported_version_and_older_ones() -> None:
    assert check_version(2, 2, "record.json") == 2
    assert check_version(1, 2, "record.json") == 1


def test_refuses_a_newer_version_and_names_the_file() -> None:
    message = (
        "^x/record.json: has schema version 3, but this detbench reads versions up to 2; "
        "install a newer detbench$"
    )
    with pytest.raises(InputError, match=message):
        check_version(3, 2, "x/record.json")


def test_refuses_a_missing_version() -> None:
    with pytest.raises(InputError, match="has no schema version; it was damaged"):
        check_version(None, 2, "record.json")


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, [1], {}])
def test_refuses_what_is_not_an_integer_from_1(version: object) -> None:
    with pytest.raises(InputError, match="expected an integer from 1 to 2"):
        check_version(version, 2, "record.json")
