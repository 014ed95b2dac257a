"""Two runs of which the second lost, with a class name that would break formats; their verdicts."""

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules
from tests.bench.gate.simulated_runs import random_images, rule_of, run_of

NASTY = "a|b`<img src=x>\n@team\x07 100%, [x]: * ##[error]"


def two_runs():
    ground_truth = random_images(150, ("cat", NASTY, "cow"))
    return run_of(ground_truth, 0.95), run_of(ground_truth, 0.3)


def verdicts_on(runs):
    """Return verdicts of every outcome."""
    rules = [
        *default_rules(),
        rule_of('measure = "APs[cat]"\nminimum_effect = 0.1'),
        rule_of('measure = "model_size"\nminimum_effect = 1'),
    ]
    return gate(*runs, rules, sizes=(1, None), resamples=100)
