"""Every mistake of the second family is named or read right, in one of its formats here.

`python -m tests.experiments.doctor --table files` plants each in all of its formats.
"""

import pytest

from tests.doctor.written_pairs import pair_of
from tests.experiments.doctor_sets import file_base
from tests.experiments.file_mistakes import FILE_MISTAKES
from tests.experiments.file_outcomes import outcome_of

SEED = 1


@pytest.fixture(scope="module")
def base():
    return file_base(SEED)


def test_the_family_holds_20_mistakes_and_more():
    assert len(FILE_MISTAKES) >= 20
    assert len({mistake.name for mistake in FILE_MISTAKES}) == len(FILE_MISTAKES)


@pytest.mark.parametrize("number", range(len(FILE_MISTAKES)), ids=[m.name for m in FILE_MISTAKES])
def test_in_one_format(base, number, tmp_path):
    mistake = FILE_MISTAKES[number]
    formats = mistake.formats[number % len(mistake.formats)]
    outcome = outcome_of(mistake, pair_of(*base, *formats), tmp_path)
    assert outcome.kind != "missed", str(outcome)
    assert outcome.fixed_score is None or outcome.is_fixed, str(outcome)
