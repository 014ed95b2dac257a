"""Gate rules: which measures must not get worse, by how much, and how significantly.

They are read from TOML. Unknown keys and impossible values are errors.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from detbench.bench.gate.measures import CHOICES, MeasureName, parse_measure
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.latency.stages import STAGES
from detbench.bench.schema_upgrades import upgraded_rules
from detbench.errors import InputError

DEFAULT_RULES = "default.toml"
_PERCENT = re.compile(r"\s*(?P<number>\d+(\.\d+)?)\s*%\s*")
_DIRECTIONS = {"higher_is_better": True, "lower_is_better": False}
_DEFAULT_CONFIDENCE, _DEFAULT_DRIFT = 0.99, 0.15
_KEYS = ("measure", "minimum_effect", "direction", "confidence", "non_inferiority")
_TIMING_KEYS = ("stage", "batch", "scenario", "drift")
_REQUIRED = object()


@dataclass(frozen=True)
class Rule:
    """A measure that must not get worse."""

    measure: MeasureName
    higher_is_better: bool
    minimum_effect: float
    """The smallest loss that fails: in the measure's unit, or a share of the baseline's value."""
    relative: bool
    """Whether `minimum_effect` is a share of the baseline's value."""
    confidence: float
    """Of each end of the interval, .5..1. For every class: of all classes together."""
    non_inferiority: bool
    """Whether the rule passes only if a loss of the minimum effect is ruled out."""
    stage: str = ""
    batch: int = 1
    """Images per batch."""
    scenario: str = ""
    drift: float = 0.0
    """By which share two timings of one model may differ if they were not interleaved."""

    @property
    def text(self) -> str:
        """What people call it: the measure, and for timings the stage, batch size and scenario."""
        if not self.measure.timed:
            return self.measure.text
        return f"{self.measure.text} {self.stage}, batch {self.batch}, {self.scenario}"

    def min_loss(self, baseline: float) -> float:
        """Return the smallest loss that fails, in the measure's unit."""
        return self.minimum_effect * abs(baseline) if self.relative else self.minimum_effect


def default_rules() -> tuple[Rule, ...]:
    """Return the packaged rules."""
    return parse_rules(default_text(), Path(DEFAULT_RULES))


def default_text() -> str:
    """Return the packaged rules as TOML, as a start for other rules."""
    return files("detbench.bench.gate").joinpath(DEFAULT_RULES).read_text(encoding="utf-8")


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read rules from a TOML file.

    Raises:
        InputError: The file cannot be read, or a rule is malformed. The message has its number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a TOML file of rules"
        raise InputError(path, f"cannot be read: {error}", fix=fix) from error
    return parse_rules(text, path)


def parse_rules(text: str, path: Path) -> tuple[Rule, ...]:
    """Return the rules of a TOML text; errors name `path`."""
    try:
        document = upgraded_rules(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        raise InputError(path, f"is not valid TOML: {error}") from error
    if unknown := sorted(set(document) - {"rule"}):
        problem = f"has the unknown key {unknown[0]!r}"
        raise InputError(path, problem, fix="write nothing but schema_version and [[rule]] tables")
    tables = document.get("rule")
    if not isinstance(tables, list) or not _are_tables(tables):
        fix = 'write [[rule]] tables, each with measure = "..." and minimum_effect = ...'
        raise InputError(path, "has no rules", fix=fix)
    return tuple(_RuleReader(path, number, table).rule() for number, table in enumerate(tables, 1))


def _are_tables(tables: list[Any]) -> bool:
    return bool(tables) and all(isinstance(table, dict) for table in tables)


class _RuleReader:
    """Reads one table. Each error names the rule and what is allowed."""

    def __init__(self, path: Path, number: int, table: dict[str, Any]) -> None:
        self._path, self._table = path, dict(table)
        self._where = f"rule {number}"
        if isinstance(table.get("measure"), str):
            self._where += f" ({table['measure']})"

    def rule(self) -> Rule:
        """Return the rule of the table."""
        measure = self._measure()
        minimum_effect, relative = self._minimum_effect(measure)
        direction = self._direction()
        rule = Rule(
            measure=measure,
            higher_is_better=_DIRECTIONS.get(direction, measure.higher_is_better),
            minimum_effect=minimum_effect,
            relative=relative,
            confidence=self._number(
                "confidence",
                _DEFAULT_CONFIDENCE,
                lambda value: 0.5 < value < 1,
                "a number between 0.5 and 1",
            ),
            non_inferiority=self._take(
                "non_inferiority", False, bool, lambda _: True, "true or false"
            ),
            **(self._timing() if measure.timed else {}),
        )
        if unknown := sorted(self._table):
            keys = [*_KEYS, *(_TIMING_KEYS if measure.timed else ())]
            raise self._error(f"unknown key {unknown[0]!r}", f"the keys are {', '.join(keys)}")
        return rule

    def _measure(self) -> MeasureName:
        text = self._take("measure", _REQUIRED, str, lambda _: True, "the name of a measure")
        measure = parse_measure(text)
        if measure is None:
            raise self._error(f"unknown measure {text!r}", f"the measures are {CHOICES}")
        return measure

    def _minimum_effect(self, measure: MeasureName) -> tuple[float, bool]:
        """Return the minimum effect and whether it is a share of the baseline."""
        allowed = (
            "a number above 0 in the unit of the measure (0.01 is one point of accuracy),"
            ' or a share of the baseline such as "3%"'
        )
        value = self._table.pop("minimum_effect", None)
        if value is None:
            raise self._error("has no minimum_effect", f"write {allowed}")
        percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
        if percent and float(percent["number"]) > 0:
            return float(percent["number"]) / 100, True
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise self._error(f"minimum_effect is {value!r}", f"write {allowed}")
        if measure.kind == "accuracy" and value >= 1:
            problem = f"minimum_effect {value:g} is not below 1"
            raise self._error(problem, "accuracy is between 0 and 1: write 0.01 for one point")
        return float(value), False

    def _direction(self) -> str:
        choices = f"one of {', '.join(_DIRECTIONS)}"
        return str(
            self._take("direction", "", str, lambda value: value in {"", *_DIRECTIONS}, choices)
        )

    def _timing(self) -> dict[str, Any]:
        return {
            "stage": self._choice("stage", "end_to_end", STAGES),
            "batch": self._take(
                "batch", 1, int, lambda value: value >= 1, "a whole number of at least 1"
            ),
            "scenario": self._choice("scenario", "single_stream", tuple(SCENARIOS)),
            "drift": self._number(
                "drift",
                _DEFAULT_DRIFT,
                lambda value: 0 <= value < math.inf,
                "a share of at least 0, such as 0.15",
            ),
        }

    def _choice(self, key: str, default: str, choices: tuple[str, ...]) -> Any:
        is_allowed = choices.__contains__
        return self._take(key, default, str, is_allowed, f"one of {', '.join(choices)}")

    def _number(
        self, key: str, default: float, is_allowed: Callable[[Any], bool], allowed: str
    ) -> Any:
        value = self._table.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            self._table[key] = float(value)
        return self._take(key, default, float, is_allowed, allowed)

    def _take(
        self, key: str, default: Any, kind: type, is_allowed: Callable[[Any], bool], allowed: str
    ) -> Any:
        """Remove a key from the table and return its value, checked."""
        value = self._table.pop(key, default)
        if value is _REQUIRED:
            raise self._error(f"has no {key}", f"the measures are {CHOICES}")
        if type(value) is not kind or not is_allowed(value):
            raise self._error(f"{key} is {value!r}", f"write {allowed}")
        return value

    def _error(self, problem: str, fix: str) -> InputError:
        return InputError(self._path, problem, where=self._where, fix=fix)
