"""The Python examples of the page on statistics run, one after the other."""

import re
from pathlib import Path

import numpy as np
import pytest

from detbench.data.formats.voc.writer import write_voc_results
from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes
from tests.data.simulated_detections import simulated_detections

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
DETECTORS = {"a": (0.9, 0), "a_seed1": (0.9, 1), "b": (0.6, 0), "b_seed1": (0.6, 1)}
"""Quality and seed of the detectors that the examples name."""


@pytest.fixture
def working_folder(tmp_path, monkeypatch):
    """Change to a folder with the dataset and the results that the examples name."""
    dataset = make_shapes(tmp_path, train=0, val=0, test=12)
    ground_truth = load_ground_truth(dataset, split="test")
    for name, (quality, seed) in DETECTORS.items():
        detections = simulated_detections(ground_truth, quality, seed)
        write_voc_results(detections, tmp_path / "results" / name, split="test")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("working_folder")
def test_examples(capsys):
    names = {}
    output = []
    for example in EXAMPLES:
        exec(compile(example, PAGE.name, "exec"), names)  # noqa: S102
        output.append(capsys.readouterr().out)
    assert len(output) == 3
    assert all(output)
    assert names["a"].name == "a"
    assert np.isfinite(names["a"].bootstrap[:, 0]).all()
