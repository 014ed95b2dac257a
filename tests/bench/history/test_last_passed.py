"""The baseline in a history: the newest commit that passed on a branch."""

import shutil

import pytest

from detbench.bench.history.frame import history_frame
from detbench.bench.history.history_file import add_entry, last_passed, read_history
from detbench.errors import InputError
from tests.bench.history.histories import entry_of


def test_the_last_line_of_a_run_counts(history, folder):
    for verdict in ("passed", "failed"):
        assert add_entry(history, entry_of(history, folder, verdict=verdict))
    assert [entry.verdict for entry in read_history(history)] == ["failed"]
    assert set(history_frame(history)["verdict"]) == {"failed"}
    message = r"has no run of 'finder' that passed on 'main', only finder on main \(failed\)"
    with pytest.raises(InputError, match=message):
        last_passed(history, "finder")
    assert add_entry(history, entry_of(history, folder, verdict=None)) is False
    assert add_entry(history, entry_of(history, folder, verdict="passed"))
    assert [entry.verdict for entry in read_history(history)] == ["passed"]
    assert last_passed(history, "finder") == folder.resolve()


def test_a_moved_run_is_found_at_the_path_that_was_added_last(history, folder, tmp_path):
    add_entry(history, entry_of(history, folder))
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert add_entry(history, entry_of(history, moved, verdict=None))
    assert last_passed(history, "finder") == moved.resolve()


def test_an_old_commit_evaluated_again_keeps_its_order(history, folder, tmp_path):
    def add(path, commit, day, verdict="passed"):
        date = f"2026-11-{day}T10:00:00+00:00"
        add_entry(history, entry_of(history, path, commit=commit, date=date, verdict=verdict))

    again = shutil.copytree(folder, tmp_path / "again")
    for commit, day in (("old", 10), ("new", 11)):
        add(shutil.copytree(folder, tmp_path / commit), commit, day)
    add(again, "old", 12)
    assert last_passed(history, "finder") == (tmp_path / "new").resolve()
    add(again, "new", 13, verdict="failed")
    assert last_passed(history, "finder") == again.resolve(), "the newest commit failed later"


def test_the_baseline_is_the_last_that_passed_on_the_branch(history, folder):
    runs = [
        ("main", "passed", "finder"),
        ("main", "failed", "finder"),
        ("side", "passed", "finder"),
        ("main", None, "finder"),
        ("main", "passed", "b"),
    ]
    for number, (branch, verdict, name) in enumerate(runs):
        entry = entry_of(
            history,
            folder,
            date=f"2026-11-{10 + number}T10:00:00+00:00",
            commit=f"c{number}",
            branch=branch,
            verdict=verdict,
            name=name,
        )
        add_entry(history, entry)
    assert last_passed(history, "finder") == folder.resolve()
    message = r"that passed on 'release', only b on main \(passed\), finder on main"
    with pytest.raises(InputError, match=message):
        last_passed(history, "finder", "release")


def test_a_missing_folder_is_named_with_its_commit(history, folder):
    add_entry(history, entry_of(history, folder, commit="c0"))
    moved = history.parent / "elsewhere" / "history.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(history.read_bytes())
    message = r"is of commit c0, but its folder .* is missing; fetch that folder"
    with pytest.raises(InputError, match=message):
        last_passed(moved, "finder")
