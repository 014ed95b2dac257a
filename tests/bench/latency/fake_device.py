"""A clock and a device made of arithmetic: measurements take no time and have known answers."""

import numpy as np

from detbench.adapters.detector import Batch, ImageDetections
from detbench.adapters.geometry import fit_image
from detbench.bench.latency.clock import Clock
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.local_model import LocalModel
from detbench.bench.machine import MachineState

IMAGES = embedded_images(3)
MS = 1_000_000


class FakeTime:
    """Nanoseconds since the start. Reading it takes 100 ns, as with a real clock."""

    def __init__(self, tick=100):
        self.ns, self.tick = 0, tick

    def __call__(self):
        self.ns += self.tick
        return self.ns

    def pass_ns(self, ns):
        self.ns += int(ns)


class FakeDevice:
    """A detector whose steps take known times.

    Args:
        infer_ns: Time of `infer`: a number, or a function of the number of the call.
        noise: Standard deviation of that time, as a share.
        returns_early: `infer` returns at once while the device works on.
        waits: Whether `synchronize` waits for the device.
        fails: By the number of the call of `infer`: what it raises.
        max_batch: Larger batches run out of memory.
    """

    class_names = ("cat",)
    input_size = (8, 8)

    def __init__(
        self,
        time,
        *,
        name="fake",
        infer_ns=2 * MS,
        noise=0.01,
        returns_early=False,
        waits=True,
        fails=None,
        max_batch=None,
        batch_size=None,
        settings=None,
    ):
        self.time, self.name, self.infer_ns, self.noise = time, name, infer_ns, noise
        self.returns_early, self.waits = returns_early, waits
        self.fails, self.max_batch = fails or {}, max_batch
        self.batch_size = batch_size
        self.settings = settings or {}
        self.rng = np.random.default_rng(0)
        self.calls, self.syncs, self.busy_until = 0, 0, 0
        self.seen, self.closed = [], False

    def preprocess(self, images):
        self.time.pass_ns(0.4 * MS)
        placements = tuple(
            fit_image((image.shape[1], image.shape[0]), self.input_size, "stretch")
            for image in images
        )
        return Batch(np.array([[image.mean()] for image in images]), placements)

    def to_device(self, batch):
        self.time.pass_ns(0.1 * MS)
        return batch.inputs

    def infer(self, inputs):
        self.calls += 1
        self.seen.append(float(inputs[0, 0]))
        if self.max_batch is not None and len(inputs) > self.max_batch:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 GiB")
        if self.calls in self.fails:
            raise self.fails[self.calls]
        work = self.infer_ns(self.calls) if callable(self.infer_ns) else self.infer_ns
        work = int(work * (1 + self.noise * self.rng.standard_normal()))
        self.busy_until = max(self.busy_until, self.time.ns) + work
        if not self.returns_early:
            self._wait()
        return inputs

    def to_host(self, outputs):
        self._wait()
        self.time.pass_ns(0.2 * MS)
        return [outputs]

    def postprocess(self, outputs, batch):
        self.time.pass_ns(0.3 * MS)
        empty = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        return [empty for _ in batch.placements]

    def synchronize(self):
        self.syncs += 1
        if self.waits:
            self._wait()

    def close(self):
        self.closed = True

    def _wait(self):
        self.time.ns = max(self.time.ns, self.busy_until)


def local_model(device, name=None):
    """Return a device as a model with its own clock."""
    return LocalModel(device, IMAGES, name=name, clock=Clock(device, device.time))


def state(elapsed_s=1.0, *, mhz=3000.0, throttle_events=0, load_cores=0.0, gpu=None):
    """Return the state of an idle machine, with changes."""
    return MachineState(elapsed_s, mhz, throttle_events, load_cores, gpu)


class FakeMonitor:
    """A monitor of a machine with known states, the same for every task."""

    def __init__(self, *states):
        self.states = states or (state(0.0), state(1.0))
        self.watched = []

    def watch(self, pids):
        self.watched.append(tuple(pids))

    def restart(self):
        pass

    def observe(self, *, at_once=False):
        pass
