"""A clock and a device made of arithmetic: time passes only where they say so, so that measurements take no time and have known answers."""

import numpy as np

from detbench.adapters.detector import Batch, Found
from detbench.adapters.geometry import place
from detbench.bench.latency.clock import Clock
from detbench.bench.latency.contender import LocalContender
from detbench.bench.latency.images import embedded_images
from detbench.bench.machine import MachineState

IMAGES = embedded_images(3)
MS = 1_000_000


class FakeTime:
    """Nanoseconds since the beginning; asking takes 100 of them, as it does with a real clock."""

    def __init__(self, tick=100):
        self.ns, self.tick = 0, tick

    def __call__(self):
        self.ns += self.tick
        return self.ns

    def pass_ns(self, ns):
        self.ns += int(ns)


class FakeDevice:
    """A detector whose every step takes a known time; `infer` takes `infer_ns`, a number or a function of the call's number.

    `returns_early`: infer comes back at once and the device goes on; `waits`: whether `synchronize` then waits for it.
    `fails`: call number of infer → what it raises.
    """

    class_names = ("cat",)
    input_size = (8, 8)

    def __init__(self, time, *, name="fake", infer_ns=2 * MS, noise=0.01, returns_early=False, waits=True, fails=None, most=None,
                 batch_size=None, settings=None):  # fmt: skip
        self.time, self.name, self.infer_ns, self.noise = time, name, infer_ns, noise
        self.returns_early, self.waits, self.fails, self.most = (
            returns_early,
            waits,
            fails or {},
            most,
        )
        self.batch_size = batch_size
        self.settings = settings or {}
        self.rng = np.random.default_rng(0)
        self.calls, self.syncs, self.busy_until = 0, 0, 0
        self.seen, self.closed = [], False

    def preprocess(self, pictures):
        self.time.pass_ns(0.4 * MS)
        placements = tuple(
            place((picture.shape[1], picture.shape[0]), self.input_size, "stretch")
            for picture in pictures
        )
        return Batch(np.array([[picture.mean()] for picture in pictures]), placements)

    def to_device(self, batch):
        self.time.pass_ns(0.1 * MS)
        return batch.inputs

    def infer(self, inputs):
        self.calls += 1
        self.seen.append(float(inputs[0, 0]))
        if self.most is not None and len(inputs) > self.most:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 GiB")
        if self.calls in self.fails:
            raise self.fails[self.calls]
        work = self.infer_ns(self.calls) if callable(self.infer_ns) else self.infer_ns
        self.busy_until = max(self.busy_until, self.time.ns) + int(
            work * (1 + self.noise * self.rng.standard_normal())
        )
        if not self.returns_early:
            self._wait()
        return inputs

    def to_host(self, outputs):
        self._wait()
        self.time.pass_ns(0.2 * MS)
        return [outputs]

    def postprocess(self, outputs, batch):
        self.time.pass_ns(0.3 * MS)
        return [
            Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)) for _ in batch.placements
        ]

    def synchronize(self):
        self.syncs += 1
        if self.waits:
            self._wait()

    def close(self):
        self.closed = True

    def _wait(self):
        self.time.ns = max(self.time.ns, self.busy_until)


def contender(device, name=None):
    return LocalContender(device, IMAGES, name=name, clock=Clock(device, device.time))


def state(elapsed_s=1.0, *, mhz=3000.0, throttled=0, outside=0.0, gpu=None):
    return MachineState(elapsed_s, mhz, throttled, outside, gpu)


class FakeWatch:
    """A machine whose states are given."""

    def __init__(self, *states):
        self.states = states or (state(0.0), state(1.0))
        self.looks = 0

    def look(self, *, at_once=False):
        self.looks += 1
