"""Names that control terminals, spreadsheets or markup are shown as text, in every output."""

import csv
import json
import re

import pytest

from tests.hostile.every_command import QUICK

NAMES = [
    "\x1b[2J\x1b]0;title\x07circle",
    "[bold red]square[/bold red]",
    "\x9b31mtri\rangle\u202e",
    "=cmd|' /C calc'!A0",
]
"""One name for each class of the small dataset."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_HOSTILE_FILE = "\x1b[31mdetector\x1b[0m"


@pytest.fixture
def hostile(files, inputs, tmp_path):
    """Return paths like those of `inputs`, to files in which every name is hostile."""
    truth = json.loads(files.ground_truth("coco").read_bytes())
    for category, name in zip(truth["categories"], NAMES, strict=True):
        category["name"] = name
    folder = tmp_path / "input"
    folder.mkdir()
    (folder / "annotations.json").write_text(json.dumps(truth))
    results = files.detections("coco").read_text()
    for name in (_HOSTILE_FILE, "other"):
        (folder / f"{name}.json").write_text(results)
    slices = folder / "slices.csv"
    images = [image["id"] for image in truth["images"]]
    slices.write_text("image_id,light\n" + "".join(f"{n},\x1b[5m{n % 2}\n" for n in images))
    return inputs.paths | {
        "truth": str(folder / "annotations.json"),
        "detections": str(folder / f"{_HOSTILE_FILE}.json"),
        "others": str(folder / "other.json"),
        "slices": str(slices),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("stats", ""),
        ("eval", "--name safe --protocol voc2007"),
        ("compare", "--name first --name second --csv {out}/csv --markdown {out}/table.md"),
        ("analyze", "--slices {slices}"),
        ("doctor", ""),
        ("plan", ""),
    ],
)
def test_names_control_no_terminal(name, extra, command, hostile, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = f"{QUICK[name]} {extra}".replace("--split test", "").split()
    outcome = command(*(word.format(out=tmp_path, **hostile) for word in words))
    assert outcome.code == 0, outcome.err
    assert not _CONTROL.search(outcome.out + outcome.err)
    if name in {"stats", "eval", "plan"}:
        assert NAMES[1] in outcome.out
        assert "\ufffd31mtri" in outcome.out
    for file in tmp_path.rglob("*.csv"):
        if file.parent.name == "input":
            continue
        with file.open(newline="") as lines:
            header, *rows = csv.reader(lines)
        assert rows
        assert all(len(row) == len(header) for row in rows)
        assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row)
        assert not any(_CONTROL.search(cell) for row in rows for cell in row)
    for file in tmp_path.rglob("*.md"):
        assert not _CONTROL.search(file.read_text())


@pytest.mark.filterwarnings("ignore")
def test_names_control_no_terminal_as_json(command, hostile):
    outcome = command("eval", hostile["truth"], hostile["detections"], "--json", "-")
    assert outcome.code == 0
    assert not _CONTROL.search(outcome.out)
    assert repr(NAMES[2]) in repr(json.loads(outcome.out))


def test_errors_control_no_terminal(command, hostile, tmp_path):
    missing = tmp_path / _HOSTILE_FILE
    missing.write_text("{")
    outcome = command("eval", hostile["truth"], missing)
    assert outcome.code == 2
    assert "\ufffd[31mdetector" in outcome.err
    assert not _CONTROL.search(outcome.err)
