"""Host memory: its peak growth during recorded work, and nothing before."""

import sys

import numpy as np
import pytest

from detbench.bench import memory
from detbench.bench.memory import HostMemory

MB = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset the peak")
def test_a_freed_peak_is_counted_and_earlier_ones_are_not():
    earlier = np.ones(400 * MB // 8)
    del earlier
    host = HostMemory()
    with host.recording():
        freed = np.ones(200 * MB // 8)
        del freed
    assert 150 * MB < host.peak_bytes < 300 * MB


def test_pieces_of_work_add_up():
    host = HostMemory()
    kept = []
    for _ in range(3):
        with host.recording():
            kept.append(np.ones(60 * MB // 8))
    assert 150 * MB < host.peak_bytes < 240 * MB


def test_systems_without_a_peak(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "other")
    host = HostMemory()
    with host.recording():
        kept = np.ones(60 * MB // 8)
    assert host.peak_bytes > 40 * MB
    assert len(kept)
