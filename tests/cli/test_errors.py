"""Bad input through the command line: exit code 2, one line that says what and where, and nothing written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


class Broken:
    """Copies of the small dataset and its results to break; `arguments` are those of `detbench eval`."""

    def __init__(self, files, folder: Path) -> None:
        self.files, self.folder = files, folder
        self.options: list[str] = []
        self.ground_truth, self.detections = files.ground_truth("voc"), files.detections("voc")

    def copy(self, kind: str, format_name: str) -> Path:
        """Copy ground truth (`truth`) or results (`found`) in a format, have `eval` read the copy, and return it."""
        source = getattr(self.files, kind)(format_name)
        target = self.folder / source.name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        setattr(self, kind, target)
        return target

    def results(self, change) -> None:
        """Let `change` edit the rows of the COCO results, or return other rows or the file's text."""
        path = self.copy("detections", "coco")
        self.ground_truth = self.files.ground_truth("coco")
        rows = json.loads(path.read_text())
        rows = change(rows) or rows
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows))

    def annotations(self, change) -> None:
        path = self.copy("ground_truth", "coco")
        self.detections = self.files.detections("coco")
        document = json.loads(path.read_text())
        document = change(document) or document
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def lines(
        self, change, format_name: str = "voc", file: str = "comp4_det_test_circle.txt"
    ) -> None:
        """Let `change` edit the lines of one text file of results."""
        path = self.copy("detections", format_name) / file
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("".join(f"{line}\n" for line in lines))

    def parquet(self, column: str, change) -> None:
        """Let `change` edit the flat values of a list column of our Parquet results."""
        path = self.copy("detections", "parquet")
        table = pq.read_table(path)
        values = table[column].to_pylist()
        change(values)
        place = table.schema.get_field_index(column)
        changed = table.set_column(
            place, table.schema.field(column), pa.array(values, table.schema.field(column).type)
        )
        pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)

    def xml(self, change) -> None:
        path = self.copy("ground_truth", "voc") / "Annotations" / "200001.xml"
        path.write_bytes(change(path.read_bytes()))

    def tar(self) -> Path:
        self.ground_truth = self.folder / "voc.tar"
        with tarfile.open(self.ground_truth, "w") as tar:
            tar.add(self.files.ground_truth("voc"), "VOCdevkit/VOC2007")
        return self.ground_truth


def replace_words(line: str, **words: str) -> str:
    """Return a line of VOC results with the words at `w0` ... `w5` replaced."""
    parts = line.split()
    for place, word in words.items():
        parts[int(place[1:])] = word
    return " ".join(parts)


def edit(n, **words):
    return lambda lines: lines.__setitem__(n, replace_words(lines[n], **words))


def put(row, key, value):
    return lambda rows: rows[row].__setitem__(key, value)


def inside(row, place, value):
    """Change one value of a list in a list column, counting from the end of that image's list."""
    return lambda values: values[row].__setitem__(place, value)


def turned(rows):
    for row in rows:
        row["bbox"][2] *= -1


CASES = {
    # numbers that are none
    "coco NaN score": (lambda b: b.results(put(3, "score", float("nan"))), r"detections\.json, .*NaN"),
    "coco NaN in a box": (
        lambda b: b.results(lambda rows: rows[4]["bbox"].__setitem__(2, float("nan"))),
        r"detections\.json, .*NaN",
    ),
    "coco Infinity": (
        lambda b: b.results(put(0, "score", float("inf"))),
        r"detections\.json, .*Infinity",
    ),
    "coco 1e999": (
        lambda b: b.results(lambda rows: json.dumps(rows).replace("0.", "1e999", 1)),
        r"detections\.json.*",
    ),
    "voc nan score": (
        lambda b: b.lines(edit(1, w1="nan")),
        r"comp4_det_test_circle\.txt, line 2: .*not finite",
    ),
    "voc inf coordinate": (
        lambda b: b.lines(edit(2, w4="-inf")),
        r"comp4_det_test_circle\.txt, line 3: .*not finite",
    ),
    "yolo nan": (
        lambda b: b.lines(edit(0, w2="nan"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: .*",
    ),
    "parquet NaN score": (
        lambda b: b.parquet("score", inside(0, 0, float("nan"))),
        r"detections\.parquet, image '200001', score 1 of \d: is not finite: nan",
    ),
    "parquet infinite box": (
        lambda b: b.parquet("box", inside(1, 6, float("inf"))),
        r"detections\.parquet, image '200002', box 2 of \d: is not finite: \[.*inf",
    ),
    "coco NaN in the annotations": (
        lambda b: b.annotations(
            lambda doc: doc["annotations"][2]["bbox"].__setitem__(0, float("nan"))
        ),
        r"annotations\.json, .*NaN",
    ),
    # another box format
    "coco inverted": (
        lambda b: b.results(turned),
        r"detections\.json: 28 of 28 boxes are inverted .*xywh",
    ),
    "voc inverted": (
        lambda b: [b.copy("detections", "voc"), *map(invert, b.detections.glob("*.txt"))],
        r"comp4: 28 of 28 boxes are inverted .*xywh",
    ),
    "parquet inverted": (
        lambda b: b.parquet("box", lambda images: [values.reverse() for values in images]),
        r"detections\.parquet: 28 of 28 boxes are inverted",
    ),
    # names the ground truth does not have
    "coco unknown image": (
        lambda b: b.results(put(5, "image_id", 77)),
        r"detections\.json, .*5.*image '77' is not in the ground truth",
    ),
    "voc unknown image": (
        lambda b: b.lines(edit(0, w0="777")),
        r"circle\.txt, line 1: image '777' is not in the ground truth",
    ),
    "yolo unknown image": (
        lambda b: (b.copy("detections", "yolo") / "777.txt").write_text("0 .5 .5 .1 .1 .9\n"),
        r"labels, 777\.txt: image '777' is not in the ground truth",
    ),
    "parquet unknown image": (
        lambda b: b.parquet("image_id", lambda ids: ids.__setitem__(0, "777")),
        r"detections\.parquet: image '777' is not in the ground truth",
    ),
    "coco unknown class": (
        lambda b: b.results(put(5, "category_id", 91)),
        r"detections\.json, results\[5\]: category_id 91 is not .*80 classes 1–90",
    ),
    "voc unknown class": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_hexagon.txt").write_text(
            "200001 .5 1 1 9 9\n"
        ),
        r"comp4, comp4_det_test_hexagon\.txt: class 'hexagon' is not in the ground truth",
    ),
    "yolo unknown class": (
        lambda b: b.lines(edit(0, w0="44"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: class '44' is not in the ground truth",
    ),
    "voc missing class": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_word.txt").unlink(),
        r"comp4: comp4_det_test_word\.txt is missing; create an empty file",
    ),
    "voc another split": (
        lambda b: b.options.extend(["--split", "val"]),
        r"circle\.txt, line \d+: image '20000\d' is not .*another split",
    ),
    "coco another split": (
        lambda b: b.annotations(lambda doc: doc.update(images=doc["images"][:2], annotations=[])),
        r"detections\.json, .*image '.*' is not in the ground truth; detections of another split",
    ),
    "no such split": (lambda b: b.options.extend(["--split", "dev"]), r"dev\.txt|'dev'"),
    # rows that are none
    "coco box of three": (lambda b: b.results(put(6, "bbox", [1, 2, 3])), r"detections\.json, .*6.*"),
    "coco box of five": (
        lambda b: b.results(put(6, "bbox", [1, 2, 3, 4, 5])),
        r"detections\.json, .*6.*",
    ),
    "voc line of five": (
        lambda b: b.lines(lambda lines: lines.__setitem__(1, "200001 .5 1 2 3")),
        r"circle\.txt, line 2: 5 values, expected 6",
    ),
    "yolo line of five": (
        lambda b: b.lines(
            lambda lines: lines.__setitem__(0, "0 .5 .5 .1 .1"), "yolo", "200001.txt"
        ),
        r"200001\.txt, line 1: 5 values, expected 6.*save_conf",
    ),
    "coco annotation box of three": (
        lambda b: b.annotations(lambda doc: doc["annotations"][2].update(bbox=[1, 2, 3])),
        r"annotations\.json, .*annotations.*2.*",
    ),
    "coco string for a score": (
        lambda b: b.results(put(2, "score", "0.9")),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco true for a score": (
        lambda b: b.results(put(2, "score", True)),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco null score": (
        lambda b: b.results(put(2, "score", None)),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco no score": (
        lambda b: b.results(lambda rows: rows[2].clear()),
        r"detections\.json, results\[2\]: has no 'image_id'",
    ),
    "coco string for a coordinate": (
        lambda b: b.results(lambda rows: rows[2]["bbox"].__setitem__(0, "7")),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco annotation string": (
        lambda b: b.annotations(lambda doc: doc["annotations"][2]["bbox"].__setitem__(0, "7")),
        r"annotations\.json, .*annotations.*2.*(float|number)",
    ),
    "voc word for a number": (
        lambda b: b.lines(edit(1, w2="left")),
        r"circle\.txt, line 2: .*'left'",
    ),
    "yolo word for a number": (
        lambda b: b.lines(edit(0, w2="left"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: .*left",
    ),
    "voc binary": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_word.txt").write_bytes(
            bytes(range(256))
        ),
        r"comp4_det_test_word\.txt, line 1: ",
    ),
    # files that are none
    "coco malformed": (
        lambda b: b.results(lambda rows: "[{]"),
        r"detections\.json, .*(byte|line|character)",
    ),
    "coco object for a list": (
        lambda b: b.results(lambda rows: '{"a": 1}'),
        r"detections\.json: is an object, .*where results are expected",
    ),
    "coco truncated": (
        lambda b: b.results(lambda rows: json.dumps(rows)[:-40]),
        r"detections\.json.*(truncated|end|cut)",
    ),
    "coco empty file": (
        lambda b: b.results(lambda rows: " "),
        r"detections\.json.*(empty|truncated|end)",
    ),
    "annotations truncated": (
        lambda b: b.annotations(lambda doc: json.dumps(doc)[:-40]),
        r"annotations\.json.*(truncated|end|cut)",
    ),
    "annotations empty object": (lambda b: b.annotations(lambda doc: "{}"), r"annotations\.json.*images"),
    "annotations are results": (
        lambda b: setattr(b, "ground_truth", b.files.detections("coco")),
        r"detections\.json.*(object|annotations)",
    ),
    "results are annotations": (
        lambda b: b.results(lambda rows: b.files.ground_truth("coco").read_text()),
        r"detections\.json: is an object, .*where results are expected",
    ),
    "parquet truncated": (
        lambda b: cut(b.copy("detections", "parquet"), 100),
        r"detections\.parquet.*",
    ),
    "parquet of something else": (
        lambda b: setattr(b, "detections", b.files.ground_truth("parquet")),
        r"ground_truth\.parquet: holds ground truth, expected detections",
    ),
    "parquet foreign": (
        lambda b: pq.write_table(pa.table({"a": [1]}), b.copy("detections", "parquet")),
        r"detections\.parquet.*",
    ),
    "tar truncated": (lambda b: cut(b.tar(), 30_000), r"voc\.tar: is not a complete tar archive"),
    "tar cut between members": (
        lambda b: cut(b.tar(), 10_240),
        r"voc\.tar: is not a complete tar archive",
    ),
    "tar of nothing": (
        lambda b: b.tar().write_bytes(b""),
        r"voc\.tar: is not a complete tar archive",
    ),
    "xml malformed": (
        lambda b: b.xml(lambda text: text.replace(b"</object>", b"", 1)),
        r"200001\.xml, line \d+.*",
    ),
    "xml truncated": (lambda b: b.xml(lambda text: text[:-30]), r"200001\.xml.*"),
    "xml without a coordinate": (
        lambda b: b.xml(lambda text: re.sub(rb"<xmin>.*?</xmin>", b"", text, count=1)),
        r"200001\.xml.*xmin",
    ),
    "xml word for a coordinate": (
        lambda b: b.xml(
            lambda text: re.sub(rb"<xmin>.*?</xmin>", b"<xmin>left</xmin>", text, count=1)
        ),
        r"200001\.xml.*left",
    ),
    "xml nan coordinate": (
        lambda b: b.xml(
            lambda text: re.sub(rb"<xmin>.*?</xmin>", b"<xmin>nan</xmin>", text, count=1)
        ),
        r"200001\.xml.*(nan|finite)",
    ),
    "xml missing": (
        lambda b: (b.copy("ground_truth", "voc") / "Annotations" / "200002.xml").unlink(),
        r"200002\.xml",
    ),
    # attacks
    "xml entity": (
        lambda b: b.xml(
            lambda text: (
                b'<!DOCTYPE a [<!ENTITY x "circle">]>' + text.replace(b"<name>circle", b"<name>&x;")
            )
        ),
        r"200001\.xml.*(DOCTYPE|entit)",
    ),
    "xml external entity": (
        lambda b: b.xml(
            lambda text: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + text
        ),
        r"200001\.xml.*(DOCTYPE|entit)",
    ),
    "xml billion laughs": (
        lambda b: b.xml(
            lambda text: (
                b"<!DOCTYPE a [<!ENTITY a '"
                + b"ha" * 50
                + b"'>"
                + b"".join(
                    b"<!ENTITY %c '%s'>" % (98 + n, (b"&%c;" % (97 + n)) * 50) for n in range(8)
                )
                + b"]>"
                + text.replace(b"<name>", b"<name>&i;")
            )
        ),
        r"200001\.xml.*(DOCTYPE|entit)",
    ),
    # identities
    "duplicate annotation id": (
        lambda b: b.annotations(
            lambda doc: doc["annotations"][3].update(id=doc["annotations"][1]["id"])
        ),
        r"annotations\.json.*annotation.*id.*",
    ),
    "duplicate image id": (
        lambda b: b.annotations(lambda doc: doc["images"][1].update(id=doc["images"][0]["id"])),
        r"annotations\.json.*image.*",
    ),
    "duplicate category id": (
        lambda b: b.annotations(
            lambda doc: doc["categories"][1].update(id=doc["categories"][0]["id"])
        ),
        r"annotations\.json.*categor.*",
    ),
    "annotation on an unknown image": (
        lambda b: b.annotations(lambda doc: doc["annotations"][3].update(image_id=99)),
        r"annotations\.json, .*annotations.*99",
    ),
    "annotation of an unknown category": (
        lambda b: b.annotations(lambda doc: doc["annotations"][3].update(category_id=99)),
        r"annotations\.json, .*annotations.*99",
    ),
    # options
    "no ground truth": (
        lambda b: setattr(b, "ground_truth", b.folder / "nowhere"),
        r"nowhere: no such file or folder",
    ),
    "no detections": (
        lambda b: setattr(b, "detections", b.folder / "nowhere"),
        r"nowhere: no such file or folder",
    ),
    "a folder of nothing as ground truth": (
        lambda b: setattr(b, "ground_truth", b.folder),
        r": this folder is not recognized as ground truth",
    ),
    "a folder of nothing as detections": (
        lambda b: [(b.folder / "empty").mkdir(), setattr(b, "detections", b.folder / "empty")],
        r"empty: this folder is not recognized as detections",
    ),
    "a text file as detections": (
        lambda b: setattr(b, "detections", Path(__file__)),
        r"test_errors\.py: this file is not recognized",
    ),
    "unknown protocol": (
        lambda b: b.options.extend(["--protocol", "pascal"]),
        r"no protocol 'pascal'; choose one of coco, voc2007, voc2012",
    ),
    "too many names": (
        lambda b: b.options.extend(["--name", "a", "--name", "b"]),
        r"2 names for 1 detection files",
    ),
    "a name that leads elsewhere": (
        lambda b: b.options.extend(["--name", "../x"]),
        r"'\.\./x' cannot be the name of a run folder",
    ),
    "a name that is no name": (lambda b: b.options.extend(["--name", ""]), r"--name needs a name"),
    "iou word": (
        lambda b: b.options.extend(["--iou", "half"]),
        r"--iou takes numbers separated by commas, got 'half'",
    ),
    "iou nothing": (
        lambda b: b.options.extend(["--iou", ""]),
        r"--iou takes numbers separated by commas, got ''",
    ),
    "iou 0": (lambda b: b.options.extend(["--iou", "0"]), r"IoU thresholds must lie in \(0, 1\]"),
    "iou 50": (lambda b: b.options.extend(["--iou", "50"]), r"IoU thresholds must lie in \(0, 1\]"),
    "iou nan": (
        lambda b: b.options.extend(["--iou", "nan"]),
        r"IoU thresholds must lie in \(0, 1\]",
    ),
    "iou twice": (
        lambda b: b.options.extend(["--iou", ".5,.5"]),
        r"IoU thresholds must rise|twice",
    ),
    "iou too many": (
        lambda b: b.options.extend(["--iou", ",".join(str(n / 100) for n in range(1, 40))]),
        r"1 to 32 IoU thresholds, got 39",
    ),
    "max detections word": (
        lambda b: b.options.extend(["--max-detections", "many"]),
        r"--max-detections takes .*got 'many'",
    ),
    "max detections fraction": (
        lambda b: b.options.extend(["--max-detections", "1.5"]),
        r"--max-detections takes .*got '1\.5'",
    ),
    "max detections 0": (
        lambda b: b.options.extend(["--max-detections", "0"]),
        r"max_detections must rise from 1",
    ),
    "max detections -1": (
        lambda b: b.options.extend(["--max-detections", "-1"]),
        r"max_detections must rise from 1",
    ),
    "max detections huge": (
        lambda b: b.options.extend(["--max-detections", "9" * 30]),
        r"max_detections must rise from 1 to",
    ),
    "split of a file": (
        lambda b: [b.annotations(lambda doc: None), b.options.extend(["--split", "test"])],
        r"annotations\.json: has no splits to choose 'test' from",
    ),
    "pictures nowhere": (
        lambda b: b.options.extend(["--images", str(b.folder / "p")]),
        r"p: is not a folder",
    ),
    "present pictures nowhere": (
        lambda b: [b.annotations(lambda doc: None), b.options.extend(["--only-present"])],
        r"pictures",
    ),
}


def invert(path: Path) -> None:
    lines = [line.split() for line in path.read_text().splitlines()]
    path.write_text(
        "".join(" ".join([*words[:2], *words[4:], *words[2:4]]) + "\n" for words in lines)
    )


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


@pytest.fixture
def broken(files, tmp_path) -> Broken:
    (tmp_path / "input").mkdir()
    return Broken(files, tmp_path / "input")


def errors(text: str) -> list[str]:
    return [
        line for line in text.splitlines() if not line.startswith(("warning: ", "only present: "))
    ]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_error_and_nothing_is_written(command, broken, tmp_path, case):
    spoil, message = CASES[case]
    spoil(broken)
    targets = tmp_path / "targets"
    writing = ["--json", targets / "out.json", "--plots", targets / "plots", "-o", targets / "runs"]
    outcome = command("eval", broken.ground_truth, broken.detections, *broken.options, *writing)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    line, *more = errors(outcome.err)
    assert more == [], outcome.err
    assert re.search(f"^error: .*{message}", line), line
    assert not targets.exists()


EMPTY = {
    "voc": lambda path: [file.write_bytes(b"") for file in path.glob("*.txt")],
    "coco": lambda path: path.write_text("[]"),
    "yolo": lambda path: [file.write_bytes(b"") for file in path.glob("*.txt")],
}


@pytest.mark.parametrize("format_name", EMPTY)
def test_empty_detections_score_0_and_say_so(command, broken, format_name):
    broken.ground_truth = broken.files.ground_truth("coco" if format_name == "coco" else "voc")
    EMPTY[format_name](broken.copy("detections", format_name))
    outcome = command(
        "eval", broken.ground_truth, broken.detections, "--protocol", "coco", "--json", "-"
    )
    assert outcome.code == 0
    summary = json.loads(outcome.out)["runs"][0]["summary"]
    assert {name: summary[name] for name in ("AP", "AP50", "AR100")} == {
        "AP": 0.0,
        "AP50": 0.0,
        "AR100": 0.0,
    }
    warning, suspicion = outcome.err.splitlines()
    assert (
        warning
        == f"warning: {broken.detections}: no detections at all; every class with ground truth scores 0"
    )
    assert suspicion.startswith("suspicious: ")
    assert "there are no detections" in suspicion


def test_empty_parquet_detections_say_so(command, broken, files, tmp_path):
    EMPTY["coco"](broken.copy("detections", "coco"))
    target = tmp_path / "empty.parquet"
    assert (
        command(
            "convert", broken.detections, target, "--ground-truth", files.ground_truth("coco")
        ).code
        == 0
    )
    outcome = command("eval", files.ground_truth("coco"), target)
    assert outcome.code == 0
    assert f"warning: {target}: no detections at all" in outcome.err


def test_a_few_inverted_boxes_are_counted_in_a_warning_and_stay_false_positives(command, broken):
    broken.copy("detections", "voc")
    path = broken.detections / "comp4_det_test_word.txt"
    with path.open("a") as file:
        file.write("200001 .99 50 50 20 20\n")
    outcome = command("eval", broken.ground_truth, broken.detections, "--json", "-")
    assert outcome.code == 0
    assert "warning: " in outcome.err
    assert "1 of 29 boxes are inverted" in outcome.err
    word = json.loads(outcome.out)["runs"][0]["classes"]["word"]
    whole = json.loads(
        command("eval", broken.ground_truth, broken.files.detections("voc"), "--json", "-").out
    )["runs"][0]["classes"]["word"]
    assert word["detections"] == whole["detections"] + 1
    assert word["recall"] == whole["recall"]
    assert word["AP"] < whole["AP"]


def test_allow_unknown_drops_with_a_warning(command, broken):
    def spoil(rows):
        rows[5]["image_id"] = 77
        rows[6]["category_id"] = 91

    broken.results(spoil)
    assert command("eval", broken.ground_truth, broken.detections).code == 2
    outcome = command(
        "eval", broken.ground_truth, broken.detections, "--allow-unknown", "--json", "-"
    )
    assert outcome.code == 0
    assert (
        "dropped 1 of 28 detections whose image is not in the ground truth (the first: '77'"
        in outcome.err
    )
    assert (
        "dropped 1 of 28 detections whose class is not in the ground truth (the first: '91'"
        in outcome.err
    )
    assert (
        sum(
            values["detections"]
            for values in json.loads(outcome.out)["runs"][0]["classes"].values()
        )
        == 26
    )


def test_two_detectors_of_one_name_are_refused_until_named(command, files):
    twice = ("eval", files.ground_truth("voc"), files.detections("voc"), files.detections("voc"))
    outcome = command(*twice)
    assert (outcome.code, outcome.out) == (2, "")
    assert (
        outcome.err
        == "error: detectors need different names, got comp4, comp4; give --name once for each file\n"
    )
    assert command(*twice, "--name", "one", "--name", "one").code == 2
    named = command(*twice, "--name", "one", "--name", "two")
    assert named.code == 0
    assert "one" in named.out


def occupied(folder: Path) -> dict[str, tuple[str, Path, str]]:
    """Option, target and message for targets that cannot be written."""
    (folder / "file").write_text("mine")
    (folder / "dir").mkdir()
    os.mkfifo(folder / "pipe")
    return {
        "a folder for a file": (
            "--json",
            folder / "dir",
            "is a folder, expected a file to write",
        ),
        "below a file": ("--json", folder / "file" / "out.json", "is a file, not a folder"),
        "a pipe for a file": ("--json", folder / "pipe", "is a device or a pipe"),
        "a name too long": (
            "--json",
            folder / ("x" * 300),
            "cannot be written: File name too long",
        ),
        "a folder's name too long": (
            "--plots",
            folder / ("x" * 300),
            "cannot be written: File name too long",
        ),
        "plots in a file": ("--plots", folder / "file", "is a file, not a folder"),
        "plots below a file": ("--plots", folder / "file" / "plots", "is a file, not a folder"),
        "runs in a file": ("-o", folder / "file", "is a file, not a folder"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "a folder for a file",
        "below a file",
        "a pipe for a file",
        "a name too long",
        "a folder's name too long",
        "plots in a file",
        "plots below a file",
        "runs in a file",
    ],
)
def test_targets_that_cannot_be_written_are_refused(command, files, tmp_path, case):
    option, target, message = occupied(tmp_path)[case]
    before = sorted(tmp_path.rglob("*"))
    outcome = command("eval", files.ground_truth("voc"), files.detections("voc"), option, target)
    assert (outcome.code, outcome.out) == (2, "")
    assert re.fullmatch(rf"error: {re.escape(str(target))}.*{message}.*\n", outcome.err)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="may write everywhere")
def test_a_folder_without_permission_is_refused(command, files, tmp_path):
    tmp_path.chmod(0o500)
    outcome = command(
        "eval", files.ground_truth("voc"), files.detections("voc"), "--json", tmp_path / "out.json"
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert "no permission" in outcome.err


def test_a_run_folder_in_use_is_refused_before_anything_is_written(command, files, tmp_path):
    arguments = (
        "eval",
        files.ground_truth("voc"),
        files.detections("voc"),
        "-o",
        tmp_path / "runs",
    )
    assert command(*arguments).code == 0
    record = (tmp_path / "runs" / "comp4" / "record.json").read_bytes()
    outcome = command(*arguments, "--json", tmp_path / "out.json", "--protocol", "coco")
    assert (outcome.code, outcome.out) == (2, "")
    assert re.fullmatch(r"error: .*runs/comp4: already exists and is not empty; .*\n", outcome.err)
    assert not (tmp_path / "out.json").exists()
    assert (tmp_path / "runs" / "comp4" / "record.json").read_bytes() == record


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("out", [], "cannot infer the output format from its name"),
        ("out.csv", [], "cannot infer the output format from its name"),
        ("out.json", ["--to", "csv"], "unknown format 'csv'; choose one of: parquet, coco, voc, yolo"),
        ("out.json", ["--split", "dev"], "there is no split 'dev'"),
        ("used", ["--to", "voc"], "already exists and is not an empty folder"),
        ("used", ["--to", "coco"], "is a folder, expected a file to write"),
    ],
)
def test_conversions_that_cannot_be(command, files, tmp_path, target, options, message):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").write_text("mine")
    outcome = command("convert", files.ground_truth("voc"), tmp_path / target, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert len(errors(outcome.err)) == 1
    assert message in outcome.err
    assert [path.name for path in tmp_path.rglob("*")] == ["used", "mine"]


def test_a_conversion_of_bad_input_writes_nothing(command, broken, tmp_path):
    broken.results(put(3, "score", float("nan")))
    for target in (["out.parquet"], ["out", "--to", "voc"]):
        outcome = command(
            "convert",
            broken.detections,
            tmp_path / target[0],
            *target[1:],
            "--ground-truth",
            broken.ground_truth,
        )
        assert (outcome.code, outcome.out) == (2, "")
        assert "NaN" in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["input"]


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../outside.txt"},
        {"name": "/detbench-outside.txt"},
        {"name": "VOCdevkit/link", "type": tarfile.SYMTYPE, "linkname": "../../../outside"},
        {"name": "VOCdevkit/link", "type": tarfile.LNKTYPE, "linkname": "../../outside"},
        {"name": "VOCdevkit/device", "type": tarfile.CHRTYPE},
    ],
    ids=lambda member: f"{member['name']} {member.get('linkname', '')}".strip(),
)
def test_tar_members_cannot_leave_the_target(command, broken, tmp_path, member):
    archive = broken.tar()
    with tarfile.open(archive, "a") as tar:
        info = tarfile.TarInfo(member["name"])
        for key, value in member.items():
            setattr(info, key, value)
        tar.addfile(info)
    before = sorted(tmp_path.rglob("*"))
    outcome = command("fetch", "voc2007", tmp_path / "target", "--from", archive)
    if member["name"].startswith(
        "/"
    ):  # an absolute name becomes one beside the year's folder, which alone is kept
        assert outcome.code == 0
        assert not Path(member["name"]).exists()
        assert [path.name for path in (tmp_path / "target").iterdir()] == ["VOCdevkit"]
        return
    assert (outcome.code, outcome.out) == (2, "")
    assert errors(outcome.err)[0].startswith(f"error: {archive}: refused: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tar_that_is_scored_is_never_unpacked(command, broken, files, tmp_path):
    archive = broken.tar()
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("../outside.txt"))
    before = sorted(tmp_path.rglob("*"))
    assert command("eval", archive, files.detections("voc"), "--split", "test").code == 0
    assert sorted(tmp_path.rglob("*")) == before


STALLED = """
import os, sys, time
def stall(descriptor):
    print("stalled", flush=True)
    time.sleep(60)
os.fsync = stall
from detbench.cli import main
main()
"""


@pytest.mark.parametrize("work", ["eval", "convert voc", "convert parquet"])
def test_a_killed_run_leaves_no_half_target(files, tmp_path, work):
    """The process dies when bytes are written and names are about to change."""
    target = (
        tmp_path
        / {"eval": "runs/comp4", "convert voc": "VOC2007", "convert parquet": "truth.parquet"}[work]
    )
    if work == "eval":
        arguments = [
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "-o",
            target.parent,
        ]
    else:
        arguments = ["convert", files.ground_truth("voc"), target, "--to", work.split()[1]]
    process = subprocess.Popen(
        [sys.executable, "-c", STALLED, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert any(b"stalled" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    assert not target.exists()
    assert [path.name[0] for path in target.parent.iterdir()] == ["."]
    again = subprocess.run(
        [sys.executable, "-m", "detbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert target.exists()
