"""Which models a gate times anew, and what it asks of them."""

from dataclasses import replace

import pytest

from detbench.bench.gate.remeasure import model_bytes, recorded_specs, remeasured
from detbench.bench.gate.rules import default_rules
from detbench.bench.latency.images import embedded_images
from detbench.errors import DetbenchError, InputError
from tests.bench.gate.made import images, run
from tests.bench.gate.test_rules import one

TRUTH = images(4)


def compared(detectors, *, model=None, name="a"):
    """Return a run as `detbench compare DETECTORS` records it."""
    found = run(TRUTH)
    options = found.record["options"] | {"passed": {"detectors": detectors}}
    return replace(
        found,
        record=found.record | {"options": options, "model": model},
        detections=replace(found.detections, name=name),
    )


def test_the_models_are_those_that_compare_was_given(tmp_path):
    first, second = (tmp_path / name for name in ("a.onnx", "b.onnx"))
    for file, size in ((first, 10), (second, 20)):
        file.write_bytes(b"x" * size)
    specs = [f"onnx:{first},threads=1", str(second), "results/yolo_a"]
    assert recorded_specs(
        compared(specs, model="a.onnx"), compared(specs, model=None, name="b")
    ) == (specs[0], specs[1])
    assert model_bytes(specs[0]) == 10
    assert model_bytes(f"onnx:{tmp_path}") == 30
    assert model_bytes("onnx:nowhere.onnx") is None


def test_a_model_that_is_not_known_or_not_there(tmp_path):
    with pytest.raises(
        InputError, match="does not say which model it was made with; give both with --models"
    ):
        recorded_specs(compared(["results/yolo_a"]), compared([]))
    with pytest.raises(DetbenchError, match=r"its model nowhere/a\.onnx is not there any more"):
        recorded_specs(compared(["nowhere/a.onnx"], model="a.onnx"), compared([]))


def test_what_rules_ask_for_is_timed_and_nothing_else(tmp_path):
    pytest.importorskip("onnxruntime")
    import numpy as np

    from tests.adapters.onnx.models import save_model

    model = tmp_path / "tiny.onnx"
    save_model(model, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    specs = (f"{model},decoder=end2end,names=cat|dog",) * 2
    rules = [rule for rule in default_rules() if not rule.measure.timed]
    rules += [
        one(f'measure = "{measure}"\nminimum_effect = "3%"\nstage = "infer"\nbatch = 2')
        for measure in ("latency.p50_ms", "memory")
    ]
    done = remeasured(run(TRUTH), run(TRUTH), rules, specs, embedded_images(), most_s=0.2)
    for one_run, name in ((done.baseline, "baseline"), (done.candidate, "candidate")):
        assert [
            (each.model, each.stage, each.batch, each.scenario) for each in one_run.latency
        ] == [(name, "infer", 2, "single_stream")]
        assert one_run.record["environment"]["cpu"] != "a CPU"
    assert [(pair.a, pair.b) for pair in done.pairs] == [("baseline", "candidate")]
