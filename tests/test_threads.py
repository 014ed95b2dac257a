"""Thread pools and Ctrl-C, also at the moments at which Python's own pool would hang forever."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from detbench.threads import ThreadPool, usable_cores


@pytest.fixture(autouse=True)
def default_handler():
    """Install Python's own handler of SIGINT, which a shell's background job does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler, "a pool must restore the handler"


def test_results_come_in_order():
    with ThreadPool(3) as pool:
        assert list(pool.map(lambda n: n * n, range(50))) == [n * n for n in range(50)]
        assert pool.submit(int, "11", base=2).result() == 3


def test_default_is_one_thread_per_usable_core():
    with ThreadPool() as pool:
        barrier = threading.Barrier(usable_cores(), timeout=60)
        assert sorted(pool.map(lambda _: barrier.wait(), range(usable_cores()))) == list(
            range(usable_cores())
        )


def test_ctrl_c_lets_running_calls_end_and_starts_no_others():
    started, ended = [], []

    def work(n):
        started.append(n)
        if n == 0:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.05)
        ended.append(n)

    with pytest.raises(KeyboardInterrupt), ThreadPool(2) as pool:
        list(pool.map(work, range(100)))
    assert started
    assert sorted(started) == sorted(ended)
    assert len(started) < 100


def test_nothing_is_submitted_after_ctrl_c():
    done = []

    def interrupted():
        with ThreadPool(1) as pool:
            signal.raise_signal(signal.SIGINT)
            done.append("Ctrl-C itself raised nothing")
            pool.submit(done.append, "too late")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["Ctrl-C itself raised nothing"]


def test_the_end_of_the_block_raises_a_deferred_ctrl_c():
    with pytest.raises(KeyboardInterrupt), ThreadPool(1):
        signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_is_raised_at_once():
    reached = []

    def interrupted_twice():
        with ThreadPool(1):
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert reached == [1]


def test_ctrl_c_in_an_inner_block_interrupts_the_outer_one():
    reached = []

    def interrupted():
        with ThreadPool(1):
            with suppress(KeyboardInterrupt), ThreadPool(1):
                signal.raise_signal(signal.SIGINT)
            reached.append(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == [1]


def test_an_error_cancels_calls_that_have_not_started():
    release, late = threading.Event(), []

    def failing():
        with ThreadPool(1) as pool:
            pool.submit(release.wait, 60)
            late.append(pool.submit(int))
            threading.Timer(0.05, release.set).start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert late[0].cancelled()


def generate_values():
    """Yield values while a pool is open."""
    with ThreadPool(1) as pool:
        while True:
            yield pool.submit(int).result()


def test_a_generator_that_is_closed_early_raises_a_deferred_ctrl_c():
    values = generate_values()
    next(values)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        values.close()


def test_pools_may_close_in_any_order():
    first, second = generate_values(), generate_values()
    next(first), next(second)
    first.close()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    second.close()


def test_a_pool_closed_by_another_thread_defers_nothing_afterwards():
    values = generate_values()
    next(values)
    thread = threading.Thread(target=values.close)
    thread.start()
    thread.join(60)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with ThreadPool(1) as pool:
        assert pool.submit(int).result() == 0


def test_an_error_does_not_swallow_ctrl_c():
    def failing():
        with ThreadPool(1):
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        failing()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_pool_opened_after_ctrl_c_runs_nothing():
    done = []

    def interrupted():
        with ThreadPool(1):
            signal.raise_signal(signal.SIGINT)
            with ThreadPool(2) as inner:
                inner.submit(done.append, 1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == []


def test_a_handler_set_while_a_pool_is_open_stays():
    def own(number, frame):
        pass

    with ThreadPool(1):
        signal.signal(signal.SIGINT, own)
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is own


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
def test_a_handler_of_the_program_stays(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with ThreadPool(1) as pool:
            assert signal.getsignal(signal.SIGINT) is handler
            signal.raise_signal(signal.SIGINT)
            assert pool.submit(int).result() == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_may_open_a_pool():
    results = []

    def work():
        with ThreadPool(1) as pool:
            results.append(pool.submit(int).result())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert results == [0]


_CTRL_C_AT_EACH_LOCK = '''
import faulthandler, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from detbench.threads import ThreadPool

faulthandler.dump_traceback_later({timeout_s}, exit=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
enter = threading.Condition.__enter__
locks_until_ctrl_c = 0

def enter_with_ctrl_c(condition):
    """Lock a condition, and raise SIGINT after a given number of locks of the main thread."""
    global locks_until_ctrl_c
    entered = enter(condition)
    if threading.get_ident() == threading.main_thread().ident:
        locks_until_ctrl_c -= 1
        if not locks_until_ctrl_c:
            signal.raise_signal(signal.SIGINT)
    return entered

threading.Condition.__enter__ = enter_with_ctrl_c
interrupted = 0
for locks_until_ctrl_c in range(1, 40):
    try:
        with {pool}(2) as pool:
            for job in [pool.submit(int) for _ in range(4)]:
                job.result()
    except KeyboardInterrupt:
        interrupted += 1
print(interrupted)
'''


def run_with_ctrl_c_at_each_lock(pool, timeout_s):
    program = _CTRL_C_AT_EACH_LOCK.format(pool=pool, timeout_s=timeout_s)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )


def test_ctrl_c_at_any_lock_ends_the_pool():
    result = run_with_ctrl_c_at_each_lock("ThreadPool", 60)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 8


def test_pythons_own_pool_hangs_there():
    """If this fails, Python was repaired: the test above is void and the module is not needed."""
    result = run_with_ctrl_c_at_each_lock("ThreadPoolExecutor", 2)
    assert "Timeout (0:00:02)!" in result.stderr
