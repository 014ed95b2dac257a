"""The GitHub action and its script: what they hand on, and how they end."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from detbench.bench.history import add, entry_of
from detbench.bench.runs import read_run
from tests.bench.gate.made import write_runs

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "gate.sh"
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = write_runs(tmp_path_factory.mktemp("runs"))
    (folder / "gate.toml").write_text('[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.01\n')
    return folder


def bash(*arguments, cwd, **variables):
    """Run bash as GitHub does, with nothing of ours set but these variables."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in VARIABLES and not key.startswith("GITHUB_")
    }
    environment = (
        kept | {"PYTHONPATH": str(ROOT)} | {key: str(value) for key, value in variables.items()}
    )
    return subprocess.run(
        ["bash", *map(str, arguments)],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def script(runs, tmp_path):
    """Run the script; return how it ended and which outcome it told GitHub."""

    def run_script(**variables):
        outputs = tmp_path / "outputs"
        outputs.unlink(missing_ok=True)
        given = {
            "DETBENCH": f"{sys.executable} -m detbench",
            "OUTPUT": tmp_path / "gate out",
            "RULES": runs / "gate.toml",
        }
        done = bash(SCRIPT, cwd=tmp_path, GITHUB_OUTPUT=outputs, **(given | variables))
        return done, outputs.read_text() if outputs.exists() else ""

    return run_script


@pytest.mark.parametrize(
    ("candidate", "tolerant", "code"),
    [
        ("good", "", 0),
        ("bad", "", 1),
        ("bad", "true", 1),
        ("elsewhere", "", 3),
        ("elsewhere", "false", 3),
        ("elsewhere", "true", 0),
        ("elsewhere", "True", 0),
        ("elsewhere", "YES", 0),
    ],
)
def test_the_script_ends_as_the_gate(script, runs, tmp_path, candidate, tolerant, code):
    done, told = script(
        BASELINE=runs / "good", CANDIDATE=runs / candidate, ALLOW_INCONCLUSIVE=tolerant
    )
    assert done.returncode == code, done.stderr
    outcome = {"good": "passed", "bad": "failed", "elsewhere": "inconclusive"}[candidate]
    assert told == f"outcome={outcome}\n"
    assert json.loads((tmp_path / "gate out" / "gate.json").read_text())["outcome"] == outcome
    assert {path.name for path in (tmp_path / "gate out").iterdir()} == {
        "gate.json",
        "gate.xml",
        "gate.md",
    }


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"CANDIDATE": ""}, "set BASELINE and CANDIDATE"),
        ({"CANDIDATE": "--show-rules"}, "--show-rules"),
        ({"BASELINE": "--help"}, "--help"),
        ({"CANDIDATE": "nowhere"}, "nowhere"),
        ({"RULES": "--show-rules"}, "--show-rules"),
        ({"ALLOW_INCONCLUSIVE": "perhaps"}, "ALLOW_INCONCLUSIVE is true or false"),
        ({"OUTPUT": "/dev/null/gate"}, "OUTPUT cannot be made a folder"),
        ({"DETBENCH": "no-such-program"}, "no-such-program"),
        (
            {"DETBENCH": f"{sys.executable} -c raise(ImportError)"},
            "the gate ended with 1 and left no verdicts",
        ),
        ({"DETBENCH": "true"}, "the gate ended with 0 and left no verdicts"),
    ],
)
def test_whatever_keeps_the_script_from_a_verdict_is_an_error(script, runs, variables, problem):
    done, told = script(**({"BASELINE": runs / "good", "CANDIDATE": runs / "good"} | variables))
    assert done.returncode not in (0, 1, 3)
    assert told == "outcome=error\n"
    assert problem in done.stderr


def test_what_an_earlier_gate_left_is_no_verdict(script, runs, tmp_path):
    script(BASELINE=runs / "good", CANDIDATE=runs / "good")
    done, told = script(BASELINE=runs / "good", CANDIDATE=runs / "nowhere")
    assert (done.returncode, told) == (2, "outcome=error\n")
    assert list((tmp_path / "gate out").iterdir()) == []


def test_a_program_whose_path_has_spaces(script, runs, tmp_path):
    program = tmp_path / "a b" / "detbench"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m detbench "$@"\n')
    program.chmod(0o755)
    assert (
        script(BASELINE=runs / "good", CANDIDATE=runs / "good", DETBENCH=program)[0].returncode == 0
    )


def evaluated(text, values):
    """Return a text with its expressions replaced; `a || b` is b where a is empty."""

    def value(found):
        return next((text for part in found[1].split("||") if (text := values[part.strip()])), "")

    return re.sub(r"\$\{\{ (.*?) \}\}", value, text)


def test_the_action_hands_every_input_to_its_scripts():
    assert ACTION["runs"]["using"] == "composite"
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    assert {name for name, given in ACTION["inputs"].items() if given.get("required")} == {
        "baseline",
        "candidate",
    }
    assert all(
        "default" in given for given in ACTION["inputs"].values() if not given.get("required")
    )
    assert {key for key in STEPS["gate"]["env"] if key != "PLACE"} == set(VARIABLES)
    documented = re.findall(
        r"^#   ([A-Z_, ]+?)  ", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name for line in documented for name in line.split(", ")} == set(VARIABLES)
    assert "steps.gate.outputs.outcome" in ACTION["outputs"]["outcome"]["value"]
    assert set(re.findall(r"steps\.(\w+)\.", text)) <= set(STEPS)


def test_what_runs_holds_no_expression_that_could_be_a_command():
    assert not [step["run"] for step in STEPS.values() if "${{" in step.get("run", "")]


@pytest.fixture
def action(runs, tmp_path):
    """Run the action's steps as GitHub would, with a Python whose `venv` and `pip` only do as if; return the outcome."""
    python = tmp_path / "some python"
    python.write_text(
        f'''#!/bin/bash
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\nexec "{sys.executable}" -m detbench "$@"\\n' >"$3/bin/detbench"
    chmod +x "$3/bin/detbench" ;;
  "-m pip") printf '%s\\n' "$@" >"{tmp_path}/pip" ;;
  *) exec "{sys.executable}" "$@" ;;
esac
'''
    )
    python.chmod(0o755)

    def run_action(**inputs):
        values = {
            f"inputs.{name}": given.get("default", "") for name, given in ACTION["inputs"].items()
        }
        values |= {f"inputs.{name.replace('_', '-')}": str(value) for name, value in inputs.items()}
        values |= {"github.action_path": str(ROOT), "runner.temp": str(tmp_path / "temp dir")}
        values |= {
            "steps.python.outputs.python-path": str(python),
            "steps.gate.outputs.outcome": "",
            "'error'": "error",
        }
        for name in ("install", "gate"):
            step, outputs = STEPS[name], tmp_path / f"{name}.outputs"
            outputs.touch()
            (tmp_path / "step.sh").write_text(step["run"])
            given = {key: evaluated(text, values) for key, text in step["env"].items()}
            flags = ("--noprofile", "--norc", "-e", "-o", "pipefail")
            done = bash(
                *flags,
                tmp_path / "step.sh",
                cwd=tmp_path,
                GITHUB_OUTPUT=outputs,
                GITHUB_ACTIONS="true",
                **given,
            )
            values |= {
                f"steps.{name}.outputs.{line.partition('=')[0]}": line.partition("=")[2]
                for line in outputs.read_text().splitlines()
            }
            if done.returncode:
                break
        return done, evaluated(ACTION["outputs"]["outcome"]["value"], values)

    return run_action


@pytest.mark.parametrize(
    ("candidate", "code", "outcome"),
    [("good", 0, "passed"), ("bad", 1, "failed"), ("elsewhere", 3, "inconclusive")],
)
def test_the_action_ends_as_the_gate(action, runs, tmp_path, candidate, code, outcome):
    done, told = action(
        baseline=runs / "good",
        candidate=runs / candidate,
        rules=runs / "gate.toml",
        output="the files",
    )
    assert (done.returncode, told) == (code, outcome), done.stderr
    assert json.loads((tmp_path / "the files" / "gate.json").read_text())["outcome"] == outcome
    assert (tmp_path / "pip").read_text().splitlines()[-2:] == ["--", str(ROOT)]


def test_the_action_installs_what_it_is_told_and_may_pass_what_cannot_be_told(
    action, runs, tmp_path
):
    given = {
        "baseline": runs / "good",
        "candidate": runs / "elsewhere",
        "rules": runs / "gate.toml",
    }
    done, told = action(**given, allow_inconclusive="true", package="detbench==0.1.0")
    assert (done.returncode, told) == (0, "inconclusive"), done.stderr
    assert (tmp_path / "pip").read_text().splitlines()[-1] == "detbench==0.1.0"


def test_the_action_takes_the_baseline_of_a_history_from_the_branch_that_it_is_told(action, runs):
    history = runs / "history.jsonl"
    add(
        history,
        entry_of(
            read_run(runs / "good"), history, commit="c1", branch="release 2", verdict="passed"
        ),
    )
    given = {
        "baseline": f"history:{history}",
        "candidate": runs / "bad",
        "rules": runs / "gate.toml",
    }
    done, told = action(**given)
    assert (done.returncode, told) == (2, "error"), done.stderr
    assert "main" in done.stderr
    done, told = action(**given, branch="release 2")
    assert (done.returncode, told) == (1, "failed"), done.stderr


def test_the_action_draws_groups_together(action, runs, tmp_path):
    groups = tmp_path / "the groups.csv"
    given = {
        "baseline": runs / "good",
        "candidate": runs / "bad",
        "rules": runs / "gate.toml",
        "groups": groups,
    }
    ids = read_run(runs / "good").ground_truth.image_ids
    groups.write_text(
        "image,group\n" + "".join(f"{image},{number % 2}\n" for number, image in enumerate(ids))
    )
    (alone, _), (together, _) = action(**(given | {"groups": ""})), action(**given)
    assert (alone.returncode, together.returncode) == (1, 3), together.stderr
    groups.write_text("image,group\n")
    done, told = action(**given)
    assert (done.returncode, told) == (2, "error")
    assert "the groups.csv: lacks 60 of 60 images" in done.stderr


def test_the_action_says_that_a_python_is_too_old(action, runs, tmp_path):
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.11.3" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done, told = action(baseline=runs / "good", candidate=runs / "good", python=old)
    assert (done.returncode, told) == (2, "error")
    assert f"detbench needs Python 3.11.4 or newer, and {old} is Python 3.11.3" in done.stderr


def test_the_action_brings_a_python_that_the_package_allows():
    step = STEPS["python"]
    assert step["uses"].startswith("actions/setup-python@")
    least = re.search(
        r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )[1]
    assert (
        tuple(map(int, step["with"]["python-version"].split(".")))
        > tuple(map(int, least.split(".")))[:2]
    )
    assert str(tuple(map(int, least.split(".")))) in STEPS["install"]["run"]


def test_shellcheck_has_nothing_to_say():
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
