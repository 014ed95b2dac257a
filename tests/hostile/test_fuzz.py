"""Mutated files of every kind are read or refused; `make fuzz` takes longer over it."""

import os
import time

import pytest

from tests.hostile.fuzz.driver import fuzz
from tests.hostile.fuzz.targets import TARGETS

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0.5"))
SEED = int(os.environ.get("FUZZ_SEED", str(int(time.time()) // 86_400)))
"""By default another one each day, so that a failure is found again on the same day."""


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_mutated_files_are_read_or_refused(target):
    tally = fuzz(target, SEED, SECONDS)
    assert tally.cases
    assert not tally.failures, f"seed {SEED}, {target.name}: {tally.failures[:3]}"
