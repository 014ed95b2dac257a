"""Compare: which arguments are models, which earlier runs are kept, and how models are timed."""

from __future__ import annotations

import pytest

from detbench.bench.compare import finished_run, is_model, time_models, timing_images
from detbench.bench.latency.local_model import LocalModel
from detbench.bench.latency.sweep import Progress
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.bench.runs import write_run
from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.fake_detector import FakeDetector
from tests.metrics.scored import random_pair


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("onnx:a.onnx", True),
        ("a.onnx", True),
        ("models/a.onnx,score=0.1", True),
        ("replay:detections.parquet", True),
        ("detections.parquet", False),
        ("results", False),
        ("results/yolo.v2", False),
        ("detections.json", False),
        ("unknown:adapter", False),
        ("a=b,c", False),
    ],
)
def test_which_arguments_are_models(argument, expected):
    assert is_model(argument) is expected


@pytest.fixture
def evaluation():
    return evaluate(*random_pair(0), "voc2007")


def test_an_empty_folder_has_no_finished_run(evaluation, tmp_path):
    assert finished_run(tmp_path / "new", evaluation) is None
    assert finished_run(tmp_path, evaluation) is None


def test_an_equal_run_is_kept(evaluation, tmp_path):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    assert finished_run(folder, evaluation).folder == folder


@pytest.mark.parametrize(
    ("seed", "protocol", "difference"),
    [
        (1, "voc2007", "different annotations on the same images"),
        (0, "voc2012", r"different protocols \(voc2012 and voc2007\)"),
    ],
)
def test_another_run_is_never_replaced(evaluation, tmp_path, seed, protocol, difference):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    other = evaluate(*random_pair(seed), protocol)
    with pytest.raises(InputError, match=f"finder: already holds a run with {difference}; choose"):
        finished_run(folder, other)


def test_other_detections_are_never_replaced(evaluation, tmp_path):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    other = evaluate(*random_pair(0, boxes=61), "voc2007")
    assert other.ground_truth.digest == evaluation.ground_truth.digest
    with pytest.raises(InputError, match="already holds a run with different detections"):
        finished_run(folder, other)


def test_a_folder_of_something_else_is_left_alone(evaluation, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="already exists and is not a run folder"):
        finished_run(tmp_path, evaluation)


def test_models_are_timed_on_images_of_the_dataset_if_they_exist(files):
    ground_truth = load_ground_truth(files.ground_truth("voc"), split="test")
    images = timing_images(ground_truth)
    assert [image.name for image in images] == list(ground_truth.image_files)
    first = ground_truth.image_folder / ground_truth.image_files[0]
    assert images[0].data == first.read_bytes()
    without_files, _ = random_pair(0)
    names = [image.name for image in timing_images(without_files)]
    assert all(name.startswith("embedded-") for name in names)


@pytest.mark.parametrize("loaded", [None, 2])
def test_each_model_is_timed_at_its_batch_size_and_equal_ones_are_compared(
    files, monkeypatch, loaded
):
    sizes = {"a": None, "b": None, "c": 2}

    def load(spec, images):
        return LocalModel(FakeDetector(batch_size=sizes[spec.name]), images, name=spec.name)

    monkeypatch.setattr("detbench.bench.latency.sources.load_model", load)
    images = timing_images(load_ground_truth(files.ground_truth("voc"), split="test"))
    tasks = []
    timed = time_models(
        dict.fromkeys(sizes, "fake"),
        images,
        TimingPlan(max_s=0.05, turns="in_process", loaded=loaded),
        Progress(on_task=lambda task: tasks.append((task.stage, task.batch))),
    )
    in_order = [(stage, batch) for batch in (1, 2) for stage in ("infer", "end_to_end")]
    assert list(dict.fromkeys(tasks)) == in_order
    assert [(result.stage, result.batch) for result in timed.results_of("c")] == [
        ("infer", 2),
        ("end_to_end", 2),
    ]
    assert {(pair.a, pair.b) for pair in timed.pairs} == {("a", "b")}
    assert all(len(result.samples_ns) for result in timed.results)
