"""Host memory: the growth while something is done, at its peak, and not what others did before."""

import sys

import numpy as np
import pytest

from detbench.bench import memory
from detbench.bench.memory import HostMemory

MB = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the peak")
def test_a_peak_that_is_gone_is_seen_and_earlier_ones_are_not():
    earlier = np.ones(400 * MB // 8)
    del earlier
    one = HostMemory()
    with one.counted():
        gone = np.ones(200 * MB // 8)
        del gone
    assert 150 * MB < one.peak_bytes < 300 * MB


def test_pieces_of_work_add_up():
    one = HostMemory()
    kept = []
    for _ in range(3):
        with one.counted():
            kept.append(np.ones(60 * MB // 8))
    assert 150 * MB < one.peak_bytes < 240 * MB


def test_where_the_system_keeps_no_peak(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "other")
    one = HostMemory()
    with one.counted():
        kept = np.ones(60 * MB // 8)
    assert one.peak_bytes > 40 * MB
    assert len(kept)
