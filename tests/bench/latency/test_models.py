"""Models: named by specs, loaded on the device asked for, here or in a process of their own."""

import numpy as np
import pytest

from detbench.bench.latency.contender import Task
from detbench.bench.latency.images import embedded_images, images_of
from detbench.bench.latency.models import load_contender, models_of
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.worker import WorkerContender
from detbench.errors import DetbenchError, DetbenchWarning, InputError

NAMED = "decoder=end2end,names=cat|dog"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    found = np.zeros((2, 6), np.float32)
    found[:, 2:5] = [[9, 9, 0.9], [5, 5, 0.8]]
    return save_model(path, {"output": found}, (None, 3, 32, 32)) or path


def test_names_are_those_of_the_files_unless_two_share_one():
    assert [model.name for model in models_of(["onnx:a/one.onnx", "two.onnx,threads=1"])] == [
        "one",
        "two",
    ]
    same = ["a.onnx,threads=1,score=0.1", "b/a.onnx,threads=2,score=0.1", "a.onnx,score=0.1"]
    assert [model.name for model in models_of(same)] == ["a threads=1", "a threads=2", "a"]
    assert [model.name for model in models_of(["a/m.onnx", "b/m.onnx"])] == ["a/m.onnx", "b/m.onnx"]


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["replay:found.parquet"], "holds stored detections, and there is no model to time"),
        (["found.parquet"], "holds stored detections, and there is no model to time"),
        (["a.onnx", "a.onnx"], "is given twice; --aa compares a model with itself"),
        (["model.xyz"], "which adapter runs this does not show"),
    ],
)
def test_what_cannot_be_timed_is_refused(specs, message):
    with pytest.raises(DetbenchError, match=message):
        models_of(specs)


def test_a_device_that_is_not_there(model_file):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has the device")
    [model] = models_of([f"{model_file},{NAMED}"], "gpu")
    with pytest.raises(DetbenchError, match="provider 'cuda' is not in this onnxruntime"):
        load_contender(model, embedded_images(2))


def test_an_adapter_that_ignores_the_device_is_caught(monkeypatch):
    from tests.bench.latency.fake_device import FakeDevice, FakeTime

    monkeypatch.setattr(
        "detbench.bench.latency.models.load_detector",
        lambda spec, **_: FakeDevice(FakeTime(), settings={"device": "cpu"}),
    )
    [model] = models_of(["mine:model"], "gpu")
    with pytest.raises(
        DetbenchError, match="mine:model: device gpu was asked for and is not there; it runs on cpu"
    ):
        load_contender(model, embedded_images(2))


@pytest.mark.parametrize("isolate", [False, True])
def test_a_model_is_timed_here_or_elsewhere(model_file, isolate):
    [model] = models_of([f"{model_file},{NAMED}"])
    contender = (WorkerContender if isolate else load_contender)(model, embedded_images(2))
    try:
        facts = contender.prepare(Task("end_to_end", 2, SINGLE_STREAM))
        piece = contender.take(5, 1)
        assert (facts.problem, piece.problem) == ("", "")
        assert facts.first_call_s > 0
        assert (facts.settings["provider"], facts.settings["clock"]) == (
            "CPUExecutionProvider",
            "onnxruntime",
        )
        assert len(piece.samples_ns) == 5
        assert piece.samples_ns.min() > 0
        assert piece.taken_ns >= piece.samples_ns.sum()
        assert contender.settings["adapter"] == "onnx"
    finally:
        contender.close()


def test_what_goes_wrong_elsewhere_is_said_here(model_file, tmp_path):
    with pytest.raises(DetbenchError, match="no such model"):
        WorkerContender(models_of([str(tmp_path / "none.onnx")])[0], embedded_images(1))
    [model] = models_of([f"{model_file},decoder=end2end"])
    with pytest.raises(DetbenchError, match="no names for them"):
        WorkerContender(model, embedded_images(1))


def test_a_process_that_is_killed_is_a_failure_and_no_hang(model_file):
    [model] = models_of([f"{model_file},{NAMED}"])
    contender = WorkerContender(model, embedded_images(1))
    contender.prepare(Task("infer", 1, SINGLE_STREAM))
    contender._process.kill()
    contender._process.join()
    piece = contender.take(5, 0)
    assert (len(piece.samples_ns), piece.problem.startswith("failed: its process ended")) == (
        0,
        True,
    )
    assert contender.prepare(Task("infer", 1, SINGLE_STREAM)).problem.startswith(
        "failed: its process ended"
    )
    contender.close()


def test_embedded_pictures_are_the_same_every_time_and_differ():
    one, two = embedded_images(3), embedded_images(3)
    assert one == two
    assert len({image.data for image in one}) == 3


def test_pictures_of_a_folder(tmp_path):
    for image in embedded_images(2):
        (tmp_path / image.name).write_bytes(image.data)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [image.name for image in images_of(tmp_path)] == ["embedded-0.jpg", "embedded-1.jpg"]
    with pytest.raises(InputError, match="cannot be read as a folder of pictures"):
        images_of(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        images_of(tmp_path / "empty")


def test_remarks_of_a_model_elsewhere_are_said_here(tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    save_model(tmp_path / "coco.onnx", {"output": np.zeros((84, 21), np.float32)}, (1, 3, 32, 32))
    [model] = models_of([f"{tmp_path / 'coco.onnx'},decoder=yolov8"])
    with pytest.warns(DetbenchWarning, match="its 80 classes are taken as COCO's"):
        WorkerContender(model, embedded_images(1)).close()


def test_a_process_that_is_left_in_the_middle_ends_without_a_word(model_file, capfd):
    [model] = models_of([f"{model_file},{NAMED}"])
    contender = WorkerContender(model, embedded_images(1))
    contender.prepare(Task("infer", 1, SINGLE_STREAM))
    contender._pipe.send(("take", (2_000, 0)))
    contender.close()
    assert contender._process.exitcode == 0
    assert "Traceback" not in capfd.readouterr().err


def test_ctrl_c_while_another_process_prepares(model_file, monkeypatch):
    [model] = models_of([f"{model_file},{NAMED}"])
    contender = WorkerContender(model, embedded_images(1))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(contender, "_ask", interrupted)
    assert contender.prepare(Task("infer", 1, SINGLE_STREAM)).problem == "interrupted"
    contender.close()
