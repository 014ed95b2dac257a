"""Model specs: names of models, and specs that cannot be timed."""

import pytest

from detbench.bench.latency.model_specs import model_specs
from detbench.errors import DetbenchError


def names(*texts):
    return [spec.name for spec in model_specs(texts)]


def test_models_are_named_after_their_files_and_differing_options():
    assert names("onnx:a/one.onnx", "two.onnx,threads=1") == ["one", "two"]
    assert names(
        "a.onnx,threads=1,score=0.1", "b/a.onnx,threads=2,score=0.1", "a.onnx,score=0.1"
    ) == ["a threads=1", "a threads=2", "a"]
    assert names("a/m.onnx", "b/m.onnx") == ["a/m.onnx", "b/m.onnx"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["replay:detections.parquet"], "holds stored detections and no model to time"),
        (["detections.parquet"], "holds stored detections and no model to time"),
        (["a.onnx", "a.onnx"], "occurs twice; use --aa to compare a model with itself"),
        (["model.xyz"], "model.xyz: cannot infer the adapter from the suffix"),
    ],
)
def test_specs_that_cannot_be_timed_are_refused(texts, message):
    with pytest.raises(DetbenchError, match=message):
        model_specs(texts)
