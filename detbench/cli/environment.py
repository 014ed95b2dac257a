"""`detbench env`: the machine and the versions that numbers depend on."""

from __future__ import annotations

from detbench.cli.shared.app import app
from detbench.cli.shared.console import status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths


@app.command("env")
def environment_command(json: JsonTarget = None) -> None:
    """Show what results depend on: machine, speed, clocks, load, GPU and library versions."""
    from dataclasses import asdict

    from msgspec import to_builtins

    from detbench.bench.environment import environment
    from detbench.bench.machine import machine_now
    from detbench.bench.machine_speed.best_known import best_known, best_known_file
    from detbench.bench.machine_speed.meter import machine_speed_now
    from detbench.data.schema_version import SCHEMA_VERSION
    from detbench.reports.terminal.environment import environment_lines

    check_output_paths(json_files(json), [], [])
    with status("reading the state of the machine"):
        software, state = environment(), machine_now()
        speed, best, file = machine_speed_now(), best_known(), best_known_file()
    document = {
        "schema_version": SCHEMA_VERSION,
        "environment": software.as_dict(),
        "machine": asdict(state),
        "machine_speed": {
            "now": asdict(speed) if speed else None,
            "best": to_builtins(best),
            "file": str(file),
        },
    }
    save_json(json, document, "environment")
    show_results(json, document, lambda: environment_lines(software, state, speed, best, file))
