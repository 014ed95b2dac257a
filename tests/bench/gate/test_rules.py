"""Rules: what a file may say, and what is said of one that says something else."""

from pathlib import Path

import pytest

from detbench.bench.gate.rules import default_rules, default_text, parsed_rules, read_rules
from detbench.errors import InputError

FILE = Path("gate.toml")


def one(text):
    (rule,) = parsed_rules(f"[[rule]]\n{text}", FILE)
    return rule


def test_a_rule_with_every_key():
    rule = one(
        'measure = "latency.p99_ms"\nminimum_effect = "7.5%"\nconfidence = 0.95\nprove = true\nstage = "infer"\nbatch = 8\n'
        'scenario = "multi_stream"\ndrift = 0\ndirection = "lower_is_better"'
    )
    assert (rule.measure.kind, rule.measure.percentile, rule.relative, rule.minimum_effect) == (
        "latency",
        99,
        True,
        pytest.approx(0.075),
    )
    assert (rule.confidence, rule.prove, rule.stage, rule.batch, rule.scenario, rule.drift) == (
        0.95,
        True,
        "infer",
        8,
        "multi_stream",
        0,
    )
    assert rule.text == "latency.p99_ms infer, batch 8, multi_stream"
    assert rule.least(4.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("measure", "kind", "base", "class_name", "higher"),
    [
        ("mAP", "accuracy", "mAP", None, True),
        ("APs", "accuracy", "APs", None, True),
        ("AR300", "accuracy", "AR300", None, True),
        ("AP50[traffic light]", "accuracy", "AP50", "traffic light", True),
        ("AP[*]", "accuracy", "AP", "*", True),
        ("AP[a]b]", "accuracy", "AP", "a]b", True),
        ("throughput_per_s", "throughput", "", None, True),
        ("memory", "memory", "", None, False),
        ("model_size", "model_size", "", None, False),
    ],
)
def test_measures(measure, kind, base, class_name, higher):
    rule = one(f"measure = '{measure}'\nminimum_effect = 0.01")
    assert (
        rule.measure.kind,
        rule.measure.base,
        rule.measure.class_name,
        rule.higher_is_better,
    ) == (kind, base, class_name, higher)
    assert rule.least(123.0) == 0.01


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'measure = "mAP50"\nminimum_effect = 1',
            "rule 1 (mAP50): there is no measure 'mAP50'; allowed are mAP, mAP.area, AP, AP50",
        ),
        ("minimum_effect = 0.01", "rule 1: lacks measure; allowed are mAP"),
        ("measure = 3\nminimum_effect = 0.01", "rule 1: measure is 3; give the name of a measure"),
        (
            'measure = "AP"',
            "rule 1 (AP): lacks minimum_effect; give a number above 0 in the unit of the measure",
        ),
        ('measure = "AP"\nminimum_effect = 0', "minimum_effect is 0; give a number above 0"),
        ('measure = "AP"\nminimum_effect = "3"', "minimum_effect is '3'"),
        ('measure = "AP"\nminimum_effect = "-3%"', "minimum_effect is '-3%'"),
        ('measure = "AP"\nminimum_effect = nan', "minimum_effect is nan"),
        ('measure = "AP"\nminimum_effect = true', "minimum_effect is True"),
        (
            'measure = "AP"\nminimum_effect = 1.5',
            "minimum_effect 1.5 is more than there is; accuracy lies in 0..1, and a point is 0.01",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\nconfidence = 95',
            "confidence is 95.0; give a number between 0.5 and 1",
        ),
        ('measure = "AP"\nminimum_effect = 0.01\nprove = 1', "prove is 1; give true or false"),
        (
            'measure = "AP"\nminimum_effect = 0.01\ndirection = "up"',
            "direction is 'up'; give one of higher_is_better, lower_is_better",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\nstage = "infer"',
            "has the unknown key 'stage'; allowed here are measure, minimum_effect",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\nstage = "inference"',
            "stage is 'inference'; give one of preprocess, host_to_device, infer",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\nbatch = true',
            "batch is True; give a whole number from 1",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\ndrift = -1',
            "drift is -1.0; give a share from 0",
        ),
    ],
)
def test_a_malformed_rule_is_named_with_what_is_allowed(text, problem):
    with pytest.raises(InputError) as found:
        one(text)
    assert str(found.value).startswith("gate.toml, rule 1")
    assert problem in str(found.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "gate.toml: has no rules; write each as a table [[rule]]"),
        ("rule = 3", "has no rules"),
        ("[rule]\nmeasure = 'AP'", "has no rules"),
        ("[[rules]]\nmeasure = 'AP'", "has the unknown key 'rules'"),
        ("measure == 3", "is not TOML: "),
    ],
)
def test_a_malformed_file(text, problem):
    with pytest.raises(InputError, match=problem.replace("[", r"\[").replace("]", r"\]")):
        parsed_rules(text, FILE)


def test_the_second_rule_is_the_second(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text(
        '[[rule]]\nmeasure = "AP"\nminimum_effect = 0.01\n[[rule]]\nmeasure = "speed"\nminimum_effect = 1\n'
    )
    with pytest.raises(
        InputError, match=r"gate\.toml, rule 2 \(speed\): there is no measure 'speed'"
    ):
        read_rules(file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read(tmp_path, content):
    file = tmp_path / "gate.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_rules(file)


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012", "coco"])
def test_the_default_rules_leave_false_alarms_at_most_one_in_a_hundred(protocol):
    rules = default_rules()
    assert parsed_rules(default_text(), FILE) == rules
    of_other_protocols = {"voc2007": {"AP"}, "voc2012": {"AP"}, "coco": {"mAP", "mAP.area"}}[
        protocol
    ]
    applied = [rule for rule in rules if rule.measure.text not in of_other_protocols]
    assert len(applied) == len(rules) - len(of_other_protocols)
    assert sum(1 - rule.confidence for rule in applied) <= 0.01 + 1e-12
