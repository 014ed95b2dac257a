"""Rules: the keys of a file, and the errors for malformed ones."""

import re

import pytest

from detbench.bench.gate.rules import default_rules, default_text, parse_rules, read_rules
from detbench.errors import InputError
from tests.bench.gate.simulated_runs import RULES_FILE, rule_of

EVERY_KEY = """
measure = "latency.p99_ms"
minimum_effect = "7.5%"
confidence = 0.95
non_inferiority = true
stage = "infer"
batch = 8
scenario = "multi_stream"
drift = 0
direction = "lower_is_better"
"""


def test_a_rule_with_every_key():
    rule = rule_of(EVERY_KEY)
    assert (rule.measure.kind, rule.measure.percentile) == ("latency", 99)
    assert (rule.relative, rule.minimum_effect) == (True, pytest.approx(0.075))
    assert (rule.confidence, rule.non_inferiority) == (0.95, True)
    assert (rule.stage, rule.batch, rule.scenario, rule.drift) == ("infer", 8, "multi_stream", 0)
    assert rule.text == "latency.p99_ms infer, batch 8, multi_stream"
    assert rule.min_loss(4.0) == pytest.approx(0.3)


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
    rule = rule_of(f"measure = '{measure}'\nminimum_effect = 0.01")
    assert (rule.measure.kind, rule.measure.base) == (kind, base)
    assert (rule.measure.class_name, rule.higher_is_better) == (class_name, higher)
    assert rule.min_loss(123.0) == 0.01


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'measure = "mAP50"\nminimum_effect = 1',
            "rule 1 (mAP50): unknown measure 'mAP50'; the measures are mAP, mAP.area, AP, AP50",
        ),
        ("minimum_effect = 0.01", "rule 1: has no measure; the measures are mAP"),
        ("measure = 3\nminimum_effect = 0.01", "rule 1: measure is 3; write the name of a measure"),
        (
            'measure = "AP"',
            "rule 1 (AP): has no minimum_effect; write a number above 0 in the unit of the measure",
        ),
        ('measure = "AP"\nminimum_effect = 0', "minimum_effect is 0; write a number above 0"),
        ('measure = "AP"\nminimum_effect = "3"', "minimum_effect is '3'"),
        ('measure = "AP"\nminimum_effect = "-3%"', "minimum_effect is '-3%'"),
        ('measure = "AP"\nminimum_effect = nan', "minimum_effect is nan"),
        ('measure = "AP"\nminimum_effect = true', "minimum_effect is True"),
        (
            'measure = "AP"\nminimum_effect = 1.5',
            "minimum_effect 1.5 is not below 1; accuracy is between 0 and 1: write 0.01 for one",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\nconfidence = 95',
            "confidence is 95.0; write a number between 0.5 and 1",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\nnon_inferiority = 1',
            "non_inferiority is 1; write true or false",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\ndirection = "up"',
            "direction is 'up'; write one of higher_is_better, lower_is_better",
        ),
        (
            'measure = "AP"\nminimum_effect = 0.01\nstage = "infer"',
            "unknown key 'stage'; the keys are measure, minimum_effect",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\nstage = "inference"',
            "stage is 'inference'; write one of preprocess, host_to_device, infer",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\nbatch = true',
            "batch is True; write a whole number of at least 1",
        ),
        (
            'measure = "memory"\nminimum_effect = 1\ndrift = -1',
            "drift is -1.0; write a share of at least 0",
        ),
    ],
)
def test_a_malformed_rule_is_named_with_what_is_allowed(text, problem):
    with pytest.raises(InputError, match=re.escape(problem)) as error:
        rule_of(text)
    assert str(error.value).startswith("gate.toml, rule 1")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "gate.toml: has no rules; write [[rule]] tables"),
        ("rule = 3", "has no rules"),
        ("[rule]\nmeasure = 'AP'", "has no rules"),
        ("[[rules]]\nmeasure = 'AP'", "has the unknown key 'rules'"),
        ("measure == 3", "is not valid TOML: "),
        ("schema_version = 99", "gate.toml: has schema version 99, but this detbench reads"),
    ],
)
def test_a_malformed_file(text, problem):
    with pytest.raises(InputError, match=re.escape(problem)):
        parse_rules(text, RULES_FILE)


def test_errors_name_the_number_of_the_rule(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text(
        '[[rule]]\nmeasure = "AP"\nminimum_effect = 0.01\n'
        '[[rule]]\nmeasure = "speed"\nminimum_effect = 1\n'
    )
    problem = "gate.toml, rule 2 (speed): unknown measure 'speed'"
    with pytest.raises(InputError, match=re.escape(problem)):
        read_rules(file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_file(tmp_path, content):
    file = tmp_path / "gate.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_rules(file)


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012", "coco"])
def test_the_default_rules_allow_at_most_one_false_alarm_in_a_hundred(protocol):
    rules = default_rules()
    assert parse_rules(default_text(), RULES_FILE) == rules
    coco_only, voc_only = {"AP"}, {"mAP", "mAP.area"}
    others = voc_only if protocol == "coco" else coco_only
    applied = [rule for rule in rules if rule.measure.text not in others]
    assert len(applied) == len(rules) - len(others)
    assert sum(1 - rule.confidence for rule in applied) <= 0.01 + 1e-12
