"""Peer: all members of a ring update its array in turn, and leave a ring that stalls."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detbench.bench.machine_speed import peer
from detbench.bench.machine_speed.peer import MEMORY_BYTES, Peer, reset_ring


class FakeClock:
    """A clock that advances by 1 µs whenever it is read."""

    def __init__(self):
        self.ns = 0

    def perf_counter_ns(self):
        self.ns += 1_000
        return self.ns


@pytest.fixture
def memory():
    memory = bytearray(MEMORY_BYTES)
    reset_ring(memory)
    return memory


def test_a_peer_without_others_only_does_arithmetic(memory, monkeypatch):
    monkeypatch.setattr(peer, "time", FakeClock())
    assert Peer(memory, 0, 1).measure() == (1.0, None)


def test_the_clock_runs_during_one_update_only(memory, monkeypatch):
    monkeypatch.setattr(peer, "time", FakeClock())
    reset_ring(memory)
    ring = Peer(memory, 0, 2)
    ring._turn = TurnsOfBoth()
    assert ring.measure() == (1.0, 1.0)


class TurnsOfBoth(dict):
    """Whose turn it is, if the other peer takes its own turns at the third look."""

    looks, turn = 0, 0

    def __getitem__(self, key):
        if self.turn % 2:
            self.looks += 1
            self.turn += self.looks % 3 == 0
        return self.turn

    def __setitem__(self, key, turn):
        self.turn = turn


@pytest.mark.parametrize("count", [2, 3])
def test_every_peer_updates_the_array_in_turn(memory, monkeypatch, count):
    # Threads wait for each other's turn in Python's interpreter.
    monkeypatch.setattr(peer, "_STALL_NS", 60_000_000_000)
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        peers = [Peer(memory, index, count) for index in range(count)]
        for updates in (1, 2):
            reset_ring(memory)
            with ThreadPoolExecutor(count) as pool:
                times = list(pool.map(Peer.measure, peers))
            assert all(one.compute_us > 0 and one.exchange_us > 0 for one in times)
            assert np.unique(peers[0]._values).tolist() == [120.0 * updates]
    finally:
        sys.setswitchinterval(switch_s)


def test_a_ring_that_stalls_counts_with_its_waiting(memory, monkeypatch):
    """The other peer never takes its turn: its core is busy with something else."""
    monkeypatch.setattr(peer, "time", FakeClock())
    waited_us = Peer(memory, 0, 2).measure().exchange_us
    assert waited_us > 10_000
