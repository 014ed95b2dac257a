"""Sources of fake devices that share a clock, so that a whole measurement takes no time."""

import time
import zlib
from unittest.mock import patch

import numpy as np

from detbench.bench.latency.clock import Clock
from detbench.bench.latency.local_model import LocalModel
from detbench.bench.latency.sweep import sweep
from detbench.bench.latency.timing_plan import TimingPlan
from tests.bench.latency.fake_device import IMAGES, MS, FakeDevice, FakeMonitor, FakeTime


class Room:
    """What the models of a measurement share: time, who is loaded, and what happened."""

    def __init__(self):
        self.time = FakeTime()
        self.loaded, self.awake = [], []
        self.turns = []
        """Who was timed, and who was loaded then, in order of time."""
        self.devices = []

    def source(self, name="fake", **options):
        """Return a source; see `FakeSource`."""
        return FakeSource(self, name, **options)


class FakeModel(LocalModel):
    """A model whose room knows what it does."""

    def __init__(self, room, device, turns, cores_at_rest):
        super().__init__(device, IMAGES, clock=Clock(device, device.time))
        self._room, self._turns, self._cores_at_rest = room, turns, cores_at_rest
        self._pid = len(room.devices)

    @property
    def turns(self):
        return self._turns

    @property
    def pids(self):
        return (self._pid,)

    def take_samples(self, count, max_ns):
        assert self._room.awake == [self.name]
        self._room.turns.append((self.name, tuple(self._room.loaded)))
        return super().take_samples(count, max_ns)

    def prepare(self, task):
        assert self._room.awake == [self.name]
        return super().prepare(task)

    def resume(self):
        self._room.awake.append(self.name)

    def pause(self):
        if self.name in self._room.awake:
            self._room.awake.remove(self.name)

    def cpu_s(self):
        return self._cores_at_rest * self._room.time.ns / 1e9

    def close(self):
        super().close()
        if self.name in self._room.loaded:
            self._room.loaded.remove(self.name)


class FakeSource:
    """Starts devices.

    Args:
        room: What all models share.
        name: Of the model.
        device: The only device of a model that is started once.
        factor: Time of a process as a multiple of `infer_ns`, by its number from 0.
        load_s: Time to load, by the number of the process.
        options: Of each `FakeDevice`.
    """

    def __init__(
        self,
        room,
        name="fake",
        *,
        device=None,
        factor=lambda _: 1.0,
        load_s=lambda _: 0.0,
        turns="stopped",
        cores_at_rest=0.0,
        infer_ns=2 * MS,
        **options,
    ):
        self.room, self.name = room, device.name if device else name
        self._device, self._factor, self._load_s = device, factor, load_s
        self._turns, self._cores_at_rest = turns, cores_at_rest
        self._infer_ns, self._options = infer_ns, options
        self.started = 0

    def start(self):
        number, self.started = self.started, self.started + 1
        room = self.room
        room.time.pass_ns(self._load_s(number) * 1e9)
        device = self._device or self._new_device(number)
        room.devices.append(device)
        room.loaded.append(self.name)
        return FakeModel(room, device, self._turns, self._cores_at_rest)

    def _new_device(self, number):
        work, factor = self._infer_ns, self._factor(number)
        infer_ns = (lambda call: work(call) * factor) if callable(work) else work * factor
        device = FakeDevice(self.room.time, name=self.name, infer_ns=infer_ns, **self._options)
        device.rng = np.random.default_rng((zlib.crc32(self.name.encode()), number))
        return device


def measured(sources, *, monitor=None, progress=None, judge=None, seed=0, **plan):
    """Sweep over sources on a machine with known states."""
    monitor = monitor or FakeMonitor()
    with (
        patch("detbench.bench.latency.sweep.MachineMonitor", lambda **_: monitor),
        patch("detbench.bench.latency.turns.busy_s", time.process_time),  # nothing else runs
    ):
        return sweep(sources, TimingPlan(**plan), progress, judge=judge, seed=seed)
