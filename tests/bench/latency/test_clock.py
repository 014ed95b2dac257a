"""Clocks: each waits by its own means, and is chosen by what runs the detector."""

import sys
from types import SimpleNamespace

import pytest

from detbench.bench.latency.clock import Clock, OnnxruntimeClock, TensorFlowClock, clock_for
from tests.bench.latency.fake_device import FakeDevice, FakeTime


def device(**settings):
    return FakeDevice(FakeTime(), settings=settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "cpu"),
        ({"adapter": "onnx"}, "onnxruntime"),
        ({"adapter": "yolo", "backend": "tensorflow"}, "tensorflow"),
        ({"adapter": "kerashub", "backend": "jax"}, "jax"),
        ({"adapter": "mine"}, "cpu"),
    ],
)
def test_the_clock_is_that_of_the_framework(settings, name):
    assert clock_for(device(**settings)).name == name


@pytest.mark.parametrize("kind", [Clock, TensorFlowClock])
def test_clocks_without_futures_let_the_detector_wait(kind):
    detector = device()
    kind(detector, detector.time).time(lambda argument: argument, 1)
    assert detector.syncs == 1


def test_onnxruntime_waits_for_its_binding_once():
    waits = []
    binding = SimpleNamespace(synchronize_outputs=lambda: waits.append(1))
    detector = device()
    clock = OnnxruntimeClock(detector, detector.time)
    clock.wait(binding)
    clock.wait([1, 2])
    assert (len(waits), detector.syncs) == (1, 0)


def test_jax_waits_for_every_array():
    jnp = pytest.importorskip("jax.numpy")
    clock = clock_for(device(backend="jax"))
    elapsed_ns, value = clock.time(lambda x: {"a": [x + 1], "b": "text"}, jnp.zeros(8))
    assert elapsed_ns > 0
    assert value["a"][0].is_ready()


def test_torch_waits_for_an_event_and_not_for_the_device(monkeypatch):
    calls = []

    class Event:
        def record(self):
            calls.append("record")

        def synchronize(self):
            calls.append("synchronize")

    cuda = SimpleNamespace(is_available=lambda: True, Event=Event, max_memory_allocated=lambda: 5)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    clock = clock_for(device(backend="torch"))
    clock.wait(None)
    assert (clock.name, calls, clock.peak_device_bytes()) == ("torch", ["record", "synchronize"], 5)


def test_torch_on_the_cpu_has_nothing_to_wait_for(monkeypatch):
    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    )
    clock = clock_for(device(backend="torch"))
    clock.wait(None)
    assert clock.peak_device_bytes() is None
