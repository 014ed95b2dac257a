"""`detbench env` shows the machine."""

import json

from detbench.bench.environment import environment


def test_env_shows_the_machine(command):
    done = command("env")
    assert done.code == 0
    assert environment().cpu in done.out
    assert "cores busy with other processes" in done.out


def test_env_as_json(command):
    document = json.loads(command("env", "--json", "-").out)
    assert set(document) == {"schema_version", "environment", "machine"}
    assert document["environment"]["cpu"] == environment().cpu
    assert "background_load_cores" in document["machine"]
