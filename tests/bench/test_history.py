"""History: one line for a run, the same whenever it is made, and merged by keeping the lines of both sides."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from detbench.bench.history import add, entry_of, history_frame, last_passed, read_history
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.evaluate import evaluate
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
        place, evaluate(TRUTH, found, "voc2007"), options={}, latency=[timed(name="finder"), timed(stage="end_to_end", reasons=("hot",))]
    )


def entry(history, folder, *, date="2026-11-21T10:00:00+00:00", commit="c1", branch="main", verdict="passed", name="finder"):
    made = read_run(folder)
    made.record["created"] = date
    made = replace(made, detections=replace(made.detections, name=name))
    return entry_of(made, history, commit=commit, branch=branch, verdict=verdict)


def test_an_entry_says_what_the_run_says(history, folder):
    made = entry(history, folder)
    assert (made.name, made.commit, made.branch, made.verdict, made.protocol) == ("finder", "c1", "main", "passed", "voc2007")
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
    one, other = entry(history, folder, commit="c1"), entry(history, folder, commit="c2", date="2026-11-20T10:00:00+01:00")
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
    assert {each.commit for each in read_history(history)} == {f"{number}-{n}" for number in range(2) for n in range(5)}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("<<<<<<< HEAD", "line 2: holds the marks of a merge that is not finished; remove the marks"),
        ("{", "line 2: is not an entry of a history"),
        ("{}", "line 2: is not an entry of a history: Object missing required field `schema_version`"),
        ('{"schema_version": 1}', "line 2: is not an entry of a history: Object missing required field"),
        ('{"schema_version": 2, "new": 1}', "line 2: is of schema version 2, of a newer detbench; upgrade detbench"),
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
        add(history, entry(history, folder, date=date, commit=f"c{number}", branch=branch, verdict=verdict, name=name))
    assert last_passed(history, "finder") == folder.resolve()
    with pytest.raises(InputError, match=r"has no run of 'finder' that passed on 'release', but b on main \(passed\), finder on main"):
        last_passed(history, "finder", "release")
    moved = history.parent / "elsewhere" / "history.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(history.read_bytes())
    with pytest.raises(InputError, match=r"of commit c0, and its folder .* is gone; fetch that folder"):
        last_passed(moved, "finder")


def test_duckdb_reads_the_file_and_commits_are_in_order(history, folder):
    for commit, day in (("b", 12), ("a", 10), ("c", 11)):
        add(history, entry(history, folder, commit=commit, date=f"2026-11-{day}T10:00:00+00:00"))
    add(history, entry(history, folder, commit="b", date="2026-11-13T10:00:00+00:00", name="other"))
    frame = history_frame(history)
    assert frame.drop_duplicates("number").set_index("commit")["number"].to_dict() == {"a": 0, "c": 1, "b": 2}
    rows = frame[(frame["measure"] == "mAP") & (frame["name"] == "finder")]
    assert rows["value"].nunique() == 1
    assert (rows["low"] < rows["value"]).all()
    found = duckdb.read_json(str(history)).filter("verdict = 'passed'").project("measures.mAP.value")
    assert found.fetchall() == [(rows["value"].iloc[0],)] * 4


def test_what_cannot_be_read_or_written(tmp_path, folder):
    with pytest.raises(InputError, match="cannot be read: No such file or directory; `detbench history add` makes one"):
        read_history(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        add(tmp_path, entry(tmp_path / "h.jsonl", folder))


def test_a_single_image_has_values_without_intervals(tmp_path):
    few = images(1)
    place = write_run(Path(tmp_path) / "few", evaluate(few, run(few, 0.99).detections, "voc2007"), options={})
    made = entry_of(read_run(place), tmp_path / "h.jsonl", commit=None, branch=None, verdict=None)
    assert (made.measures["mAP"].low, made.measures["mAP"].high) == (None, None)
