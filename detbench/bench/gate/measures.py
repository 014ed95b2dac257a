"""Gate measures: everything that a rule can be about, each with one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.table import PROTOCOLS

Kind = Literal["accuracy", "latency", "throughput", "memory", "model_size"]
EVERY_CLASS = "*"
AREA = "mAP.area"
_SUMMARY = re.compile(r"mAP(\.area)?|AP(50|75|s|m|l)?|AR(\d+|s|m|l)?")
_CLASS = re.compile(r"(?P<base>AP(50|75|s|m|l)?|AR(\d+|s|m|l)?)\[(?P<name>.+)\]", re.DOTALL)
_PERCENTILE = re.compile(r"latency\.p(?P<q>50|90|95|99)_ms")
_OTHER_KINDS: dict[str, Kind] = {
    "throughput_per_s": "throughput",
    "memory": "memory",
    "model_size": "model_size",
}
CHOICES = (
    "mAP, mAP.area, AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl,"
    " AP[CLASS] and the like, AP[*] for every class, latency.p50_ms, latency.p90_ms,"
    " latency.p95_ms, latency.p99_ms, throughput_per_s, memory, model_size"
)


@dataclass(frozen=True)
class MeasureName:
    """What a rule is about."""

    text: str
    kind: Kind
    base: str = ""
    """Of accuracy: the summary's measure. `AP` of a class is the protocol's headline measure."""
    class_name: str | None = None
    """`*` for every class, None for the overall value."""
    percentile: float = 0.0
    """Of latency, 0..100."""

    @property
    def higher_is_better(self) -> bool:
        """Which direction is good."""
        return self.kind in {"accuracy", "throughput"}

    @property
    def timed(self) -> bool:
        """Whether it comes from timing a model."""
        return self.kind in {"latency", "throughput", "memory"}


def parse_measure(text: str) -> MeasureName | None:
    """Return the measure of this name, None if there is none."""
    if _SUMMARY.fullmatch(text):
        return MeasureName(text, "accuracy", base=text)
    if match := _CLASS.fullmatch(text):
        return MeasureName(text, "accuracy", base=match["base"], class_name=match["name"])
    if match := _PERCENTILE.fullmatch(text):
        return MeasureName(text, "latency", percentile=float(match["q"]))
    kind = _OTHER_KINDS.get(text)
    return MeasureName(text, kind) if kind else None


def check_measure(
    measure: MeasureName, ground_truths: Iterable[GroundTruth], protocols: Sequence[Protocol]
) -> None:
    """Refuse a measure of accuracy that no run of these can have, since a name in it is mistyped.

    Raises:
        DetbenchError: No ground truth has the class, or neither these protocols nor the published
            ones have the measure.
    """
    class_names = list(
        dict.fromkeys(name for ground_truth in ground_truths for name in ground_truth.class_names)
    )
    if measure.class_name not in {None, EVERY_CLASS, *class_names}:
        raise _unknown(measure.text, "class", str(measure.class_name), class_names)
    if measure.base == AREA or (measure.base == "AP" and measure.class_name is not None):
        return
    own = list(dict.fromkeys(one.name for protocol in protocols for one in protocol.measures))
    published = {one.name for protocol in PROTOCOLS.values() for one in protocol.measures}
    if measure.base not in {*own, *published}:
        raise _unknown(measure.text, "measure", measure.base, own)


def _unknown(rule: str, noun: str, name: str, choices: Sequence[str]) -> DetbenchError:
    plural = {"class": "classes", "measure": "measures"}[noun]
    similar = get_close_matches(name, choices, 1)
    hint = f"did you mean {similar[0]!r}? The" if similar else "the"
    return DetbenchError(
        f"the rule on {rule} names the unknown {noun} {name!r};"
        f" {hint} {plural} are {', '.join(choices) or 'none'}"
    )
