"""The pytest plugin in its own suite: samples in the JSON of pytest-benchmark, or skipped tests."""

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detbench.bench.latency.assembly import SweepResult
from detbench.bench.latency.result import LatencyResult, ProcessSamples
from detbench.errors import DetbenchError
from detbench.integrations.pytest_plugin import _skip_useless_times, time_detectors
from tests.bench.fake_detector import FakeDetector
from tests.bench.latency.fake_device import FakeDevice, FakeTime

PLUGIN = "detbench.integrations.pytest_plugin"
SUITE = """
    import numpy as np

    from detbench.adapters.detector import Batch
    from detbench.adapters.geometry import fit_image


    class Detector:
        name, class_names, input_size, batch_size, settings = "mine", ("a",), (8, 8), None, {}

        def preprocess(self, images):
            placements = tuple(fit_image((8, 8), (8, 8), "stretch") for _ in images)
            return Batch(np.zeros((len(images), 1)), placements)

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
        assert result.verdict != "valid", "one process is a quick look"
"""
COMPARISON = """
    def test_comparison(detbench_latency):
        specs = ["MODEL", "MODEL,threads=1"]
        timed = detbench_latency(*specs, processes=2, min_seconds=0, max_seconds=0.4)
        assert len(timed.results) == 2
        assert [pair.task.stage for pair in timed.pairs] == ["infer"]
"""


@pytest.fixture
def run_suite(tmp_path):
    """Run pytest as a user does: in its own process, without the other plugins of this suite."""
    (tmp_path / "test_mine.py").write_text(textwrap.dedent(SUITE))
    # pytest-benchmark measures nothing in a worker of pytest-xdist, which may run this test.
    environment = {name: os.environ[name] for name in os.environ if "XDIST" not in name}

    def run(*arguments):
        return subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-rs"),
                *("-p", PLUGIN, "-p", "no:cacheprovider"),
                *arguments,
            ],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.mark.slow
def test_samples_join_json_and_comparison_of_pytest_benchmark(run_suite, tmp_path):
    pytest.importorskip("pytest_benchmark")
    done = run_suite("--benchmark-json", "out.json", "--benchmark-save", "before")
    assert done.returncode == 0, done.stdout + done.stderr
    [entry] = json.loads((tmp_path / "out.json").read_text())["benchmarks"]
    summary, stats = entry["extra_info"]["detbench"], entry["stats"]
    assert (summary["stage"], summary["batch"]) == ("infer", 2)
    assert summary["scenario"] == "single_stream"
    assert stats["rounds"] == summary["samples"] == len(stats["data"]) > 10
    assert stats["median"] * 1e3 == pytest.approx(summary["p50_ms"])
    assert stats["min"] == min(stats["data"])
    assert np.mean(stats["data"]) == pytest.approx(stats["mean"])
    again = run_suite("--benchmark-compare", "--benchmark-compare-fail", "median:100000%")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "test_speed (0001_before)" in again.stdout


@pytest.mark.slow
def test_models_are_compared_in_processes_and_the_first_one_is_benchmarked(run_suite, tmp_path):
    pytest.importorskip("pytest_benchmark")
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    model = tmp_path / "tiny.onnx"
    save_model(model, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    spec = f"{model},decoder=end2end,names=cat|dog"
    suite = textwrap.dedent(COMPARISON.replace("MODEL", spec))
    (tmp_path / "test_mine.py").write_text(suite)
    done = run_suite("--benchmark-json", "out.json")
    assert done.returncode == 0, done.stdout + done.stderr
    if "could not be timed now: machine s" in done.stdout:
        pytest.skip("the machine is too slow now")
    [entry] = json.loads((tmp_path / "out.json").read_text())["benchmarks"]
    information = entry["extra_info"]
    first, second = information["detbench_models"]["results"]
    assert (first["model"], second["model"]) == ("tiny", "tiny threads=1")
    assert first == information["detbench"]
    assert entry["stats"]["rounds"] == first["samples"]
    [pair] = information["detbench_models"]["comparisons"]
    assert (pair["a"], pair["b"]) == ("tiny", "tiny threads=1")


def test_times_of_a_slow_machine_are_no_benchmark_but_compare():
    samples = (ProcessSamples(np.full(100, 2_000_000)),)
    slow = LatencyResult(
        "a",
        "infer",
        1,
        "single_stream",
        1,
        samples,
        with_slow_turns=True,
        reasons=("machine slow",),
    )
    with pytest.raises(pytest.skip.Exception, match="a could not be timed now: machine slow"):
        _skip_useless_times(SweepResult([slow]))
    _skip_useless_times(SweepResult([slow, replace(slow, model="b")]))
    _skip_useless_times(SweepResult([replace(slow, with_slow_turns=False)]))
    without_samples = replace(slow, processes=())
    with pytest.raises(pytest.skip.Exception):
        _skip_useless_times(SweepResult([slow, without_samples]))


@pytest.mark.slow
def test_if_disabled_it_runs_once_and_quickly(run_suite):
    pytest.importorskip("pytest_benchmark")
    done = run_suite("--benchmark-disable")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_pytest_benchmark_it_skips_and_names_what_to_install(run_suite):
    done = run_suite("-p", "no:benchmark")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    message = "detbench_latency needs pytest-benchmark: pip install pytest-benchmark"
    assert message in done.stdout


def test_it_imports_nothing_heavy_at_start():
    heavy = {"numba", "pandas", "numpy", "keras", "tensorflow", "onnxruntime", "matplotlib"}
    heavy |= {"pyarrow"}
    code = f"import sys, {PLUGIN}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_entry_point_names_the_module():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}


def test_a_model_without_samples_and_ctrl_c_are_errors():
    with pytest.raises(DetbenchError, match="fake could not be timed: failed: RuntimeError: gone"):
        time_detectors(FakeDevice(FakeTime(), fails={1: RuntimeError("gone")}))
    with pytest.raises(KeyboardInterrupt):
        time_detectors(FakeDevice(FakeTime(), fails={1: KeyboardInterrupt()}))


def test_a_loaded_detector_stays_loaded():
    detector = FakeDetector()
    detector.close = pytest.fail
    [result] = time_detectors(detector, min_seconds=0.0, max_seconds=0.02).results
    assert (result.turns, len(result.processes)) == ("in_process", 1)


@pytest.mark.parametrize(
    ("detectors", "options", "message"),
    [
        ((), {}, "no detector to time; pass a spec"),
        (("onnx:a.onnx", FakeDetector()), {}, "onnx:a.onnx is a spec and fake is loaded; pass"),
        ((FakeDetector(),), {"turns": "stopped"}, "fake is loaded in this process, which turns="),
        ((FakeDetector(), FakeDetector()), {}, "need different names, got fake, fake"),
    ],
)
def test_detectors_that_cannot_be_compared_are_errors(detectors, options, message):
    with pytest.raises(DetbenchError, match=message):
        time_detectors(*detectors, **options)
