"""What a comparison takes for a model, which earlier runs it keeps, and how it times."""

from __future__ import annotations

import pytest

from detbench.bench.compare import finished_run, is_model, of_model, time_models, timing_pictures
from detbench.bench.latency.contender import LocalContender
from detbench.bench.runs import write_run
from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.fake_detector import FakeDetector
from tests.metrics.scored import random_pair


@pytest.mark.parametrize(
    ("argument", "model"),
    [
        ("onnx:a.onnx", True),
        ("a.onnx", True),
        ("models/a.onnx,score=0.1", True),
        ("replay:found.parquet", True),
        ("found.parquet", False),
        ("results", False),
        ("results/yolo.v2", False),
        ("found.json", False),
        ("nothing:known", False),
        ("a=b,c", False),
    ],
)
def test_what_is_a_model(argument, model):
    assert is_model(argument) is model


@pytest.fixture
def evaluation():
    return evaluate(*random_pair(0), "voc2007")


def test_nothing_there_is_no_finished_run(evaluation, tmp_path):
    assert finished_run(tmp_path / "new", evaluation) is None
    assert finished_run(tmp_path, evaluation) is None


def test_the_same_run_is_kept(evaluation, tmp_path):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    assert finished_run(folder, evaluation).folder == folder


@pytest.mark.parametrize(
    ("seed", "protocol", "what"),
    [(1, "voc2007", "other ground truth"), (0, "voc2012", "another protocol")],
)
def test_another_run_is_never_replaced(evaluation, tmp_path, seed, protocol, what):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    with pytest.raises(
        InputError, match=f"finder: holds a run of {what}, which is not replaced; name another -o"
    ):
        finished_run(folder, evaluate(*random_pair(seed), protocol))


def test_other_detections_are_never_replaced(evaluation, tmp_path):
    folder = write_run(tmp_path / "finder", evaluation, options={})
    ground_truth, found = random_pair(0, found=61)
    assert ground_truth.digest == evaluation.ground_truth.digest
    with pytest.raises(InputError, match="holds a run of other detections"):
        finished_run(folder, evaluate(ground_truth, found, "voc2007"))


def test_a_folder_of_something_else_is_left_alone(evaluation, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="already exists and is not a run folder"):
        finished_run(tmp_path, evaluation)


def test_pictures_of_the_dataset_are_timed_where_they_are_there(files, tmp_path):
    truth = load_ground_truth(files.truth("voc"), split="test")
    pictures = timing_pictures(truth)
    assert [picture.name for picture in pictures] == list(truth.image_files)
    assert pictures[0].data == (truth.image_folder / truth.image_files[0]).read_bytes()
    ground_truth, _ = random_pair(0)
    assert {picture.name.split("-")[0] for picture in timing_pictures(ground_truth)} == {"embedded"}


def test_models_of_different_batch_sizes_are_timed_one_after_the_other(files, monkeypatch):
    """Three fakes, one of which takes two pictures at a time; every one has both stages, and only those alike are compared."""
    sizes = {"a": None, "b": None, "c": 2}

    def load(model, images):
        return LocalContender(FakeDetector(batch_size=sizes[model.name]), images, name=model.name)

    monkeypatch.setattr("detbench.bench.compare.load_contender", load)
    pictures = timing_pictures(load_ground_truth(files.truth("voc"), split="test"))
    seen = []
    timed = time_models(
        dict.fromkeys(sizes, "fake"),
        pictures,
        most_s=0.05,
        on_task=lambda names, task: seen.append((names, task.stage)),
    )
    assert seen == [("a, b", "infer"), ("a, b", "end_to_end"), ("c", "infer"), ("c", "end_to_end")]
    assert {(result.stage, result.batch) for result in of_model(timed, "c")} == {
        ("infer", 2),
        ("end_to_end", 2),
    }
    assert {(pair.a, pair.b) for pair in timed.pairs} == {("a", "b")}
    assert all(len(result.samples_ns) for result in timed.results)
