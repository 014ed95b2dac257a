"""`detbench env` shows the machine."""

import json

from detbench.bench.environment import environment
from detbench.bench.machine_speed.best_known import remember
from detbench.bench.machine_speed.speed import MachineSpeed


def test_env_shows_the_machine(command):
    done = command("env")
    assert done.code == 0
    assert environment().cpu in done.out
    assert "cores busy with other processes" in done.out


def test_env_as_json(command):
    document = json.loads(command("env", "--json", "-").out)
    assert set(document) == {"schema_version", "environment", "machine", "machine_speed"}
    assert document["environment"]["cpu"] == environment().cpu
    assert "background_load_cores" in document["machine"]
    assert document["machine_speed"]["now"]["compute_us"] > 0


def test_env_shows_the_best_known_speed_and_its_file(command, monkeypatch, tmp_path):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path))
    assert "unknown until a latency was measured" in command("env").out
    remember([MachineSpeed(2.25, 8.25)] * 20)
    lines = " ".join(command("env").out.split())
    assert "2.25 µs on" in lines
    assert "8.25 µs on" in lines
    assert f"delete {tmp_path / 'machine_speed.json'} to start over" in lines
