"""Files that are damaged, of another format, or an attack: one error that names the file."""

from __future__ import annotations

import json
import re
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.broken_files import check_refused, cut

CASES = {
    # damaged files, and files of another kind
    "coco malformed": (
        lambda b: b.results(lambda rows: "[{]"),
        r"detections\.json, .*(byte|line|character)",
    ),
    "coco object for a list": (
        lambda b: b.results(lambda rows: '{"images": [], "annotations": [], "categories": []}'),
        r"detections\.json: is an object like COCO annotations, expected results",
    ),
    "an object of no known format": (
        lambda b: b.results(lambda rows: '{"a": 1}'),
        r"detections\.json: this file is not recognized as detections: it is JSON",
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
    "annotations empty object": (
        lambda b: b.annotations(lambda doc: "{}"),
        r"annotations\.json.*images",
    ),
    "annotations are results": (
        lambda b: setattr(b, "ground_truth", b.files.detections("coco")),
        r"detections\.json.*(object|annotations)",
    ),
    "results are annotations": (
        lambda b: b.results(lambda rows: b.files.ground_truth("coco").read_text()),
        r"detections\.json: is an object like COCO annotations, expected results",
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
}


@pytest.mark.parametrize("case", CASES)
def test_bad_files_are_refused_and_nothing_is_written(command, broken, tmp_path, case):
    break_file, message = CASES[case]
    break_file(broken)
    check_refused(command, broken, tmp_path, message)


def test_a_tar_that_is_scored_is_never_unpacked(command, broken, files, tmp_path):
    archive = broken.tar()
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("../outside.txt"))
    before = sorted(tmp_path.rglob("*"))
    assert command("eval", archive, files.detections("voc"), "--split", "test").code == 0
    assert sorted(tmp_path.rglob("*")) == before
