"""Speed meter: real processes that measure, fail, and never stay behind."""

import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

import psutil
import pytest

from detbench.bench.machine_speed import meter as module
from detbench.bench.machine_speed.meter import SpeedMeter, machine_speed_now, measured_cpus
from detbench.errors import DetbenchWarning

pytestmark = pytest.mark.slow
PARENT = """
import time
from detbench.bench.machine_speed.meter import SpeedMeter
if __name__ == "__main__":
    meter = SpeedMeter()
    meter.measure()
    print(*meter.pids, flush=True)
    time.sleep(600)
"""


def psutil_with(monkeypatch, **methods):
    monkeypatch.setattr(module.psutil, "Process", lambda: SimpleNamespace(**methods))


def are_gone(pids, timeout_s=20):
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, running = psutil.wait_procs(processes, timeout=timeout_s)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in running)


@contextmanager
def single_warning(cause=""):
    with warnings.catch_warnings(record=True, action="always") as caught:
        yield
    (warning,) = caught
    assert issubclass(warning.category, DetbenchWarning)
    assert f"cannot measure the machine's speed: {cause}" in str(warning.message)


def test_the_speed_is_that_of_all_cores():
    with SpeedMeter() as meter:
        assert len(meter.pids) == len(measured_cpus())
        for _ in range(3):
            speed = meter.measure()
            assert speed.compute_us > 0
            assert (speed.exchange_us is None) == (len(meter.pids) == 1)


def test_processes_sleep_between_measurements_on_their_cores():
    with SpeedMeter() as meter:
        meter.measure()
        peers = [psutil.Process(pid) for pid in meter.pids]
        if hasattr(peers[0], "cpu_affinity"):
            assert [peer.cpu_affinity() for peer in peers] == [[cpu] for cpu in measured_cpus()]
        before_s = [peer.cpu_times().user for peer in peers]
        time.sleep(0.3)
        for peer, earlier_s in zip(peers, before_s, strict=True):
            assert peer.cpu_times().user - earlier_s < 0.1


def test_processes_end_with_the_meter():
    with SpeedMeter() as meter:
        pids = meter.pids
    assert are_gone(pids, timeout_s=0)
    assert (meter.pids, meter.measure()) == ((), None)
    meter.close()


def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
        assert pids
        assert are_gone(pids)
        assert parent.stderr.read() == ""


def test_a_program_that_ends_without_closing_leaves_nothing(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("time.sleep(600)", ""))
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, check=True
    )
    assert are_gone([int(pid) for pid in done.stdout.split()])
    assert done.stderr == ""


def test_a_process_that_dies_is_reported_once():
    with SpeedMeter() as meter:
        pids = meter.pids
        os.kill(pids[-1], signal.SIGKILL)
        with single_warning("a process of the speed meter ended"):
            assert meter.measure() is None
        assert meter.measure() is None
        assert are_gone(pids, timeout_s=0)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop processes")
def test_a_process_that_does_not_answer_is_ended(monkeypatch):
    with SpeedMeter() as meter:
        monkeypatch.setattr(module, "_ANSWER_S", 0.05)
        monkeypatch.setattr(module, "_STOP_S", 0.05)
        pids = meter.pids
        os.kill(pids[0], signal.SIGSTOP)
        with single_warning("a process of the speed meter did not answer"):
            assert meter.measure() is None
        assert are_gone(pids)


def test_ctrl_c_is_left_to_the_parent():
    with SpeedMeter() as meter:
        for pid in meter.pids:
            os.kill(pid, signal.SIGINT)
        assert meter.measure() is not None


def test_ctrl_c_during_a_measurement_ends_the_processes(monkeypatch):
    def interrupt(pipe, timeout_s):
        raise KeyboardInterrupt

    with SpeedMeter() as meter:
        pids = meter.pids
        monkeypatch.setattr(module, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            meter.measure()
        assert are_gone(pids, timeout_s=0)


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(1, "Operation not permitted"),
        AssertionError("daemonic processes are not allowed to have children"),
    ],
)
def test_a_system_that_forbids_processes_is_reported(monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(module, "_start_peer", refuse)
    with single_warning(str(error)):
        meter = SpeedMeter()
    assert (meter.measure(), meter.pids) == (None, ())


def test_a_core_that_cannot_be_chosen_is_reported(monkeypatch):
    psutil_with(monkeypatch, cpu_affinity=lambda: [0, 99_999])
    with single_warning():
        meter = SpeedMeter()
    assert meter.measure() is None


def test_a_single_core_has_no_exchange(monkeypatch):
    (cpu, *_) = measured_cpus()
    monkeypatch.setattr(module, "measured_cpus", lambda: [cpu])
    speed = machine_speed_now()
    assert speed.compute_us > 0
    assert speed.exchange_us is None


def test_without_a_choice_of_cores_processes_run_anywhere(monkeypatch):
    monkeypatch.setattr(module, "measured_cpus", lambda: [None, None])
    assert machine_speed_now().exchange_us > 0


def test_at_most_8_cores_are_measured_evenly_chosen(monkeypatch):
    psutil_with(monkeypatch, cpu_affinity=lambda: [*range(32, 64), *range(32)])
    assert measured_cpus() == [0, 8, 16, 24, 32, 40, 48, 56]
    psutil_with(monkeypatch, cpu_affinity=lambda: [5, 3])
    assert measured_cpus() == [3, 5]
    psutil_with(monkeypatch)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 12)
    assert measured_cpus() == [None] * 8
