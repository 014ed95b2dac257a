"""The GitHub action and its script: what they pass on, and how they end."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from detbench.bench.history.entry import history_entry
from detbench.bench.history.history_file import add_entry
from detbench.bench.runs import read_run
from tests.bench.gate.simulated_runs import write_runs

ROOT = Path(__file__).parents[1]
SCRIPTS = [ROOT / ".ci" / name for name in ("gate.sh", "models.sh", "run")]
SCRIPT = SCRIPTS[0]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"]}
VARIABLES = (
    "BASELINE",
    "CANDIDATE",
    "RULES",
    "BRANCH",
    "GROUPS_FILE",
    "OUTPUT",
    "ALLOW_INCONCLUSIVE",
    "DETBENCH",
)
FAKE_PYTHON = """#!/bin/bash
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\nexec "{python}" -m detbench "$@"\\n' >"$3/bin/detbench"
    chmod +x "$3/bin/detbench" ;;
  "-m pip") printf '%s\\n' "$@" >"{log}" ;;
  *) exec "{python}" "$@" ;;
esac
"""
"""A Python whose `venv` and `pip` install nothing; pip writes its arguments to a log."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = write_runs(tmp_path_factory.mktemp("runs"))
    (folder / "gate.toml").write_text('[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.01\n')
    return folder


def bash(*arguments, cwd, **variables):
    """Run bash as GitHub does, with only these variables of ours set."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in VARIABLES and not key.startswith("GITHUB_")
    }
    own = {key: str(value) for key, value in variables.items()}
    return subprocess.run(
        ["bash", *map(str, arguments)],
        env=inherited | {"PYTHONPATH": str(ROOT)} | own,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def script(runs, tmp_path):
    """Run the script; return the process and what it wrote to GITHUB_OUTPUT."""

    def run_script(**variables):
        outputs = tmp_path / "outputs"
        outputs.unlink(missing_ok=True)
        defaults = {
            "DETBENCH": f"{sys.executable} -m detbench",
            "OUTPUT": tmp_path / "gate out",
            "RULES": runs / "gate.toml",
        }
        done = bash(SCRIPT, cwd=tmp_path, GITHUB_OUTPUT=outputs, **(defaults | variables))
        return done, outputs.read_text() if outputs.exists() else ""

    return run_script


@pytest.mark.parametrize(
    ("candidate", "allow_inconclusive", "code", "outcome"),
    [
        ("good", "", 0, "passed"),
        ("bad", "", 1, "failed"),
        ("bad", "true", 1, "failed"),
        ("elsewhere", "", 3, "inconclusive"),
        ("elsewhere", "false", 3, "inconclusive"),
        ("elsewhere", "true", 0, "inconclusive"),
        ("elsewhere", "True", 0, "inconclusive"),
        ("elsewhere", "YES", 0, "inconclusive"),
    ],
)
def test_the_script_ends_as_the_gate(
    script, runs, tmp_path, candidate, allow_inconclusive, code, outcome
):
    done, output = script(
        BASELINE=runs / "good",
        CANDIDATE=runs / candidate,
        ALLOW_INCONCLUSIVE=allow_inconclusive,
    )
    assert done.returncode == code, done.stderr
    assert output == f"outcome={outcome}\n"
    folder = tmp_path / "gate out"
    assert json.loads((folder / "gate.json").read_text())["outcome"] == outcome
    assert {path.name for path in folder.iterdir()} == {"gate.json", "gate.xml", "gate.md"}


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"CANDIDATE": ""}, "BASELINE or CANDIDATE is empty"),
        ({"CANDIDATE": "--show-rules"}, "--show-rules"),
        ({"BASELINE": "--help"}, "--help"),
        ({"CANDIDATE": "nowhere"}, "nowhere"),
        ({"RULES": "--show-rules"}, "--show-rules"),
        ({"ALLOW_INCONCLUSIVE": "perhaps"}, "ALLOW_INCONCLUSIVE must be true or false"),
        ({"OUTPUT": "/dev/null/gate"}, "cannot create the folder OUTPUT"),
        ({"DETBENCH": "no-such-program"}, "no-such-program"),
        (
            {"DETBENCH": f"{sys.executable} -c raise(ImportError)"},
            "the gate exited with 1 without verdicts",
        ),
        ({"DETBENCH": "true"}, "the gate exited with 0 without verdicts"),
    ],
)
def test_without_a_verdict_the_script_ends_with_an_error(script, runs, variables, problem):
    done, output = script(**({"BASELINE": runs / "good", "CANDIDATE": runs / "good"} | variables))
    assert done.returncode not in (0, 1, 3)
    assert output == "outcome=error\n"
    assert problem in done.stderr


def test_files_of_an_earlier_gate_are_removed(script, runs, tmp_path):
    script(BASELINE=runs / "good", CANDIDATE=runs / "good")
    done, output = script(BASELINE=runs / "good", CANDIDATE=runs / "nowhere")
    assert (done.returncode, output) == (2, "outcome=error\n")
    assert list((tmp_path / "gate out").iterdir()) == []


def test_a_program_with_spaces_in_its_path(script, runs, tmp_path):
    program = tmp_path / "a b" / "detbench"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m detbench "$@"\n')
    program.chmod(0o755)
    done, _ = script(BASELINE=runs / "good", CANDIDATE=runs / "good", DETBENCH=program)
    assert done.returncode == 0


def evaluated(text, values):
    """Return a text with its expressions replaced; `a || b` is b if a is empty."""

    def value(match):
        alternatives = (values[part.strip()] for part in match[1].split("||"))
        return next((text for text in alternatives if text), "")

    return re.sub(r"\$\{\{ (.*?) \}\}", value, text)


def test_the_action_passes_every_input_to_its_scripts():
    assert ACTION["runs"]["using"] == "composite"
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    inputs = ACTION["inputs"]
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(inputs)
    required = {name for name, options in inputs.items() if options.get("required")}
    assert required == {"baseline", "candidate"}
    assert all("default" in options for name, options in inputs.items() if name not in required)
    assert {key for key in STEPS["gate"]["env"] if key != "ACTION_PATH"} == set(VARIABLES)
    comment = SCRIPT.read_text(encoding="utf-8")
    documented = re.findall(r"^#   ([A-Z][A-Z_, ]*?)  ", comment, re.MULTILINE)
    assert {name for line in documented for name in line.split(", ")} == set(VARIABLES)
    assert "steps.gate.outputs.outcome" in ACTION["outputs"]["outcome"]["value"]
    assert set(re.findall(r"steps\.(\w+)\.", text)) <= set(STEPS)


def test_commands_contain_no_expressions():
    """An input in an expression could run as a command."""
    assert not [step["run"] for step in STEPS.values() if "${{" in step.get("run", "")]


@pytest.fixture
def action(runs, tmp_path):
    """Run the action's steps as GitHub would; return the last process and the outcome."""
    python = tmp_path / "some python"
    python.write_text(FAKE_PYTHON.format(python=sys.executable, log=tmp_path / "pip"))
    python.chmod(0o755)

    def run_step(name, values):
        step, outputs, file = STEPS[name], tmp_path / f"{name}.outputs", tmp_path / "step.sh"
        outputs.touch()
        file.write_text(step["run"])
        variables = {key: evaluated(text, values) for key, text in step["env"].items()}
        flags = ("--noprofile", "--norc", "-e", "-o", "pipefail")
        variables |= {"GITHUB_OUTPUT": outputs, "GITHUB_ACTIONS": "true"}
        done = bash(*flags, file, cwd=tmp_path, **variables)
        for line in outputs.read_text().splitlines():
            key, _, value = line.partition("=")
            values[f"steps.{name}.outputs.{key}"] = value
        return done

    def run_action(**inputs):
        values = {
            f"inputs.{name}": options.get("default", "")
            for name, options in ACTION["inputs"].items()
        }
        values |= {f"inputs.{name.replace('_', '-')}": str(value) for name, value in inputs.items()}
        values |= {
            "github.action_path": str(ROOT),
            "runner.temp": str(tmp_path / "temp dir"),
            "steps.python.outputs.python-path": str(python),
            "steps.gate.outputs.outcome": "",
            "'error'": "error",
        }
        done = run_step("install", values)
        if done.returncode == 0:
            done = run_step("gate", values)
        return done, evaluated(ACTION["outputs"]["outcome"]["value"], values)

    return run_action


@pytest.fixture
def inputs(runs):
    return {"baseline": runs / "good", "candidate": runs / "bad", "rules": runs / "gate.toml"}


@pytest.mark.parametrize(
    ("candidate", "code", "outcome"),
    [("good", 0, "passed"), ("bad", 1, "failed"), ("elsewhere", 3, "inconclusive")],
)
def test_the_action_ends_as_the_gate(action, runs, inputs, tmp_path, candidate, code, outcome):
    done, output = action(**inputs | {"candidate": runs / candidate}, output="the files")
    assert (done.returncode, output) == (code, outcome), done.stderr
    assert json.loads((tmp_path / "the files" / "gate.json").read_text())["outcome"] == outcome
    assert (tmp_path / "pip").read_text().splitlines()[-2:] == ["--", str(ROOT)]


def test_the_action_installs_another_package_and_may_allow_inconclusive(
    action, runs, inputs, tmp_path
):
    inputs |= {"candidate": runs / "elsewhere", "allow_inconclusive": "true"}
    done, outcome = action(**inputs, package="detbench==0.1.0")
    assert (done.returncode, outcome) == (0, "inconclusive"), done.stderr
    assert (tmp_path / "pip").read_text().splitlines()[-1] == "detbench==0.1.0"


def test_the_baseline_of_a_history_is_of_the_requested_branch(action, runs, inputs):
    history = runs / "history.jsonl"
    run = read_run(runs / "good")
    options = {"commit": "c1", "branch": "release 2", "verdict": "passed"}
    add_entry(history, history_entry(run, history, **options))
    inputs |= {"baseline": f"history:{history}"}
    done, outcome = action(**inputs)
    assert (done.returncode, outcome) == (2, "error"), done.stderr
    assert "main" in done.stderr
    done, outcome = action(**inputs, branch="release 2")
    assert (done.returncode, outcome) == (1, "failed"), done.stderr


def test_the_action_resamples_images_of_a_group_together(action, runs, inputs, tmp_path):
    groups = tmp_path / "the groups.csv"
    image_ids = read_run(runs / "good").ground_truth.image_ids
    rows = [f"{image},{number % 2}\n" for number, image in enumerate(image_ids)]
    groups.write_text("image,group\n" + "".join(rows))
    ungrouped, _ = action(**inputs)
    grouped, _ = action(**inputs, groups=groups)
    assert (ungrouped.returncode, grouped.returncode) == (1, 3), grouped.stderr
    groups.write_text("image,group\n")
    done, outcome = action(**inputs, groups=groups)
    assert (done.returncode, outcome) == (2, "error")
    assert "the groups.csv: " in done.stderr
    assert "60 of 60 images" in done.stderr


def test_a_python_that_is_too_old_is_an_error(action, inputs, tmp_path):
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.11.3" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done, outcome = action(**inputs, python=old)
    assert (done.returncode, outcome) == (2, "error")
    assert f"detbench needs Python 3.11.4 or newer, but {old} is Python 3.11.3" in done.stderr


def test_the_action_installs_a_python_that_the_package_supports():
    step = STEPS["python"]
    assert step["uses"].startswith("actions/setup-python@")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    oldest = tuple(map(int, oldest.split(".")))
    assert tuple(map(int, step["with"]["python-version"].split("."))) > oldest[:2]
    assert str(oldest) in STEPS["install"]["run"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_reports_nothing(path):
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
