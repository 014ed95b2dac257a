"""History frames: one row per run and measure, and files that DuckDB reads itself."""

import duckdb

from detbench.bench.history.frame import history_frame
from detbench.bench.history.history_file import add_entry
from tests.bench.history.histories import entry_of


def test_duckdb_reads_the_file_and_commits_are_in_order(history, folder):
    for commit, day in (("b", 12), ("a", 10), ("c", 11)):
        date = f"2026-11-{day}T10:00:00+00:00"
        add_entry(history, entry_of(history, folder, commit=commit, date=date))
    date = "2026-11-13T10:00:00+00:00"
    add_entry(history, entry_of(history, folder, commit="b", date=date, name="other"))
    frame = history_frame(history)
    numbers = frame.drop_duplicates("number").set_index("commit")["number"].to_dict()
    assert numbers == {"a": 0, "c": 1, "b": 2}
    rows = frame[(frame["measure"] == "mAP") & (frame["name"] == "finder")]
    assert rows["value"].nunique() == 1
    assert (rows["low"] < rows["value"]).all()
    passed = duckdb.read_json(str(history)).filter("verdict = 'passed'")
    values = passed.project("measures.mAP.value").fetchall()
    assert values == [(rows["value"].iloc[0],)] * 4
