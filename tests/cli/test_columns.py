"""`--columns` in every command that reads CSV files."""

import json

import pytest

from tests.data.formats.labeled import write

TRUTH = "pic;what;a;b;c;d\n" + "".join(f"{k};kite;{k};2;{k + 30};40\n" for k in range(5))
FOUND = "pic,what,a,b,c,d,conf\n" + "".join(
    f"{k},kite,{k},2,{k + 30},40,0.{k + 1}\n" for k in range(5)
)
ROLES = "image=pic,class=what,xmin=a,ymin=b,xmax=c,ymax=d,score=conf"


@pytest.fixture
def truth(tmp_path):
    return write(tmp_path / "truth.csv", TRUTH)


@pytest.fixture
def results(tmp_path):
    return write(tmp_path / "results.csv", FOUND)


def test_eval_asks_for_unclear_columns_and_scores_stated_ones(command, truth, results):
    outcome = command("eval", truth, results)
    assert outcome.code == 2
    assert "its columns are not clear: 'pic', 'what', 'a', 'b', 'c', 'd'" in outcome.err
    outcome = command("eval", truth, results, "--columns", ROLES, "--json", "-")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["runs"][0]["summary"]["AP"] == 1


def test_each_side_can_have_columns_of_its_own(command, truth, results, tmp_path):
    columns = [
        *("--columns", "ground-truth:image,class,xmin,ymin,xmax,ymax"),
        *("--columns", "detections:image,class,xmin,ymin,xmax,ymax,score"),
    ]
    target = tmp_path / "report"
    outcome = command("compare", truth, results, "-o", target, "--no-latency", *columns)
    assert outcome.code == 0, outcome.err
    assert (target / "report.html").is_file()


def test_data_stats_and_convert_read_stated_columns(command, truth, results, tmp_path):
    outcome = command("data", "stats", truth, "--columns", ROLES, "--json", "-")
    assert json.loads(outcome.out)["objects"] == 5, outcome.err
    target = tmp_path / "results.json"
    convert = ("convert", results, target, "--ground-truth", truth, "--columns", ROLES)
    outcome = command(*convert, "--to", "coco")
    assert outcome.code == 0, outcome.err
    assert json.loads(target.read_text())[0]["bbox"] == [0, 2, 30, 38]


def test_doctor_reads_what_eval_reads(command, truth, results):
    outcome = command("doctor", truth, results, "--columns", ROLES)
    assert outcome.code == 0, outcome.err


def test_an_option_for_no_input_is_refused(command, tmp_path, files):
    outcome = command("data", "stats", files.ground_truth("coco"), "--columns", ROLES)
    assert outcome.code == 2
    assert "no input is one by its suffix" in outcome.err
