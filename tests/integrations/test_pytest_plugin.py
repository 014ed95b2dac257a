"""The pytest plugin in a suite of its own: with pytest-benchmark its samples are in the JSON, without it the fixture skips."""

import json
import subprocess
import sys

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.integrations.pytest_plugin import time_detector

SUITE = """
    import numpy as np

    from detbench.adapters.detector import Batch
    from detbench.adapters.geometry import place


    class Detector:
        name, class_names, input_size, batch_size, settings = "mine", ("a",), (8, 8), None, {}

        def preprocess(self, pictures):
            return Batch(np.zeros((len(pictures), 1)), tuple(place((8, 8), (8, 8), "stretch") for _ in pictures))

        def to_device(self, batch):
            return batch.inputs

        def infer(self, inputs):
            return np.sort(np.random.default_rng(0).random(5_000))

        def to_host(self, outputs):
            return [outputs]

        def postprocess(self, outputs, batch):
            return []

        def synchronize(self):
            pass

        def close(self):
            pass


    def test_speed(detbench_latency):
        result = detbench_latency(Detector(), batch=2, min_seconds=0.02, max_seconds=0.2)
        assert result.batch == 2
        assert result.percentile_ms(50) < 1000
"""


def run_suite(folder, *arguments):
    """Run pytest in a process of its own, as a user does, with no plugin of ours but the one under test."""
    (folder / "test_mine.py").write_text("\n".join(line[4:] for line in SUITE.splitlines()))
    call = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "detbench.integrations.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-rs",
        *arguments,
    ]
    return subprocess.run(
        call, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_samples_join_json_and_comparison_of_pytest_benchmark(tmp_path):
    pytest.importorskip("pytest_benchmark")
    done = run_suite(tmp_path, "--benchmark-json", "out.json", "--benchmark-save", "before")
    assert done.returncode == 0, done.stdout + done.stderr
    [entry] = json.loads((tmp_path / "out.json").read_text())["benchmarks"]
    summary = entry["extra_info"]["detbench"]
    assert (summary["stage"], summary["batch"], summary["scenario"]) == (
        "infer",
        2,
        "single_stream",
    )
    assert entry["stats"]["rounds"] == summary["samples"] == len(entry["stats"]["data"]) > 10
    assert entry["stats"]["median"] * 1e3 == pytest.approx(summary["p50_ms"])
    assert entry["stats"]["min"] == min(entry["stats"]["data"])
    assert np.mean(entry["stats"]["data"]) == pytest.approx(entry["stats"]["mean"])
    again = run_suite(tmp_path, "--benchmark-compare", "--benchmark-compare-fail", "median:100000%")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "test_speed (0001_before)" in again.stdout


def test_switched_off_it_runs_once_and_quickly(tmp_path):
    pytest.importorskip("pytest_benchmark")
    done = run_suite(tmp_path, "--benchmark-disable")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_pytest_benchmark_it_skips_and_says_what_to_install(tmp_path):
    done = run_suite(tmp_path, "-p", "no:benchmark")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    assert "detbench_latency needs pytest-benchmark: pip install pytest-benchmark" in done.stdout


def test_it_imports_nothing_heavy_at_start():
    heavy = [
        "numba",
        "pandas",
        "numpy",
        "keras",
        "tensorflow",
        "onnxruntime",
        "matplotlib",
        "pyarrow",
    ]
    code = f"import sys, detbench.integrations.pytest_plugin; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_entry_point_names_the_module():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {
        "detbench.integrations.pytest_plugin": "detbench.integrations.pytest_plugin"
    }


def test_a_model_without_samples_and_ctrl_c_are_no_results():
    from tests.bench.latency.fake_device import FakeDevice, FakeTime

    with pytest.raises(DetbenchError, match="fake could not be timed: failed: RuntimeError: gone"):
        time_detector(FakeDevice(FakeTime(), fails={1: RuntimeError("gone")}))
    with pytest.raises(KeyboardInterrupt):
        time_detector(FakeDevice(FakeTime(), fails={1: KeyboardInterrupt()}))
