"""Sources: where the fresh copies of models come from."""

import warnings
from types import SimpleNamespace

import pytest

from detbench.bench.latency import sources
from detbench.bench.latency.model_specs import ModelSpec
from detbench.errors import DetbenchWarning


def test_models_warn_of_the_same_thing_once(monkeypatch):
    monkeypatch.setattr(
        sources,
        "ModelProcess",
        lambda spec, _: SimpleNamespace(warnings=["a: has no names", f"{spec.name}: slow"]),
    )
    models = sources.model_sources([ModelSpec("x.onnx", name) for name in "xy"], ())
    with pytest.warns(DetbenchWarning) as caught:
        _ = [model.start() for model in [*models, *models]]
    assert [str(warning.message) for warning in caught] == [
        "a: has no names",
        "x: slow",
        "y: slow",
    ]


def test_a_warning_that_is_an_error_leaves_no_process(monkeypatch):
    closed = []
    process = SimpleNamespace(warnings=["a: has no names"], close=lambda: closed.append(True))
    monkeypatch.setattr(sources, "ModelProcess", lambda *_: process)
    [source] = sources.model_sources([ModelSpec("x.onnx", "x")], ())
    with warnings.catch_warnings(action="error"), pytest.raises(DetbenchWarning):
        source.start()
    assert closed == [True]
