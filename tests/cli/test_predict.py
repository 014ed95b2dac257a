"""`detbench predict` and `detbench adapters` with tiny ONNX models and with real ones."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.scoring.evaluate import evaluate
from tests.conftest import with_sigint_enabled

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

N_IMAGES = 192
CLASS_NAMES = {0: "circle", 1: "square", 2: "triangle", 3: "word"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Write a model that returns one fixed box, scored by the mean of its input."""
    from onnx import TensorProto, helper, numpy_helper

    box = numpy_helper.from_array(np.array([[[4, 4, 60, 60]]], np.float32), "box")
    class_index = numpy_helper.from_array(np.array([[[1]]], np.float32), "class")
    shape = numpy_helper.from_array(np.array([1, 1, 1], np.int64), "shape")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["score"]),
        helper.make_node("Concat", ["box", "score", "class"], ["output0"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 1, 6])],
        [box, class_index, shape],
    )
    opset = helper.make_opsetid("", 13)
    onnx_model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    properties = {"names": str(CLASS_NAMES), "task": "detect", "imgsz": "[64, 64]"}
    helper.set_model_props(onnx_model, properties)
    path = tmp_path_factory.mktemp("model") / "fixed.onnx"
    onnx.save(onnx_model, path)
    return path


def test_predict_then_eval(command, files, model, tmp_path):
    dataset = files.ground_truth("voc")
    done = command(
        "predict", f"onnx:{model},decoder=end2end", dataset, "-o", tmp_path / "d.parquet"
    )
    assert done.code == 0, done.err
    assert done.out == ""
    assert "detections: " in done.err
    ground_truth = load_ground_truth(dataset)
    detections = load_detections(tmp_path / "d.parquet", ground_truth)
    assert len(detections) == len(ground_truth.image_ids)
    assert {ground_truth.class_names[k] for k in detections.class_index} == {"square"}
    scale = 64 / ground_truth.image_sizes.max(axis=1)
    assert (detections.boxes[:, 2] - detections.boxes[:, 0] > 10 / scale).all()
    scored = command("eval", dataset, tmp_path / "d.parquet", "--json", "-")
    squares = json.loads(scored.out)["runs"][0]["classes"]["square"]
    assert squares["detections"] == len(detections)


def test_settings_reach_the_detections_and_the_record(command, files, model, tmp_path):
    dataset, output = files.ground_truth("voc"), tmp_path / "d.parquet"
    assert command("predict", f"onnx:{model},score=0.002", dataset, "-o", output).code == 0
    settings = load_detections(output, load_ground_truth(dataset)).settings
    assert settings["postprocessing"]["score"] == 0.002
    assert settings["digest"].startswith("sha256:")
    assert command("eval", dataset, output, "-o", tmp_path / "runs").code == 0
    record = json.loads(next((tmp_path / "runs").rglob("record.json")).read_text())
    assert record["options"]["effective"]["model"] == settings
    assert record["digests"]["model"] == settings["digest"]


def test_a_second_run_uses_the_first_and_no_cache_does_not(command, files, model, tmp_path):
    arguments = ("predict", f"onnx:{model}", files.ground_truth("voc"), "-o")
    command(*arguments, tmp_path / "a.parquet")
    again = command(*arguments, tmp_path / "b.parquet")
    assert "8 images (8 from an earlier run)" in again.err
    fresh = command(*arguments, tmp_path / "c.parquet", "--no-cache")
    assert "8 images (0 from an earlier run)" in fresh.err
    ground_truth = load_ground_truth(files.ground_truth("voc"))
    digests = {load_detections(tmp_path / f"{name}.parquet", ground_truth).digest for name in "abc"}
    assert len(digests) == 1


def finished_chunks(cache):
    return [entry for entry in cache.rglob("*.npz") if not entry.name.startswith(".")]


@pytest.fixture
def slow_command(model, tmp_path):
    """Return a command of a second or two that ends in `-o`, and its environment with a cache."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    for n in range(N_IMAGES):
        Image.fromarray(noise // (n + 1)).save(folder / f"{n}.jpg", quality=95)
    annotations = tmp_path / "annotations.json"
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 700, "height": 700} for n in range(N_IMAGES)
    ]
    categories = [{"id": k, "name": name} for k, name in CLASS_NAMES.items()]
    annotations.write_text(
        json.dumps({"images": images, "categories": categories, "annotations": []})
    )
    program = [sys.executable, "-m", "detbench"]
    base = [*program, "predict", f"onnx:{model}", annotations, "--images", folder, "-o"]
    return base, os.environ | {"DETBENCH_CACHE": str(tmp_path / "killed")}


def stopped_midway(base, environment, output, with_signal):
    """Start the command, send a signal once a chunk is finished, return exit code and messages."""
    running = subprocess.Popen(
        with_sigint_enabled([*base, output]), env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not finished_chunks(Path(environment["DETBENCH_CACHE"])) and time.monotonic() < deadline:
        time.sleep(0.001)
    running.send_signal(with_signal)
    _, messages = running.communicate(timeout=120)
    return running.returncode, messages


@pytest.mark.slow
def test_a_killed_run_is_resumed_with_the_same_result(slow_command, tmp_path):
    """The second run uses the chunks that were in the cache at the time of the SIGKILL."""
    base, environment = slow_command
    stopped_midway(base, environment, tmp_path / "a.parquet", signal.SIGKILL)
    kept = len(finished_chunks(tmp_path / "killed"))
    assert 0 < kept < N_IMAGES / 32
    assert not (tmp_path / "a.parquet").exists()
    resumed = subprocess.run(
        [*base, tmp_path / "a.parquet"], env=environment, capture_output=True, text=True, check=True
    )
    assert f"{N_IMAGES} images ({kept * 32} from an earlier run)" in resumed.stderr
    subprocess.run([*base, tmp_path / "b.parquet", "--no-cache"], capture_output=True, check=True)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_ctrl_c_explains_how_to_resume(slow_command, tmp_path):
    code, messages = stopped_midway(*slow_command, tmp_path / "a.parquet", signal.SIGINT)
    assert code == 130
    assert "interrupted; run the same command again to resume" in messages
    assert "Traceback" not in messages
    assert not (tmp_path / "a.parquet").exists()


def test_previews_show_image_and_input(command, files, model, tmp_path):
    output = ("-o", tmp_path / "d.parquet")
    done = command("predict", f"onnx:{model}", files.ground_truth("voc"), *output, "--preview", 3)
    assert "previews: 3 files" in done.err
    previews = sorted((tmp_path / "d-previews").iterdir())
    assert len(previews) == 3
    with Image.open(previews[0]) as sheet:
        assert sheet.width > sheet.height > 400
        assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 500


def test_try_resize_compares_all_fits_and_writes_nothing(command, files, model, tmp_path):
    options = ("--try-resize", "--sample", 4)
    done = command("predict", f"onnx:{model}", files.ground_truth("voc"), *options)
    assert done.code == 0, done.err
    for fit in ("stretch", "letterbox", "letterbox-corner", "center-crop"):
        assert fit in done.out
    assert "on 4 images" in done.out
    assert list(tmp_path.iterdir()) == []


def test_the_output_never_replaces_the_dataset(command, files, model, tmp_path):
    dataset = tmp_path / "truth.json"
    dataset.write_bytes(files.ground_truth("coco").read_bytes())
    done = command("predict", f"onnx:{model}", dataset, "-o", dataset)
    assert done.code == 2
    assert "is an input and would be replaced" in done.err
    assert dataset.read_bytes() == files.ground_truth("coco").read_bytes()


def test_adapters_are_listed(command):
    listed = command("adapters").out
    assert "onnx" in listed
    assert "pip install 'detbench[onnx]'" in listed
    assert "replay" in listed


def test_replay_passes_detections_through(command, files, tmp_path):
    dataset, stored = files.ground_truth("voc"), files.detections("parquet")
    done = command("predict", f"replay:{stored}", dataset, "-o", tmp_path / "d.parquet")
    assert done.code == 0, done.err
    summaries = []
    for detections in (stored, tmp_path / "d.parquet"):
        document = json.loads(command("eval", dataset, detections, "--json", "-").out)
        summaries.append(document["runs"][0]["summary"])
    assert summaries[0] == summaries[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["onnx:missing.onnx", "{dataset}", "-o", "{out}"], "missing.onnx: no such model"),
        (["onnx:{model},color=blue", "{dataset}", "-o", "{out}"], "color"),
        (["onnx:{model},sauce=1", "{dataset}", "-o", "{out}"], "sauce"),
        (
            ["torch:{model}", "{dataset}", "-o", "{out}"],
            "unknown adapter 'torch'; the adapters are onnx",
        ),
        (["onnx:{model},names=a|b|c", "{dataset}", "-o", "{out}"], "class"),
        (["onnx:{model}", "{dataset}", "-o", "{out}", "--batch", "3"], "batches of 1 only"),
        (["onnx:{model},provider=cuda", "{dataset}", "-o", "{out}"], "CPUExecutionProvider"),
        (["onnx:{model}", "{dataset}"], "-o FILE"),
        (
            ["onnx:{model}", "{dataset}", "-o", "{out}.csv"],
            "cannot infer the format of the detections from its suffix",
        ),
        (
            ["replay:{stored}", "{dataset}", "-o", "{out}", "--preview", "2"],
            "a replay has no model",
        ),
        (["onnx:{model}", "{dataset}", "-o", "{out}", "--try-resize"], "leave out -o"),
        (["onnx:{model}", "{dataset}", "-o", "{out}/"], "folder"),
    ],
)
def test_mistakes_are_one_sentence(command, files, model, tmp_path, arguments, message):
    if arguments[-1] == "{out}/":
        (tmp_path / "d.parquet").mkdir()
    paths = {
        "stored": files.detections("parquet"),
        "model": model,
        "dataset": files.ground_truth("voc"),
        "out": tmp_path / "d.parquet",
    }
    done = command("predict", *(argument.format(**paths) for argument in arguments))
    assert done.code == 2
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.err
    assert not (tmp_path / "d.parquet").is_file()


def test_an_unreadable_image_fails_the_run_unless_allowed(command, model, tmp_path):
    from detbench.data.shapes import make_shapes

    dataset = make_shapes(tmp_path / "shapes", train=0, val=0, test=3)
    broken = next((dataset / "JPEGImages").iterdir())
    broken.write_bytes(broken.read_bytes()[:300])
    arguments = ("predict", f"onnx:{model}", dataset, "-o", tmp_path / "d.parquet")
    refused = command(*arguments)
    assert refused.code == 2
    assert broken.name in refused.err
    assert not (tmp_path / "d.parquet").exists()
    allowed = command(*arguments, "--allow-broken")
    assert allowed.code == 0, allowed.err
    assert f"1 image could not be read and have no detections: {broken}" in allowed.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "expected", "tolerance"),
    [
        ("yolox_nano_kazuhito/yolox_nano.onnx", 0.302, 0.01),
        ("fastestdet/FastestDet.onnx", 0.196, 0.02),
    ],
)
def test_real_models_on_real_photographs(command, shared_data, tmp_path, path, expected, tolerance):
    """The published AP of both models on COCO, and VOC's images through the class mapping."""
    tiny = shared_data / "coco_tiny_val"
    dataset, spec = tiny / "instances_val2017.json", f"onnx:{shared_data / 'models' / path}"
    output = ("-o", tmp_path / "d.parquet")
    done = command("predict", spec, dataset, "--images", tiny / "val2017", *output)
    assert done.code == 0, done.err
    scored = json.loads(command("eval", dataset, tmp_path / "d.parquet", "--json", "-").out)
    assert scored["runs"][0]["summary"]["AP"] == pytest.approx(expected, abs=tolerance)

    with tarfile.open(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    voc = tmp_path / "VOCdevkit" / "VOC2007"
    arguments = ("predict", spec, voc, "--only-present", "-o", tmp_path / "v.parquet")
    refused = command(*arguments)
    assert refused.code == 2
    assert "--allow-unmapped" in refused.err
    done = command(*arguments, "--allow-unmapped")
    assert done.code == 0, done.err
    assert "motorcycle" in done.err
    ground_truth = load_ground_truth(voc)
    present = ground_truth.select_images(ground_truth.images_with_files())
    assert len(present.image_ids) == 14
    evaluation = evaluate(present, load_detections(tmp_path / "v.parquet", present))
    assert evaluation.average_precision > 0.6
