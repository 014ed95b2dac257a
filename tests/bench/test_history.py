"""History: one line for a run, the same whenever it is made, and merged by keeping the lines of both sides."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from detbench.bench.history import add, entry_of, history_frame, last_passed, read_history
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.made import images, run, timed

TRUTH = images(20)


@pytest.fixture
def history(tmp_path):
    return tmp_path / "history.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("history") / "runs" / "first"
    found = replace(run(TRUTH).detections, name="finder")
    return write_run(
        place,
        evaluate(TRUTH, found, "voc2007"),
        options={},
        latency=[timed(name="finder"), timed(stage="end_to_end", reasons=("hot",))],
    )


def entry(
    history,
    folder,
    *,
    date="2026-11-21T10:00:00+00:00",
    commit="c1",
    branch="main",
    verdict="passed",
    name="finder",
):
    made = read_run(folder)
    made.record["created"] = date
    made = replace(made, detections=replace(made.detections, name=name))
    return entry_of(made, history, commit=commit, branch=branch, verdict=verdict)


def test_an_entry_says_what_the_run_says(history, folder):
    made = entry(history, folder)
    assert (made.name, made.commit, made.branch, made.verdict, made.protocol) == (
        "finder",
        "c1",
        "main",
        "passed",
        "voc2007",
    )
    assert (history.parent / made.run).resolve() == folder.resolve()
    assert made.measures["mAP"].value == read_run(folder).evaluation().summary["mAP"]
    assert made.measures["mAP"].low < made.measures["mAP"].value
    p50 = made.measures["infer p50 ms, batch 1, single_stream"]
    assert p50.value == np.median(timed().samples_ns) / 1e6
    assert p50.low < p50.value < p50.high
    assert not [measure for measure in made.measures if measure.startswith("end_to_end")]


def test_adding_twice_adds_nothing_and_gives_the_same_bytes(history, folder, tmp_path):
    assert add(history, entry(history, folder)) is True
    before = history.read_bytes()
    assert add(history, entry(history, folder)) is False
    assert history.read_bytes() == before
    assert before.count(b"\n") == 1
    again = tmp_path / "again.jsonl"
    add(again, entry(again, folder))
    assert again.read_bytes() == before
    assert list(json.loads(before)) == sorted(json.loads(before))


def test_lines_of_two_branches_are_merged_by_keeping_both(history, folder):
    one, other = (
        entry(history, folder, commit="c1"),
        entry(history, folder, commit="c2", date="2026-11-20T10:00:00+01:00"),
    )
    for each in (one, other):
        add(history, each)
    lines = history.read_bytes().splitlines(keepends=True)
    history.write_bytes(b"".join([lines[0], b"\n", lines[1], lines[0]]))
    assert read_history(history) == [other, one]


def test_a_last_line_without_its_end_is_not_run_into(history, folder):
    add(history, entry(history, folder))
    history.write_bytes(history.read_bytes().rstrip(b"\n"))
    add(history, entry(history, folder, commit="c2"))
    assert [each.commit for each in read_history(history)] == ["c1", "c2"]


def add_many(arguments):
    history, folder, number = arguments
    for n in range(5):
        add(history, entry(history, folder, commit=f"{number}-{n}"))


def test_two_that_add_at_the_same_time_do_not_harm_one_another(history, folder):
    with multiprocessing.get_context("spawn").Pool(2) as workers:
        workers.map(add_many, [(history, folder, number) for number in range(2)])
    assert {each.commit for each in read_history(history)} == {
        f"{number}-{n}" for number in range(2) for n in range(5)
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "<<<<<<< HEAD",
            "line 2: holds the marks of a merge that is not finished; remove the marks",
        ),
        ("{", "line 2: is not an entry of a history"),
        (
            "{}",
            "line 2: is not an entry of a history: Object missing required field `schema_version`",
        ),
        (
            '{"schema_version": 1}',
            "line 2: is not an entry of a history: Object missing required field",
        ),
        (
            '{"schema_version": 2, "new": 1}',
            "line 2: is of schema version 2, of a newer detbench; upgrade detbench",
        ),
    ],
)
def test_a_line_that_is_no_entry(history, folder, line, problem):
    add(history, entry(history, folder))
    history.write_text(history.read_text() + line + "\n")
    with pytest.raises(InputError) as found:
        read_history(history)
    assert problem in str(found.value)
    before = history.read_bytes()
    with pytest.raises(InputError):
        add(history, entry(history, folder, commit="c2"))
    assert history.read_bytes() == before


def test_a_date_that_is_none(history, folder):
    add(history, entry(history, folder))
    history.write_text(history.read_text().replace("2026-11-21T10:00:00+00:00", "yesterday"))
    with pytest.raises(InputError, match="line 1: is not an entry of a history: Invalid isoformat"):
        read_history(history)


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("2026-11-21T10:00:00", "the date '2026-11-21T10:00:00' has no time zone"),
        ("2026-W47-6", "has no time zone"),
        ("2026-11-21", "has no time zone"),
        ("0001-01-01T00:00:00+10:00", "is out of range"),
        ("", "Invalid isoformat"),
    ],
)
def test_a_date_that_says_no_moment(history, folder, date, problem):
    add(history, entry(history, folder))
    history.write_text(history.read_text().replace("2026-11-21T10:00:00+00:00", date))
    with pytest.raises(InputError, match=f"line 1: is not an entry of a history: .*{problem}"):
        read_history(history)
    with pytest.raises(
        InputError, match=f"record.json: does not say when it was made: .*{problem}"
    ):
        entry(history, folder, date=date)


@pytest.mark.parametrize(
    "date",
    [
        "20261121T100000Z",
        "2026-11-21T11:00:00+01:00",
        "2026-W47-6T10:00:00Z",
        "2026-11-21 10:00:00.000+00:00",
    ],
)
def test_every_way_to_write_a_moment_is_read_as_one(history, folder, date):
    add(history, entry(history, folder))
    known = history_frame(history)
    history.write_text(history.read_text().replace("2026-11-21T10:00:00+00:00", date))
    assert [each.date for each in read_history(history)] == ["2026-11-21T10:00:00+00:00"]
    assert history_frame(history).equals(known)
    assert add(history, entry(history, folder, date=date)) is False


def test_the_last_line_of_a_run_counts(history, folder):
    for verdict in ("passed", "failed"):
        assert add(history, entry(history, folder, verdict=verdict))
    assert [each.verdict for each in read_history(history)] == ["failed"]
    assert set(history_frame(history)["verdict"]) == {"failed"}
    with pytest.raises(
        InputError,
        match=r"has no run of 'finder' that passed on 'main', but finder on main \(failed\)",
    ):
        last_passed(history, "finder")
    assert add(history, entry(history, folder, verdict=None)) is False
    assert add(history, entry(history, folder, verdict="passed"))
    assert [each.verdict for each in read_history(history)] == ["passed"]
    assert last_passed(history, "finder") == folder.resolve()


def test_a_run_that_was_moved_is_found_where_it_was_added_last(history, folder, tmp_path):
    add(history, entry(history, folder))
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert add(history, entry(history, moved, verdict=None))
    assert last_passed(history, "finder") == moved.resolve()


def test_an_old_commit_evaluated_again_keeps_its_place(history, folder, tmp_path):
    again = shutil.copytree(folder, tmp_path / "again")
    for commit, day in (("old", 10), ("new", 11)):
        add(
            history,
            entry(
                history,
                shutil.copytree(folder, tmp_path / commit),
                commit=commit,
                date=f"2026-11-{day}T10:00:00+00:00",
            ),
        )
    add(history, entry(history, again, commit="old", date="2026-11-12T10:00:00+00:00"))
    assert last_passed(history, "finder") == (tmp_path / "new").resolve()
    add(
        history,
        entry(history, again, commit="new", date="2026-11-13T10:00:00+00:00", verdict="failed"),
    )
    assert last_passed(history, "finder") == again.resolve(), (
        "the newest commit failed when it was asked again"
    )


@pytest.mark.parametrize("name", ["history.parquet", "history.PQ"])
def test_a_history_is_not_parquet(history, folder, tmp_path, name):
    named = tmp_path / name
    with pytest.raises(
        InputError,
        match="names a Parquet file, and a history is lines of JSON, which can be added to and merged; name a",
    ):
        add(named, entry(named, folder))
    assert not named.exists()
    add(history, entry(history, folder))
    duckdb.read_json(str(history)).write_parquet(str(named))
    with pytest.raises(InputError, match="names a Parquet file"):
        read_history(named)
    disguised = named.rename(tmp_path / "other.jsonl")
    before = disguised.read_bytes()
    for use in (read_history, lambda file: add(file, entry(file, folder))):
        with pytest.raises(
            InputError, match=r"other.jsonl: is a Parquet file, and a history is lines of JSON"
        ):
            use(disguised)
    assert disguised.read_bytes() == before


def test_a_mark_of_the_byte_order_is_read_over(history, folder):
    add(history, entry(history, folder))
    history.write_bytes(b"\xef\xbb\xbf" + history.read_bytes())
    assert len(read_history(history)) == 1


def test_the_baseline_is_the_last_that_passed_on_the_branch(history, folder):
    dates = [f"2026-11-{day}T10:00:00+00:00" for day in (10, 11, 12, 13, 14)]
    said = [
        ("main", "passed", "finder"),
        ("main", "failed", "finder"),
        ("side", "passed", "finder"),
        ("main", None, "finder"),
        ("main", "passed", "b"),
    ]
    for number, (date, (branch, verdict, name)) in enumerate(zip(dates, said, strict=True)):
        add(
            history,
            entry(
                history,
                folder,
                date=date,
                commit=f"c{number}",
                branch=branch,
                verdict=verdict,
                name=name,
            ),
        )
    assert last_passed(history, "finder") == folder.resolve()
    with pytest.raises(
        InputError,
        match=r"has no run of 'finder' that passed on 'release', but b on main \(passed\), finder on main",
    ):
        last_passed(history, "finder", "release")
    moved = history.parent / "elsewhere" / "history.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(history.read_bytes())
    with pytest.raises(
        InputError, match=r"of commit c0, and its folder .* is gone; fetch that folder"
    ):
        last_passed(moved, "finder")


def test_duckdb_reads_the_file_and_commits_are_in_order(history, folder):
    for commit, day in (("b", 12), ("a", 10), ("c", 11)):
        add(history, entry(history, folder, commit=commit, date=f"2026-11-{day}T10:00:00+00:00"))
    add(history, entry(history, folder, commit="b", date="2026-11-13T10:00:00+00:00", name="other"))
    frame = history_frame(history)
    assert frame.drop_duplicates("number").set_index("commit")["number"].to_dict() == {
        "a": 0,
        "c": 1,
        "b": 2,
    }
    rows = frame[(frame["measure"] == "mAP") & (frame["name"] == "finder")]
    assert rows["value"].nunique() == 1
    assert (rows["low"] < rows["value"]).all()
    found = (
        duckdb.read_json(str(history)).filter("verdict = 'passed'").project("measures.mAP.value")
    )
    assert found.fetchall() == [(rows["value"].iloc[0],)] * 4


def test_what_cannot_be_read_or_written(tmp_path, folder):
    with pytest.raises(
        InputError,
        match="cannot be read: No such file or directory; `detbench history add` makes one",
    ):
        read_history(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        add(tmp_path, entry(tmp_path / "h.jsonl", folder))


def test_a_single_image_has_values_without_intervals(tmp_path):
    few = images(1)
    place = write_run(
        Path(tmp_path) / "few", evaluate(few, run(few, 0.99).detections, "voc2007"), options={}
    )
    made = entry_of(read_run(place), tmp_path / "h.jsonl", commit=None, branch=None, verdict=None)
    assert (made.measures["mAP"].low, made.measures["mAP"].high) == (None, None)
