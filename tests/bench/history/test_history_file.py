"""History files: equal lines for equal runs, merged by keeping the lines of both sides."""

import json
import multiprocessing

import duckdb
import pytest

from detbench.bench.history.frame import history_frame
from detbench.bench.history.history_file import add_entry, read_history
from detbench.errors import InputError
from tests.bench.history.histories import DATE, entry_of


def commits(history):
    return [entry.commit for entry in read_history(history)]


def test_adding_twice_adds_nothing_and_gives_equal_bytes(history, folder, tmp_path):
    assert add_entry(history, entry_of(history, folder)) is True
    before = history.read_bytes()
    assert add_entry(history, entry_of(history, folder)) is False
    assert history.read_bytes() == before
    assert before.count(b"\n") == 1
    other = tmp_path / "other.jsonl"
    add_entry(other, entry_of(other, folder))
    assert other.read_bytes() == before
    assert list(json.loads(before)) == sorted(json.loads(before))


def test_lines_of_two_branches_are_merged_by_keeping_both(history, folder):
    first = entry_of(history, folder, commit="c1")
    second = entry_of(history, folder, commit="c2", date="2026-11-20T10:00:00+01:00")
    for entry in (first, second):
        add_entry(history, entry)
    lines = history.read_bytes().splitlines(keepends=True)
    history.write_bytes(b"".join([lines[0], b"\n", lines[1], lines[0]]))
    assert read_history(history) == [second, first]


def test_a_last_line_without_its_end_is_completed(history, folder):
    add_entry(history, entry_of(history, folder))
    history.write_bytes(history.read_bytes().rstrip(b"\n"))
    add_entry(history, entry_of(history, folder, commit="c2"))
    assert commits(history) == ["c1", "c2"]


def add_five(arguments):
    history, folder, number = arguments
    for n in range(5):
        add_entry(history, entry_of(history, folder, commit=f"{number}-{n}"))


def test_processes_that_add_at_the_same_time_do_not_harm_each_other(history, folder):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(add_five, [(history, folder, number) for number in range(2)])
    assert set(commits(history)) == {f"{number}-{n}" for number in range(2) for n in range(5)}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("<<<<<<< HEAD", "line 2: has conflict markers of an unfinished merge; remove the marks"),
        ("{", "line 2: is not a history entry"),
        ("{}", "line 2: has no schema version"),
        ('{"schema_version": 1}', "line 2: is not a history entry: Object missing required field"),
        ('{"schema_version": 3, "new": 1}', "line 2: has schema version 3, but this detbench"),
    ],
)
def test_a_malformed_line_is_named(history, folder, line, problem):
    add_entry(history, entry_of(history, folder))
    history.write_text(history.read_text() + line + "\n")
    with pytest.raises(InputError, match=problem):
        read_history(history)
    before = history.read_bytes()
    with pytest.raises(InputError):
        add_entry(history, entry_of(history, folder, commit="c2"))
    assert history.read_bytes() == before


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("2026-11-21T10:00:00", "the date '2026-11-21T10:00:00' has no time zone"),
        ("0001-01-01T00:00:00+10:00", "is out of range"),
        ("", "Invalid isoformat"),
        ("yesterday", "Invalid isoformat"),
    ],
)
def test_a_line_without_a_valid_date_is_named(history, folder, date, problem):
    add_entry(history, entry_of(history, folder))
    history.write_text(history.read_text().replace(DATE, date))
    with pytest.raises(InputError, match=f"line 1: is not a history entry: .*{problem}"):
        read_history(history)


@pytest.mark.parametrize(
    "date",
    [
        "20261121T100000Z",
        "2026-11-21T11:00:00+01:00",
        "2026-W47-6T10:00:00Z",
        "2026-11-21 10:00:00.000+00:00",
    ],
)
def test_every_spelling_of_a_date_is_read_as_the_same(history, folder, date):
    add_entry(history, entry_of(history, folder))
    frame = history_frame(history)
    history.write_text(history.read_text().replace(DATE, date))
    assert [entry.date for entry in read_history(history)] == [DATE]
    assert history_frame(history).equals(frame)
    assert add_entry(history, entry_of(history, folder, date=date)) is False


@pytest.mark.parametrize("name", ["history.parquet", "history.PQ"])
def test_a_history_cannot_be_named_as_parquet(history, folder, tmp_path, name):
    file = tmp_path / name
    message = "has the suffix of a Parquet file; a history has lines of JSON; name a .jsonl file"
    with pytest.raises(InputError, match=message):
        add_entry(file, entry_of(file, folder))
    assert not file.exists()
    file.touch()
    with pytest.raises(InputError, match="has the suffix of a Parquet file"):
        read_history(file)


def test_a_history_cannot_be_parquet(history, folder, tmp_path):
    add_entry(history, entry_of(history, folder))
    file = tmp_path / "other.jsonl"
    duckdb.read_json(str(history)).write_parquet(str(file))
    before = file.read_bytes()
    message = r"other\.jsonl: is a Parquet file; a history has lines of JSON"
    with pytest.raises(InputError, match=message):
        read_history(file)
    with pytest.raises(InputError, match=message):
        add_entry(file, entry_of(file, folder))
    assert file.read_bytes() == before


def test_a_byte_order_mark_is_ignored(history, folder):
    add_entry(history, entry_of(history, folder))
    history.write_bytes(b"\xef\xbb\xbf" + history.read_bytes())
    assert len(read_history(history)) == 1


def test_unreadable_and_unwritable_files(tmp_path, folder):
    message = "cannot be read: No such file or directory; `detbench history add` creates one"
    with pytest.raises(InputError, match=message):
        read_history(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        add_entry(tmp_path, entry_of(tmp_path / "h.jsonl", folder))
