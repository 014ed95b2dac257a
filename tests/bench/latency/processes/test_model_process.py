"""Model processes: stopped between turns with all that they start, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.model_specs import model_specs
from detbench.bench.latency.processes.model_process import ModelProcess
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.sources import model_sources
from detbench.bench.latency.sweep import sweep
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.errors import DetbenchError
from tests.bench.latency.processes import process_models
from tests.conftest import with_sigint_enabled

ROOT = Path(__file__).parents[4]
INFER = TimingTask("infer", 1, SINGLE_STREAM)
IMAGES = embedded_images(1)
needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no signals to stop with")


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """The adapter `fake`, installed."""
    process_models.install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def start(adapter):
    """Start a model of a kind; all are closed at the end."""
    models = []

    def started(kind, **options):
        [spec] = model_specs([f"fake:{kind}"])
        models.append(ModelProcess(spec, IMAGES, **options))
        return models[-1]

    yield started
    for model in models:
        model.close()


def are_gone(pids, seconds=10.0):
    """Return whether processes end within some seconds; a zombie has ended."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if not any(map(is_there, pids)):
            return True
        time.sleep(0.01)
    return False


def is_there(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    return False


def statuses(model):
    return [psutil.Process(pid).status() for pid in model.pids]


@needs_signals
@pytest.mark.parametrize("kind", ["quiet", "children", "session", "pool"])
def test_a_paused_process_stands_still_with_all_that_it_started(start, kind):
    model = start(kind)
    assert (len(model.pids) > 1) == (kind != "quiet")
    model.prepare(INFER)
    model.pause()
    assert model.turns == "stopped"
    assert set(statuses(model)) == {psutil.STATUS_STOPPED}
    before = model.cpu_s()
    time.sleep(0.1)
    assert model.cpu_s() == before
    model.resume()
    piece = model.take_samples(5, 10**9)
    assert (len(piece.samples_ns), piece.problem) == (5, "")
    assert psutil.STATUS_STOPPED not in statuses(model)
    pids = model.pids
    model.pause()
    model.close()
    assert are_gone(pids)
    model.close()


@needs_signals
def test_the_cpu_time_of_children_counts(start):
    model = start("children")
    before = model.cpu_s()
    time.sleep(0.3)
    assert model.cpu_s() - before > 0.05


@pytest.mark.parametrize("is_paused", [True, False])
def test_a_killed_process_is_a_failure_and_leaves_no_child(start, is_paused):
    model = start("session")
    model.prepare(INFER)
    pids = model.pids
    if is_paused:
        model.pause()
    os.kill(pids[0], signal.SIGKILL)
    model.resume()
    piece = model.take_samples(5, 0)
    model.pause()
    assert len(piece.samples_ns) == 0
    for problem in (piece.problem, model.prepare(INFER).problem):
        assert problem.startswith("failed: its process ended unexpectedly")
    assert model.fetch_times_ns(3) == []
    model.close()
    assert are_gone(pids)


def test_a_process_that_ends_midway_is_a_failure(start):
    model = start("exit")
    model.prepare(INFER)
    assert model.take_samples(5, 10**9).problem.startswith("failed: its process ended")


def test_a_process_that_hangs_is_killed(start):
    model = start("hang", answer_s=0.2)
    model.prepare(INFER)
    pids = model.pids
    piece = model.take_samples(5, 10**8)
    assert piece.problem == "failed: its process did not answer for 0.3 s"
    assert are_gone(pids)


@pytest.mark.parametrize("target", ["ends", "memory"])
def test_a_process_that_ends_while_it_loads_is_an_error(adapter, target):
    [spec] = model_specs([f"fake:{target}"])
    message = (
        "its process ended while loading .*; run `detbench latency` .* --turns in_process"
        ".* --loaded 1"
    )
    with pytest.raises(DetbenchError, match=message):
        ModelProcess(spec, IMAGES)


@needs_signals
def test_a_process_that_may_not_be_stopped_is_parked(start, monkeypatch):
    model = start("quiet")

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refused)
    model.pause()
    assert model.turns == "parked"
    assert psutil.STATUS_STOPPED not in statuses(model)
    model.resume()
    model.prepare(INFER)
    assert len(model.take_samples(5, 10**9).samples_ns) == 5


@needs_signals
def test_a_child_that_may_not_be_stopped_leaves_nothing_stopped(start, monkeypatch):
    model = start("session")

    def refused(*_):
        raise psutil.AccessDenied

    with monkeypatch.context() as patch:
        patch.setattr(psutil.Process, "send_signal", refused)
        model.pause()
    assert model.turns == "parked"
    assert psutil.STATUS_STOPPED not in statuses(model)


def sweep_beside_a_spinner():
    """Return the results of a model and of one that starts a process that spins."""
    sources = model_sources(model_specs(["fake:quiet", "fake:session"]), IMAGES)
    plan = TimingPlan(stages=("infer",), min_s=0.2, max_s=0.4, processes=2)
    return sweep(sources, plan).results


@needs_signals
def test_a_model_beside_one_that_spins_has_the_machine_for_itself(adapter):
    quiet, spinning = sweep_beside_a_spinner()
    assert (quiet.turns, spinning.turns) == ("stopped", "stopped")
    for result in (quiet, spinning):
        assert all(process.busy_cores_of_others < 0.05 for process in result.processes)
        assert not any(reason.startswith("not at rest") for reason in result.reasons)
        assert all(len(process.samples_ns) > 20 for process in result.processes)


@needs_signals
def test_a_parked_model_that_spins_is_not_at_rest(adapter, monkeypatch):
    def refused(*_):
        raise PermissionError

    killpg = os.killpg

    def kill_only(group, number):
        return killpg(group, number) if number == signal.SIGKILL else refused()

    monkeypatch.setattr(os, "killpg", kill_only)
    monkeypatch.setattr("detbench.bench.latency.processes.model_process._MAX_IDLE_WAIT_S", 0.05)
    quiet, spinning = sweep_beside_a_spinner()
    assert (quiet.turns, spinning.turns) == ("parked", "parked")
    assert max(process.busy_cores_of_others for process in quiet.processes) > 0.2
    [reason] = [reason for reason in quiet.reasons if reason.startswith("not at rest")]
    assert reason.startswith("not at rest: session used ")
    assert not any(reason.startswith("not at rest") for reason in spinning.reasons)


PARENT = """
import sys, time
sys.path[:0] = {path!r}
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.processes.model_process import ModelProcess
from detbench.bench.latency.model_specs import model_specs

if __name__ == "__main__":
    models = [
        ModelProcess(spec, embedded_images(1)) for spec in model_specs({specs!r})
    ]
    for model in models:
        model.pause()
    print(*(pid for model in models for pid in model.pids), flush=True)
    time.sleep(600)
"""


@needs_signals
@pytest.mark.skipif(sys.platform != "linux", reason="the death of a parent is a signal on Linux")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["children", "session"])
def test_nothing_stays_behind_if_the_parent_ends(adapter, tmp_path, end, kind):
    script = tmp_path / "parent.py"
    paths = [str(adapter), str(ROOT)]
    script.write_text(PARENT.format(path=paths, specs=["fake:quiet", f"fake:{kind}"]))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 3
        assert {psutil.Process(pid).status() for pid in pids} == {psutil.STATUS_STOPPED}
        parent.send_signal(end)
        parent.wait()
    assert are_gone(pids), [psutil.Process(pid).status() for pid in pids if is_there(pid)]


MEASUREMENT = """
import sys
sys.path[:0] = {path!r}
from detbench.bench.latency.images import embedded_images
from detbench.bench.latency.measurement import measure
from detbench.bench.latency.model_specs import model_specs
from detbench.bench.latency.timing_plan import TimingPlan

if __name__ == "__main__":
    plan = TimingPlan(stages=("infer",), max_s=60, min_s=60, processes=5)
    timed = measure(model_specs({specs!r}), embedded_images(1), plan)
    print([result.reasons[0] for result in timed.results], flush=True)
    sys.exit(130 if timed.interrupted else 0)
"""


def descendants_once_the_spinner_is_stopped(pid):
    """Return all processes that a measurement has started, while one of them is stopped."""
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(pid).children(recursive=True)
            spinners = [child for child in children if process_models.SPIN in child.cmdline()]
            if spinners and spinners[0].status() == psutil.STATUS_STOPPED:
                return [child.pid for child in children]
        time.sleep(0.01)
    raise AssertionError("the process that spins was never stopped")


@needs_signals
@pytest.mark.parametrize(
    ("end", "code", "output"),
    [(signal.SIGINT, 130, "['interrupted', 'interrupted']\n"), (signal.SIGTERM, 143, "")],
)
def test_a_measurement_that_is_ended_ends_all_that_is_stopped(adapter, tmp_path, end, code, output):
    script = tmp_path / "measurement.py"
    paths = [str(adapter), str(ROOT)]
    script.write_text(MEASUREMENT.format(path=paths, specs=["fake:quiet", "fake:session"]))
    environment = {**os.environ, "DETBENCH_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(
        with_sigint_enabled([sys.executable, script]),
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:
        pids = descendants_once_the_spinner_is_stopped(parent.pid)
        time.sleep(1.0)
        parent.send_signal(end)
        printed = parent.stdout.read()
        parent.wait()
    assert (parent.returncode, printed) == (code, output)
    assert len(pids) >= 3
    assert are_gone(pids)
