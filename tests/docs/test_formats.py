"""The page on file formats: a row for each format, a test for each assumption."""

import ast
import re
from pathlib import Path

from detbench.data.formats.table import (
    DETECTIONS_FORMATS,
    detections_readers,
    ground_truth_readers,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/formats.md").read_text(encoding="utf-8")


def format_rows():
    """Return format → the cells of its row, by column."""
    table = re.search(r"<!-- formats -->\n(.*?)<!-- /formats -->", PAGE, re.DOTALL)[1]
    header, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    ]
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    return {row["format"].strip("`"): row for row in rows}


def test_every_format_has_a_row_that_says_what_is_read_and_written():
    rows = format_rows()
    ground_truth = {name for name, reader in ground_truth_readers() if reader.description}
    detections = {name for name, reader in detections_readers() if reader.description}
    assert set(rows) == ground_truth | detections
    for name, row in rows.items():
        assert (row["ground truth"] != "none") == (name in ground_truth), name
        assert (row["detections"] != "none") == (name in detections), name
        assert (row["written"] == "yes") == (name in DETECTIONS_FORMATS), name
        assert all(row.values()), name


def test_every_test_that_the_page_names_exists():
    functions, files = set(), set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        files.add(path.name)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    named_files = set(re.findall(r"\btest_\w+\.py\b", PAGE))
    named = set(re.findall(r"\btest_\w+\b(?!\.py)", PAGE))
    assert named_files
    assert named
    assert named_files - files == set()
    assert named - functions == set()


def test_every_assumption_has_a_test():
    tables = re.findall(r"^\| assumption .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert tables
    rows = [line for table in tables for line in table.splitlines()]
    without = [line for line in rows if "test_" not in line.rstrip("|").split("|")[-1]]
    assert without == []
