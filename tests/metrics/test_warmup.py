"""Warm-up: a compilation is announced, loading from the cache is not, however long it takes."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import pytest

from detbench.metrics.kernels.compile_events import on_first_compilation
from detbench.metrics.warmup import warm_analysis, warm_postprocessing, warm_scoring

WARM_UPS = [warm_scoring, warm_analysis, warm_postprocessing]


def test_the_first_compilation_is_announced_once():
    @numba.njit
    def increment(number):
        return number + 1

    announced = []
    with on_first_compilation(lambda: announced.append("compiling")):
        assert (increment(1), increment(1.5)) == (2, 2.5)
    assert announced == ["compiling"]
    with on_first_compilation(lambda: announced.append("again")):
        increment(2)
    assert announced == ["compiling"]


def test_a_kernel_without_a_listener_announces_nothing():
    @numba.njit
    def decrement(number):
        return number - 1

    announced = []
    with on_first_compilation(lambda: announced.append("compiling")):
        pass
    decrement(1)
    assert announced == []


@pytest.mark.parametrize("warm_up", WARM_UPS)
def test_a_second_warm_up_announces_nothing(warm_up):
    warm_up(lambda _: None)
    announced = []
    warm_up(announced.append)
    assert announced == []


@pytest.mark.slow
def test_new_processes_announce_only_what_is_not_in_the_cache(tmp_path):
    """Of the three warm-ups, that of postprocessing compiles fastest."""
    code = "from detbench.metrics.warmup import warm_postprocessing; warm_postprocessing(print)"

    def notices():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return [notice.split(",")[0] for notice in done.stdout.splitlines()]

    assert notices() == ["compiling the numerical kernels"]
    assert notices() == []
