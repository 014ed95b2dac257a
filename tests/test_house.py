"""The house: how large files and rooms are, that tests mirror them, and what a command imports."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "detbench"
MAX_LINES = 350
MAX_FILES = 20
ONE_FILE_PER_COMMAND = "cli"


def python_files(folder):
    return sorted(folder.rglob("*.py"))


def test_no_file_is_longer_than_a_reader_can_follow():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*python_files(PACKAGE), *python_files(ROOT / "tests")]
    }
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_no_room_holds_more_files_than_a_reader_can_scan():
    rooms = Counter(
        str(path.parent.relative_to(PACKAGE))
        for path in python_files(PACKAGE)
        if path.name != "__init__.py"
    )
    rooms.pop(ONE_FILE_PER_COMMAND)
    assert {room: count for room, count in rooms.items() if count > MAX_FILES} == {}


def test_every_file_says_what_it_is():
    without = [
        str(path.relative_to(ROOT))
        for path in [*python_files(PACKAGE), *python_files(ROOT / "tests")]
        if path.stat().st_size and not path.read_text(encoding="utf-8").startswith(('"""', 'r"""'))
    ]
    assert without == []


def test_tests_mirror_the_rooms():
    """Each folder of tests is a room of the package, except for a few about the whole of it."""
    others = {"benchmarks", "docs", "experiments", "golden", "gpu", "hostile", "references"}
    folders = {
        path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")
    }
    missing = [
        str(folder)
        for folder in folders
        if folder.parts and folder.parts[0] not in others and not (PACKAGE / folder).is_dir()
    ]
    assert missing == []


IMPORTED = """
import json, sys
sys.argv = ["detbench", *sys.argv[1:]]
from detbench.cli import main
try:
    main()
finally:
    modules = [name for name in sys.modules if name.startswith("detbench")]
    print("IMPORTED", json.dumps(sorted(modules)))
"""


def imported_by(*arguments):
    """Return the modules of detbench that a command loads."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.rsplit("IMPORTED ", 1)[1])


def in_rooms(modules, *rooms):
    return [
        name for name in modules if name.startswith(tuple(f"detbench.{room}" for room in rooms))
    ]


def test_import_costs_nothing():
    script = "import detbench, sys; print([m for m in sys.modules if m.startswith('detbench.')])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_eval_loads_what_scoring_needs(files):
    modules = imported_by("eval", files.ground_truth("voc"), files.detections("voc"))
    assert len(modules) <= 92, modules
    assert in_rooms(modules, "adapters", "doctor", "training", "bench.latency", "bench.gate") == []


def test_predict_loads_no_doctor_and_no_statistics(files, tmp_path):
    pytest.importorskip("onnxruntime")
    from detbench.adapters import shipped

    modules = imported_by(
        *("predict", f"onnx:{shipped.YOLO_ONNX}", files.ground_truth("voc"), "--split", "val"),
        *("--no-cache", "-o", tmp_path / "detections.parquet"),
    )
    assert in_rooms(modules, "doctor", "metrics.uncertainty", "metrics.errors") == []
