"""Every command of the guide is run, in the order of its page, in a folder with its input."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "index.md", *sorted((DOCS / "guide").glob("*.md"))]
_BLOCK = re.compile(
    r"(?:<!-- (?:not run: (?P<reason>[^\n]+)|may exit (?P<code>\d): [^\n]+) -->\n)?"
    r"```(?P<language>\w*)[^\n]*\n(?P<text>.*?)```",
    re.DOTALL,
)


def blocks(page):
    """Return (language, text, reason not to run it, allowed exit codes) of each fenced block."""
    return [
        (match["language"], match["text"], match["reason"], {0, int(match["code"] or 0)})
        for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="session")
def reader_has(tmp_path_factory):
    """Return a folder with a small VOC dataset, the results of two detectors, and models."""
    from detbench.adapters import shipped
    from detbench.data.formats.voc.writer import write_voc_results
    from detbench.data.load import load_ground_truth
    from detbench.data.shapes import make_shapes
    from tests.data.simulated_detections import simulated_detections

    folder = tmp_path_factory.mktemp("reader")
    dataset = make_shapes(folder / "data", train=16, val=4, test=24)
    truth = load_ground_truth(dataset, split="test")
    for name, quality in (("yolo_a", 0.9), ("yolo_b", 0.6)):
        write_voc_results(
            simulated_detections(truth, quality), folder / "results" / name, split="test"
        )
    shutil.copy(shipped.YOLO_ONNX, folder / "model.onnx")
    shutil.copytree(shipped.RETINANET, folder / "preset")
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """Return a folder with a `detbench` command that runs the package under test."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "detbench"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m detbench "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page(page, reader_has, commands, tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(reader_has, folder)
    paths = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(DOCS.parent)}
    environment = os.environ | paths | {"DETBENCH_CACHE": str(tmp_path / "cache")}
    run = 0
    for language, text, reason, codes in blocks(page):
        if reason or language not in {"sh", "python"}:
            continue
        program = ["bash", "-e", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode in codes, f"{page.name}: {text}\n{done.stdout}\n{done.stderr}"
        run += 1
    assert run, f"{page.name} shows no command"
