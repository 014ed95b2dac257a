"""Best known speed: kept for a week by machine; a damaged file is as good as none."""

import json
from datetime import date, timedelta

import pytest

from detbench.bench.machine_speed import best_known as module
from detbench.bench.machine_speed.best_known import (
    BestKnown,
    DatedTime,
    best_known,
    best_known_file,
    remember,
)
from detbench.bench.machine_speed.speed import COMPUTE_LIMIT, EXCHANGE_LIMIT, MachineSpeed

TODAY = date(2026, 11, 30)
FAST, SLOW = MachineSpeed(2.0, 8.0), MachineSpeed(2.6, 21.0)
FAST_KNOWN = BestKnown(DatedTime(2.0, TODAY), DatedTime(8.0, TODAY))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "machine_speed.json"


def test_a_best_speed_survives_the_file(file):
    assert best_known(file, TODAY) == BestKnown()
    remember([FAST] * 20, file, TODAY)
    assert best_known(file, TODAY) == FAST_KNOWN
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_it_is_in_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path))
    remember([FAST] * 20)
    assert best_known_file() == tmp_path / "machine_speed.json"
    assert best_known().compute.time_us == 2.0


def test_few_measurements_are_not_remembered(file):
    remember([FAST] * 19, file, TODAY)
    assert not file.exists()


def test_one_outlier_is_not_remembered(file):
    remember([FAST] * 20 + [MachineSpeed(0.1, 0.1)], file, TODAY)
    assert best_known(file, TODAY) == FAST_KNOWN


def test_a_slow_measurement_changes_nothing(file):
    remember([FAST] * 20, file, TODAY)
    remember([SLOW] * 20, file, TODAY + timedelta(1))
    assert best_known(file, TODAY + timedelta(1)) == FAST_KNOWN


def test_a_faster_one_replaces_what_it_betters(file):
    remember([FAST] * 20, file, TODAY)
    later = TODAY + timedelta(1)
    remember([MachineSpeed(1.5, 21.0)] * 20, file, later)
    assert best_known(file, later) == BestKnown(DatedTime(1.5, later), DatedTime(8.0, TODAY))


def test_a_time_that_is_reached_again_stays_known(file):
    remember([FAST] * 20, file, TODAY)
    later = TODAY + timedelta(5)
    remember([MachineSpeed(2.0 * COMPUTE_LIMIT, 8.0 * EXCHANGE_LIMIT)] * 20, file, later)
    assert best_known(file, later) == BestKnown(DatedTime(2.0, later), DatedTime(8.0, later))


@pytest.mark.parametrize(("days", "counts"), [(0, True), (7, True), (8, False), (-1, False)])
def test_only_the_last_7_days_count(file, days, counts):
    remember([FAST] * 20, file, TODAY)
    assert best_known(file, TODAY + timedelta(days)) == (FAST_KNOWN if counts else BestKnown())


def test_an_old_time_is_replaced_by_a_slower_one(file):
    remember([FAST] * 20, file, TODAY)
    later = TODAY + timedelta(8)
    remember([SLOW] * 20, file, later)
    assert best_known(file, later) == BestKnown(DatedTime(2.6, later), DatedTime(21.0, later))


def test_machines_do_not_share_a_best(file, monkeypatch):
    remember([FAST] * 20, file, TODAY)
    for name in ("cpu_model", "usable_cores"):
        with monkeypatch.context() as other:
            other.setattr(module, name, lambda: 999)
            assert best_known(file, TODAY) == BestKnown()
            remember([SLOW] * 20, file, TODAY)
            assert best_known(file, TODAY).compute == DatedTime(2.6, TODAY)
    assert best_known(file, TODAY) == FAST_KNOWN
    assert len(json.loads(file.read_bytes())) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": {"compute": 3}}'])
def test_a_damaged_file_is_ignored_and_replaced(file, content):
    file.parent.mkdir()
    file.write_bytes(content)
    assert best_known(file, TODAY) == BestKnown()
    remember([FAST] * 20, file, TODAY)
    assert best_known(file, TODAY) == FAST_KNOWN


@pytest.mark.parametrize("time_us", [0, -8.0])
def test_impossible_times_do_not_count(file, time_us):
    remember([FAST] * 20, file, TODAY)
    content = json.loads(file.read_bytes())
    next(iter(content.values()))["exchange"]["time_us"] = time_us
    file.write_text(json.dumps(content))
    assert best_known(file, TODAY) == BestKnown(FAST_KNOWN.compute, None)


def test_a_file_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    remember([FAST] * 20, tmp_path / "cache" / "machine_speed.json", TODAY)
    remember([FAST] * 20, tmp_path, TODAY)
    assert best_known(tmp_path, TODAY) == BestKnown()


def test_a_single_core_has_no_exchange(file):
    remember([MachineSpeed(2.0, None)] * 20, file, TODAY)
    assert best_known(file, TODAY) == BestKnown(DatedTime(2.0, TODAY), None)


def test_the_faster_of_the_best_known_and_a_measurement():
    assert FAST_KNOWN.faster_of(MachineSpeed(2.6, 7.5)) == MachineSpeed(2.0, 7.5)
    assert FAST_KNOWN.faster_of(MachineSpeed(2.6, None)) == MachineSpeed(2.0, None)
    assert BestKnown().faster_of(SLOW) == SLOW


def test_a_measurement_that_is_slow_throughout_is_named():
    reason = FAST_KNOWN.slow_machine_reason(MachineSpeed(2.0, 21.0), uses_several_cores=True)
    assert reason == (
        "machine slower than at its best: exchange between cores took 21.0 µs;"
        " its best was 8.0 µs, on 2026-11-30"
    )
    assert FAST_KNOWN.slow_machine_reason(SLOW, uses_several_cores=False) == (
        "machine slower than at its best: arithmetic on all cores took 2.6 µs;"
        " its best was 2.0 µs, on 2026-11-30"
    )


def test_a_measurement_at_the_best_has_no_reason():
    assert FAST_KNOWN.slow_machine_reason(FAST, uses_several_cores=True) == ""
    assert BestKnown().slow_machine_reason(SLOW, uses_several_cores=True) == ""
