"""`detbench env`: the machine and the versions that numbers depend on."""

from __future__ import annotations

from detbench.cli.shared.app import app
from detbench.cli.shared.console import status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.output_paths import check_output_paths


@app.command("env")
def environment_command(json: JsonTarget = None) -> None:
    """Show what results depend on: machine, clocks, load, GPU and library versions."""
    from dataclasses import asdict

    from detbench.bench.environment import environment
    from detbench.bench.machine import machine_now
    from detbench.data.schema_version import SCHEMA_VERSION
    from detbench.reports.terminal.environment import environment_lines

    check_output_paths(json_files(json), [], [])
    with status("reading the state of the machine"):
        software, state = environment(), machine_now()
    document = {
        "schema_version": SCHEMA_VERSION,
        "environment": software.as_dict(),
        "machine": asdict(state),
    }
    save_json(json, document, "environment")
    show_results(json, document, lambda: environment_lines(software, state))
