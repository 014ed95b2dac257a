"""Rules: what must not get worse, by how much, and how sure that must be; read from TOML and checked strictly."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from detbench.bench.gate.naming import ALLOWED, MeasureName, measure_name
from detbench.bench.latency.scenario import SCENARIOS
from detbench.bench.latency.stages import STAGES
from detbench.errors import InputError

DEFAULT_RULES = "default.toml"
_PERCENT = re.compile(r"\s*(?P<number>\d+(\.\d+)?)\s*%\s*")
_DIRECTIONS = {"higher_is_better": True, "lower_is_better": False}
_DEFAULT_CONFIDENCE, _DEFAULT_DRIFT = 0.99, 0.15
_ABSENT = object()


@dataclass(frozen=True)
class Rule:
    """A measure that must not get worse."""

    measure: MeasureName
    higher_is_better: bool
    minimum_effect: float
    """What is worth stopping for: in the measure's own unit, or a share of the baseline's value."""
    relative: bool
    """Whether `minimum_effect` is a share of the baseline's value."""
    confidence: float
    """That a loss is one, .5..1; for every class, that all losses that are called are."""
    prove: bool
    """Whether to pass takes proof that nothing as large as the minimum effect was lost."""
    stage: str = ""
    batch: int = 1
    scenario: str = ""
    drift: float = 0.0
    """By which share two timings of one model may differ if they were not taken in turns."""

    @property
    def text(self) -> str:
        """What people call it: the measure, and for timings where it was taken."""
        if not self.measure.timed:
            return self.measure.text
        return f"{self.measure.text} {self.stage}, batch {self.batch}, {self.scenario}"

    def least(self, baseline: float) -> float:
        """Return the smallest loss that can fail, in the measure's unit."""
        return self.minimum_effect * abs(baseline) if self.relative else self.minimum_effect


def default_rules() -> tuple[Rule, ...]:
    """Return the packaged rules."""
    return parsed_rules(default_text(), Path(DEFAULT_RULES))


def default_text() -> str:
    """Return the packaged rules as TOML, to start one's own from."""
    return files("detbench.bench.gate").joinpath(DEFAULT_RULES).read_text(encoding="utf-8")


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read rules from a TOML file.

    Raises:
        InputError: the file cannot be read, or a rule is malformed: which one, what is wrong with it, and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            path, f"cannot be read: {error}", fix="give a TOML file of rules"
        ) from error
    return parsed_rules(text, path)


def parsed_rules(text: str, path: Path) -> tuple[Rule, ...]:
    """Return the rules of a TOML text; `path` is what errors name."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(path, f"is not TOML: {error}") from error
    if unknown := sorted(set(document) - {"rule"}):
        raise InputError(
            path,
            f"has the unknown key {unknown[0]!r}",
            fix="a file of rules has tables [[rule]] and nothing else",
        )
    tables = document.get("rule")
    if (
        not isinstance(tables, list)
        or not tables
        or not all(isinstance(table, dict) for table in tables)
    ):
        raise InputError(
            path,
            "has no rules",
            fix='write each as a table [[rule]] with at least measure = "..." and minimum_effect = ...',
        )
    return tuple(_Reader(path, number, table).rule() for number, table in enumerate(tables, 1))


class _Reader:
    """Reads one table, and says of every fault where it is and what is allowed."""

    def __init__(self, path: Path, number: int, table: dict[str, Any]) -> None:
        self._path, self._table = path, table
        self._where = f"rule {number}" + (
            f" ({table['measure']})" if isinstance(table.get("measure"), str) else ""
        )

    def rule(self) -> Rule:
        measure = self._measure()
        minimum, relative = self._minimum_effect()
        if not relative and measure.kind == "accuracy" and minimum >= 1:
            raise self._error(
                f"minimum_effect {minimum:g} is more than there is",
                "accuracy lies in 0..1, and a point is 0.01",
            )
        direction = self._take(
            "direction",
            "",
            str,
            lambda value: value in {"", *_DIRECTIONS},
            f"one of {', '.join(_DIRECTIONS)}",
        )
        confidence = self._take(
            "confidence",
            _DEFAULT_CONFIDENCE,
            float,
            lambda value: 0.5 < value < 1,
            "a number between 0.5 and 1",
        )
        prove = self._take("prove", False, bool, lambda _: True, "true or false")
        timing = self._timing() if measure.timed else {}
        if unknown := sorted(self._table):
            keys = "measure, minimum_effect, direction, confidence, prove" + (
                ", stage, batch, scenario, drift" if measure.timed else ""
            )
            raise self._error(f"has the unknown key {unknown[0]!r}", f"allowed here are {keys}")
        higher = _DIRECTIONS.get(direction, measure.higher_is_better)
        return Rule(measure, higher, minimum, relative, confidence, prove, **timing)

    def _measure(self) -> MeasureName:
        text = self._take("measure", _ABSENT, str, lambda _: True, "the name of a measure")
        found = measure_name(text)
        if found is None:
            raise self._error(f"there is no measure {text!r}", f"allowed are {ALLOWED}")
        return found

    def _minimum_effect(self) -> tuple[float, bool]:
        allowed = 'a number above 0 in the unit of the measure (0.01 is one point), or a share of the baseline such as "3%"'
        value = self._table.pop("minimum_effect", None)
        if (
            isinstance(value, str)
            and (found := _PERCENT.fullmatch(value))
            and float(found["number"]) > 0
        ):
            return float(found["number"]) / 100, True
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value), False
        raise self._error(
            "lacks minimum_effect" if value is None else f"minimum_effect is {value!r}",
            f"give {allowed}",
        )

    def _timing(self) -> dict[str, Any]:
        return {
            "stage": self._take(
                "stage",
                "end_to_end",
                str,
                lambda value: value in STAGES,
                f"one of {', '.join(STAGES)}",
            ),
            "batch": self._take("batch", 1, int, lambda value: value >= 1, "a whole number from 1"),
            "scenario": self._take(
                "scenario",
                "single_stream",
                str,
                lambda value: value in SCENARIOS,
                f"one of {', '.join(SCENARIOS)}",
            ),
            "drift": self._take(
                "drift",
                _DEFAULT_DRIFT,
                float,
                lambda value: 0 <= value < math.inf,
                "a share from 0, such as 0.15",
            ),
        }

    def _take(
        self, key: str, default: Any, kind: type, fits: Callable[[Any], bool], allowed: str
    ) -> Any:
        value = self._table.pop(key, default)
        if value is _ABSENT:
            raise self._error(f"lacks {key}", f"allowed are {ALLOWED}")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind or not fits(value):
            raise self._error(f"{key} is {value!r}", f"give {allowed}")
        return value

    def _error(self, problem: str, fix: str) -> InputError:
        return InputError(self._path, problem, where=self._where, fix=fix)
