"""Machine state and GPU: read from fakes of NVML and psutil; no driver is no error."""

import os
import sys
from types import SimpleNamespace

import pytest

from detbench.bench import machine
from detbench.bench.gpu import GpuInfo, GpuState, open_gpu, open_gpus
from detbench.bench.machine import MachineMonitor, machine_records, machine_states


class NVMLError(Exception):
    """As pynvml's."""


class FakeNvml(SimpleNamespace):
    """pynvml with two devices; `broken` names calls that they do not support."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def __init__(self, *, driver=True, reasons=0x4 | 0x20, broken=()):
        super().__init__(driver=driver, reasons=reasons, broken=broken)

    def __getattribute__(self, name):
        if name.startswith("nvml") and name in object.__getattribute__(self, "broken"):

            def refuse(*_):
                raise NVMLError("not supported")

            return refuse
        return object.__getattribute__(self, name)

    def nvmlInit(self):  # noqa: N802
        if not self.driver:
            raise NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, number):  # noqa: N802
        return number

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return f"GPU {handle}"

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return b"570.1"

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        return SimpleNamespace(total=80 << 30, used=3 << 30)

    def nvmlDeviceGetMaxClockInfo(self, handle, kind):  # noqa: N802
        return 1980

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return 1755

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return 412_500

    def nvmlDeviceGetTemperature(self, handle, kind):  # noqa: N802
        return 61

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802
        return SimpleNamespace(gpu=97)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):  # noqa: N802
        return self.reasons


def installed(monkeypatch, nvml):
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_gpu_reports_its_state_in_words(monkeypatch):
    installed(monkeypatch, FakeNvml())
    gpu = open_gpu()
    assert gpu.info() == GpuInfo("GPU 0", "570.1", 80 << 30, 1980)
    assert gpu.state() == GpuState(
        1755, 412.5, 61, 3 << 30, 0.97, ("power limit (software)", "too hot (software)")
    )
    assert gpu.state().throttled == ("too hot (software)",)


@pytest.mark.parametrize(
    ("bits", "throttled"),
    [
        (0x8, "slow-down (hardware)"),
        (0x20, "too hot (software)"),
        (0x40, "too hot (hardware)"),
        (0x80, "power brake (hardware)"),
    ],
)
def test_the_bits_are_those_of_nvml(monkeypatch, bits, throttled):
    import pynvml as real

    names = {
        0x8: "HwSlowdown",
        0x20: "SwThermalSlowdown",
        0x40: "HwThermalSlowdown",
        0x80: "HwPowerBrakeSlowdown",
    }
    assert getattr(real, f"nvmlClocksEventReason{names[bits]}") == bits
    installed(monkeypatch, FakeNvml(reasons=bits | 0x1))
    assert open_gpu().state().throttled == (throttled,)


def test_no_driver_and_no_library_are_no_errors(monkeypatch):
    installed(monkeypatch, FakeNvml(driver=False))
    assert (open_gpus(), open_gpu()) == ([], None)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert open_gpus() == []


def test_unsupported_readings_are_none(monkeypatch):
    broken = (
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetCurrentClocksEventReasons",
    )
    installed(monkeypatch, FakeNvml(broken=broken))
    assert open_gpu().state() == GpuState(1755, None, 61, 3 << 30, None, ())


@pytest.mark.parametrize(
    ("visible", "name"), [("1", "GPU 1"), ("1,0", "GPU 1"), ("GPU-uuid", "GPU 0")]
)
def test_the_device_is_the_first_that_frameworks_see(monkeypatch, visible, name):
    installed(monkeypatch, FakeNvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert open_gpu().info().name == name


@pytest.mark.parametrize("visible", ["-1", "7", ""])
def test_a_hidden_device_is_none(monkeypatch, visible):
    installed(monkeypatch, FakeNvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert (open_gpu() is None) == (visible != "")


class Times(tuple):
    """psutil's cpu times: user, idle."""

    idle = property(lambda self: self[1])


@pytest.fixture
def load(monkeypatch):
    """Seconds that the machine and this process have been busy, to be set by the test."""
    seconds = SimpleNamespace(machine=100.0, own=10.0, now=0.0)
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: Times((seconds.machine, 1000.0)))
    monkeypatch.setattr(machine, "_cpu_time_of", lambda _: seconds.own)
    return seconds


def test_background_load_is_the_load_of_other_processes(load):
    monitor = MachineMonitor(now=lambda: load.now)
    load.machine, load.own, load.now = 103.0, 12.0, 2.0
    monitor.observe()
    assert [state.background_load_cores for state in monitor.states] == [None, 0.5]
    assert [state.elapsed_s for state in monitor.states] == [0.0, 2.0]


def test_the_load_of_watched_processes_is_no_background_load(monkeypatch):
    machine_s, now = [0.0], [0.0]
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: Times((machine_s[0], 1000.0)))
    own_s = {os.getpid(): 1.0, 1: 5.0, 2: 9.0}

    class FakeProcess(SimpleNamespace):
        def cpu_times(self):
            if self.pid not in own_s:
                raise machine.psutil.NoSuchProcess(self.pid)
            return SimpleNamespace(user=own_s[self.pid], system=0.0)

    monkeypatch.setattr(machine.psutil, "Process", lambda pid: FakeProcess(pid=pid))
    monitor = MachineMonitor(now=lambda: now[0])

    def pass_seconds(seconds, load_s):
        now[0] += seconds
        machine_s[0] += load_s
        monitor.observe()
        return monitor.states[-1].background_load_cores

    monitor.watch([1])
    own_s[1] += 2.0
    assert pass_seconds(2.0, load_s=3.0) == pytest.approx(0.5), "1 s of 2 s is not ours"
    monitor.watch([1, 2])
    own_s[1], own_s[2] = own_s[1] + 1.0, own_s[2] + 1.0
    assert pass_seconds(1.0, load_s=2.0) == pytest.approx(0.0)
    del own_s[1]  # it has ended, and its time is no longer known
    own_s[2] += 1.0
    assert pass_seconds(1.0, load_s=1.0) == pytest.approx(0.0)
    monitor.watch([2])
    own_s[2] += 0.5
    assert pass_seconds(1.0, load_s=1.0) == pytest.approx(0.5)


def test_states_are_recorded_at_most_every_half_second(load):
    monitor = MachineMonitor(now=lambda: load.now)
    for load.now in (0.1, 0.2, 0.3, 0.6, 0.7, 1.2):
        monitor.observe()
    assert [state.elapsed_s for state in monitor.states] == [0.0, 0.6, 1.2]
    monitor.observe(at_once=True)
    assert len(monitor.states) == 4
    assert monitor.states[-1].background_load_cores is None, "too short a time to measure"


def test_throttle_counters_and_governor_are_read_if_they_exist(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_CPUS", tmp_path)
    assert (machine.governor(), MachineMonitor().states[0].cpu_throttle_events) == (None, None)
    for number, events in enumerate((3, 4)):
        for path, text in (
            (f"cpu{number}/thermal_throttle/core_throttle_count", events),
            (f"cpu{number}/cpufreq/scaling_governor", "powersave"),
        ):
            file = tmp_path / path
            file.parent.mkdir(parents=True)
            file.write_text(f"{text}\n")
    assert (machine.governor(), MachineMonitor().states[0].cpu_throttle_events) == ("powersave", 7)


def test_states_survive_the_record(monkeypatch, load):
    installed(monkeypatch, FakeNvml())
    states = MachineMonitor(gpu=open_gpu(), now=lambda: load.now).states
    assert states[0].gpu is not None
    assert machine_states(machine_records(states)) == states
