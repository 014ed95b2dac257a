"""ONNX models that cannot run: missing providers, damaged files, inputs that are not images."""

import hashlib
import sys

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

from detbench.adapters.onnx.adapter import load
from detbench.errors import DetbenchError, InputError
from tests.adapters.onnx.models import end2end, save_model

ABC = {"names": "a|b|c"}


def test_a_missing_provider_is_an_error_that_lists_the_available(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end())
    with pytest.raises(
        DetbenchError,
        match=r"this onnxruntime has no provider 'rocm'; it has .*CPUExecutionProvider",
    ):
        load(path, {**ABC, "provider": "rocm"})
    detector = load(path, {**ABC, "provider": "cpuexecutionprovider", "threads": "1"})
    assert detector.settings["provider"] == "CPUExecutionProvider"


def test_a_provider_that_falls_back_is_an_error(tmp_path, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(DetbenchError, match="fell back to CPUExecutionProvider"),
    ):
        load(save_model(tmp_path / "m.onnx", end2end()), {**ABC, "provider": "cuda"})


def test_missing_onnxruntime(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DetbenchError, match=r"pip install 'detbench\[onnx\]'"):
        load(save_model(tmp_path / "m.onnx", end2end()), ABC)


@pytest.mark.parametrize("keep", [1, 7, 60, -1, -30])
def test_a_cut_off_model_names_its_file(tmp_path, keep):
    path = save_model(tmp_path / "m.onnx", end2end())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"m\.onnx: is cut off or not an ONNX model"):
        load(path, ABC)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "not an ONNX model"),
        (b"\x00" * 100, "not an ONNX model"),
        (b"PK\x03\x04zip", "not an ONNX model"),
    ],
)
def test_a_file_that_is_not_a_model(tmp_path, content, problem):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(InputError, match=rf"m\.onnx: .*{problem}"):
        load(tmp_path / "m.onnx", ABC)


def test_a_missing_model(tmp_path):
    with pytest.raises(InputError, match="no such model"):
        load(tmp_path / "none.onnx", ABC)
    with pytest.raises(InputError, match="is not a file"):
        load(tmp_path, ABC)


@pytest.mark.parametrize("wrong", [b"Expend", b"Exp\xffnd"])
def test_a_corrupt_graph_names_its_file_and_prints_nothing(tmp_path, capfd, wrong):
    path = save_model(tmp_path / "m.onnx", end2end())
    path.write_bytes(path.read_bytes().replace(b"Expand", wrong))
    with pytest.raises(InputError, match=r"m\.onnx: onnxruntime cannot load it"):
        load(path, ABC)
    assert capfd.readouterr() == ("", "")


def test_external_weights_are_digested_and_required(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end())
    options = {"save_as_external_data": True, "location": "m.data", "size_threshold": 64}
    onnx.save(onnx.load(path), path, **options)
    digest = hashlib.sha256((tmp_path / "m.data").read_bytes()).hexdigest()
    settings = load(path, ABC).settings
    assert settings["weights"] == {"m.data": f"sha256:{digest}"}
    size_bytes = [len((tmp_path / name).read_bytes()) for name in ("m.onnx", "m.data")]
    assert settings["size_bytes"] == sum(size_bytes)
    (tmp_path / "m.data").unlink()
    with pytest.raises(InputError, match=r"keeps weights in m\.data, which is not in its folder"):
        load(path, ABC)


def test_weights_outside_the_folder_are_refused(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end())
    model = onnx.load(path)
    onnx.external_data_helper.set_external_data(model.graph.initializer[2], "../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="outside its folder"):
        load(path, ABC)


@pytest.mark.parametrize(
    ("shape", "extra", "problem"),
    [
        ((1, 1, 96, 160), None, "which is not a batch of three-channel images"),
        ((1, 96, 160), None, "which is not a batch of three-channel images"),
        ((96, 160), None, "which is not a batch of three-channel images"),
        ((1, 3, 96, 160), "sizes", r"takes 2 inputs \(images.*sizes"),
    ],
)
def test_inputs_that_are_not_images(tmp_path, shape, extra, problem):
    with pytest.raises(InputError, match=problem):
        load(save_model(tmp_path / "m.onnx", end2end(), shape, extra_input=extra), ABC)


def test_a_batch_that_the_graph_cannot_run_names_file_and_shape(tmp_path):
    detector = load(save_model(tmp_path / "m.onnx", end2end()), ABC)
    with pytest.raises(
        DetbenchError, match=r"m\.onnx: onnxruntime cannot run it on \[2, 3, 96, 160\]"
    ):
        detector.infer(detector.runtime.to_device(np.zeros((2, 3, 96, 160), np.float32)))
