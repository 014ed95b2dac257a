"""Local models: on the requested device, in this process or in their own."""

import warnings

import numpy as np
import pytest

from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.local_model import LocalModel, load_model
from detbench.bench.latency.model_specs import model_specs
from detbench.bench.latency.processes.model_process import ModelProcess
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.sources import LoadedSource, ProcessSource
from detbench.bench.latency.timed_model import TimingTask
from detbench.errors import DetbenchError, DetbenchWarning
from tests.bench.latency.fake_device import FakeDevice, FakeTime

INFER = TimingTask("infer", 1, SINGLE_STREAM)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """An ONNX model that returns two boxes for every image."""
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    boxes = np.zeros((2, 6), np.float32)
    boxes[:, 2:5] = [[9, 9, 0.9], [5, 5, 0.8]]
    save_model(path, {"output": boxes}, (None, 3, 32, 32))
    return path


@pytest.fixture(scope="module")
def spec(model_file):
    [spec] = model_specs([f"{model_file},decoder=end2end,names=cat|dog"])
    return spec


def test_a_missing_device_is_refused(model_file):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has the device")
    [spec] = model_specs([f"{model_file},decoder=end2end,names=cat|dog"], "gpu")
    with pytest.raises(DetbenchError, match="cuda"):
        load_model(spec, embedded_images(2))


def test_an_adapter_that_ignores_the_device_is_detected(monkeypatch):
    monkeypatch.setattr(
        "detbench.bench.latency.local_model.load_detector",
        lambda spec, **_: FakeDevice(FakeTime(), settings={"device": "cpu"}),
    )
    [spec] = model_specs(["mine:model"], "gpu")
    message = "mine:model: --device gpu is not available; the model runs on cpu"
    with pytest.raises(DetbenchError, match=message):
        load_model(spec, embedded_images(2))


@pytest.mark.parametrize("load", [load_model, ModelProcess])
def test_a_model_is_timed_in_this_process_or_in_its_own(spec, load):
    model = load(spec, embedded_images(2))
    try:
        preparation = model.prepare(TimingTask("end_to_end", 2, SINGLE_STREAM))
        piece = model.take_samples(5, 10**9)
        assert (preparation.problem, piece.problem) == ("", "")
        assert preparation.first_call_s > 0
        assert preparation.settings["provider"] == "CPUExecutionProvider"
        assert preparation.settings["clock"] == "onnxruntime"
        assert len(piece.samples_ns) == 5
        assert piece.samples_ns.min() > 0
        assert piece.elapsed_ns >= piece.samples_ns.sum()
        assert model.settings["adapter"] == "onnx"
    finally:
        model.close()


def test_errors_of_a_child_process_are_raised_here(model_file, tmp_path):
    with pytest.raises(DetbenchError, match=r"none\.onnx: no such model"):
        ModelProcess(model_specs([str(tmp_path / "none.onnx")])[0], embedded_images(1))
    [without_names] = model_specs([f"{model_file},decoder=end2end"])
    with pytest.raises(DetbenchError, match="names"):
        ModelProcess(without_names, embedded_images(1))


def test_warnings_of_a_child_process_are_issued_here_once(tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    save_model(tmp_path / "coco.onnx", {"output": np.zeros((84, 21), np.float32)}, (1, 3, 32, 32))
    [spec] = model_specs([f"{tmp_path / 'coco.onnx'},decoder=yolov8"])
    source = ProcessSource(spec, embedded_images(1))
    with pytest.warns(DetbenchWarning, match="its 80 classes are taken as COCO's"):
        source.start().close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source.start().close()


def test_a_killed_process_is_a_failure_and_does_not_hang(spec):
    model = ModelProcess(spec, embedded_images(1))
    model.prepare(INFER)
    model._process.kill()
    model._process.join()
    piece = model.take_samples(5, 0)
    assert len(piece.samples_ns) == 0
    for problem in (piece.problem, model.prepare(INFER).problem):
        assert problem.startswith("failed: its process ended")
    model.close()


def test_a_process_that_is_closed_while_timing_ends_silently(spec, capfd):
    model = ModelProcess(spec, embedded_images(1))
    model.prepare(INFER)
    model._pipe.send(("take_samples", (2_000, 0)))
    model.close()
    assert model._process.exitcode == 0
    assert "Traceback" not in capfd.readouterr().err


def test_ctrl_c_while_a_child_process_prepares(spec, monkeypatch):
    model = ModelProcess(spec, embedded_images(1))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "_call", interrupted)
    assert model.prepare(INFER).problem == "interrupted"
    model.close()


def test_a_loaded_detector_stays_open():
    device = FakeDevice(FakeTime())
    model = LocalModel(device, embedded_images(1), closes_detector=False)
    source = LoadedSource(model)
    assert source.name == "fake"
    source.start().close()
    assert not device.closed
    LocalModel(device, embedded_images(1)).close()
    assert device.closed
