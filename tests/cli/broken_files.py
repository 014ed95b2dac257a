"""Ways to break the files of a small dataset and its results, for tests of bad input."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class BrokenFiles:
    """Copies of the small dataset and its results, to be broken; and options of `detbench eval`."""

    def __init__(self, files, folder: Path) -> None:
        self.files, self.folder = files, folder
        self.options: list[str] = []
        self.ground_truth, self.detections = files.ground_truth("voc"), files.detections("voc")

    def copy(self, kind: str, format_name: str) -> Path:
        """Copy `ground_truth` or `detections` in a format for `eval` to read; return the copy."""
        source = getattr(self.files, kind)(format_name)
        target = self.folder / source.name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        setattr(self, kind, target)
        return target

    def results(self, change) -> None:
        """Let `change` edit the rows of the COCO results, or return other rows or a text."""
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
        """Let `change` edit the flat values of a list column of the Parquet results."""
        path = self.copy("detections", "parquet")
        table = pq.read_table(path)
        values = table[column].to_pylist()
        change(values)
        index = table.schema.get_field_index(column)
        changed = table.set_column(
            index, table.schema.field(column), pa.array(values, table.schema.field(column).type)
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
    for position, word in words.items():
        parts[int(position[1:])] = word
    return " ".join(parts)


def edit(n, **words):
    return lambda lines: lines.__setitem__(n, replace_words(lines[n], **words))


def put(row, key, value):
    return lambda rows: rows[row].__setitem__(key, value)


def inside(row, position, value):
    """Change one value in the list of one image."""
    return lambda values: values[row].__setitem__(position, value)


def negate_widths(rows):
    for row in rows:
        row["bbox"][2] *= -1


def invert(path: Path) -> None:
    lines = [line.split() for line in path.read_text().splitlines()]
    path.write_text(
        "".join(" ".join([*words[:2], *words[4:], *words[2:4]]) + "\n" for words in lines)
    )


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def error_lines(text: str) -> list[str]:
    """Return the lines of stderr that are neither warnings nor notes."""
    return [
        line for line in text.splitlines() if not line.startswith(("warning: ", "only present: "))
    ]


def check_refused(command, broken: BrokenFiles, folder: Path, message: str) -> None:
    """Check that `eval` ends with one error that matches `message` and writes nothing."""
    outputs = folder / "outputs"
    writing = ["--json", outputs / "out.json", "--plots", outputs / "plots", "-o", outputs / "runs"]
    outcome = command("eval", broken.ground_truth, broken.detections, *broken.options, *writing)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    line, *more = error_lines(outcome.err)
    assert more == [], outcome.err
    assert re.search(f"^error: .*{message}", line), line
    assert not outputs.exists()
