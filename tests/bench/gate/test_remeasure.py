"""Remeasure: which models a gate times again, and on what."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.bench.gate.remeasure import model_bytes, recorded_specs, remeasure
from detbench.bench.gate.rules import default_rules
from detbench.bench.latency.images import embedded_images
from detbench.errors import DetbenchError, InputError
from tests.bench.gate.simulated_runs import random_images, rule_of, run_of

IMAGES = random_images(4)


def compared_run(detectors, *, model=None, name="a"):
    """Return a run as `detbench compare DETECTORS` records it."""
    run = run_of(IMAGES)
    options = run.record["options"] | {"passed": {"detectors": detectors}}
    return replace(
        run,
        record=run.record | {"options": options, "model": model},
        detections=replace(run.detections, name=name),
    )


def test_the_models_are_those_that_compare_recorded(tmp_path):
    first, second = (tmp_path / name for name in ("a.onnx", "b.onnx"))
    for file, size in ((first, 10), (second, 20)):
        file.write_bytes(b"x" * size)
    specs = [f"onnx:{first},threads=1", str(second), "results/yolo_a"]
    baseline = compared_run(specs, model="a.onnx")
    candidate = compared_run(specs, model=None, name="b")
    assert recorded_specs(baseline, candidate) == (specs[0], specs[1])
    assert model_bytes(specs[0]) == 10
    assert model_bytes(f"onnx:{tmp_path}") == 30
    assert model_bytes("onnx:nowhere.onnx") is None


def test_an_unknown_or_missing_model_is_refused():
    problem = "does not record which model made its detections; name both models with --models"
    with pytest.raises(InputError, match=problem):
        recorded_specs(compared_run(["results/yolo_a"]), compared_run([]))
    missing = compared_run(["nowhere/a.onnx"], model="a.onnx")
    with pytest.raises(DetbenchError, match=r"its model nowhere/a\.onnx is missing; name both"):
        recorded_specs(missing, compared_run([]))


@pytest.mark.usefixtures("machine_at_full_speed")
def test_only_what_rules_need_is_timed(tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    model = tmp_path / "tiny.onnx"
    save_model(model, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    specs = (f"{model},decoder=end2end,names=cat|dog",) * 2
    rules = [rule for rule in default_rules() if not rule.measure.timed] + [
        rule_of(f'measure = "{measure}"\nminimum_effect = "3%"\nstage = "infer"\nbatch = 2')
        for measure in ("latency.p50_ms", "memory")
    ]
    runs = remeasure(
        run_of(IMAGES), run_of(IMAGES), rules, specs, embedded_images(), max_s=0.2, processes=1
    )
    for run, name in ((runs.baseline, "baseline"), (runs.candidate, "candidate")):
        [result] = run.latency
        assert (result.model, result.stage, result.batch) == (name, "infer", 2)
        assert result.scenario == "single_stream"
        assert run.record["environment"]["cpu"] != "a CPU"
    assert [(pair.a, pair.b) for pair in runs.pairs] == [("baseline", "candidate")]
