"""Threads: what Ctrl-C does to them, also at the moments at which Python's own pool would wait for ever."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from detbench.threads import Threads, usable_cores


@pytest.fixture(autouse=True)
def pythons_own_answer():
    """SIGINT raises KeyboardInterrupt, also where the tests run as a shell's background job, which ignores it; all is put back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, before)
    assert left is signal.default_int_handler


def test_results_come_in_order():
    with Threads(3) as pool:
        assert list(pool.map(lambda n: n * n, range(50))) == [n * n for n in range(50)]
        assert pool.submit(int, "11", base=2).result() == 3


def test_as_many_as_there_are_cores():
    with Threads() as pool:
        barrier = threading.Barrier(usable_cores(), timeout=60)
        assert sorted(pool.map(lambda _: barrier.wait(), range(usable_cores()))) == list(
            range(usable_cores())
        )


def test_ctrl_c_lets_running_calls_end_and_begins_no_others():
    begun, ended = [], []

    def work(n):
        begun.append(n)
        if n == 0:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.05)
        ended.append(n)

    with pytest.raises(KeyboardInterrupt), Threads(2) as pool:
        list(pool.map(work, range(100)))
    assert begun
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 100


def test_nothing_is_submitted_after_ctrl_c():
    done = []

    def interrupted():
        with Threads(1) as pool:
            signal.raise_signal(signal.SIGINT)
            done.append("the Ctrl-C itself raised nothing")
            pool.submit(done.append, "too late")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["the Ctrl-C itself raised nothing"]


def test_the_end_of_the_block_raises_what_nothing_else_has():
    with pytest.raises(KeyboardInterrupt), Threads(1):
        signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_is_raised_at_once():
    reached = []

    def interrupted_twice():
        with Threads(1):
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert reached == [1]


def test_ctrl_c_in_an_inner_block_is_known_to_the_outer_one():
    reached = []

    def interrupted():
        with Threads(1):
            with suppress(KeyboardInterrupt), Threads(1):
                signal.raise_signal(signal.SIGINT)
            reached.append(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == [1]


def test_an_error_cancels_what_has_not_begun():
    go_on, late = threading.Event(), []

    def failing():
        with Threads(1) as pool:
            pool.submit(go_on.wait, 60)
            late.append(pool.submit(int))
            threading.Timer(0.05, go_on.set).start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert late[0].cancelled()


def values():
    """A generator that holds a pool open between its values."""
    with Threads(1) as pool:
        while True:
            yield pool.submit(int).result()


def test_a_generator_that_is_closed_early_raises_what_was_put_off():
    given = values()
    next(given)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        given.close()


def test_pools_may_close_in_any_order():
    first, second = values(), values()
    next(first), next(second)
    first.close()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    second.close()


def test_a_pool_that_another_thread_closes_puts_nothing_off_any_more():
    given = values()
    next(given)
    thread = threading.Thread(target=given.close)
    thread.start()
    thread.join(60)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with Threads(1) as pool:
        assert pool.submit(int).result() == 0


def test_an_error_does_not_swallow_it():
    def failing():
        with Threads(1):
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        failing()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_pool_that_is_opened_after_it_does_nothing():
    done = []

    def interrupted():
        with Threads(1):
            signal.raise_signal(signal.SIGINT)
            with Threads(2) as inner:
                inner.submit(done.append, 1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == []


def test_a_handler_that_is_set_meanwhile_stays():
    def own(number, frame):
        pass

    with Threads(1):
        signal.signal(signal.SIGINT, own)
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is own


@pytest.mark.parametrize("answer", [signal.SIG_IGN, lambda number, frame: None])
def test_another_answer_to_ctrl_c_is_kept(answer):
    before = signal.signal(signal.SIGINT, answer)
    try:
        with Threads(1) as pool:
            assert signal.getsignal(signal.SIGINT) is answer
            signal.raise_signal(signal.SIGINT)
            assert pool.submit(int).result() == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_may_open_a_pool():
    found = []

    def work():
        with Threads(1) as pool:
            found.append(pool.submit(int).result())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert found == [0]


_CTRL_C_BESIDE_A_LOCK = """
import faulthandler, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from detbench.threads import Threads

faulthandler.dump_traceback_later({patience}, exit=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
lock, left = threading.Condition.__enter__, 0

def locked(condition):
    global left
    entered = lock(condition)
    if threading.get_ident() == threading.main_thread().ident:
        left -= 1
        if not left:
            signal.raise_signal(signal.SIGINT)
    return entered

threading.Condition.__enter__ = locked
interrupted = 0
for at in range(1, 40):
    left = at
    try:
        with {pool}(2) as pool:
            for job in [pool.submit(int) for _ in range(4)]:
                job.result()
    except KeyboardInterrupt:
        interrupted += 1
print(interrupted)
"""


def with_ctrl_c_beside_a_lock(pool, patience):
    program = _CTRL_C_BESIDE_A_LOCK.format(pool=pool, patience=patience)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )


def test_ctrl_c_at_any_lock_ends_the_pool():
    done = with_ctrl_c_beside_a_lock("Threads", 60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 8


def test_pythons_own_pool_hangs_there():
    """Without this the test above would say nothing, and the module would not be needed."""
    assert "Timeout (0:00:02)!" in with_ctrl_c_beside_a_lock("ThreadPoolExecutor", 2).stderr
