"""Naming: the measures a rule can be about, each with one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import PROTOCOLS, Protocol

Kind = Literal["accuracy", "latency", "throughput", "memory", "model_size"]
EVERY_CLASS = "*"
AREA = "mAP.area"
_SUMMARY = re.compile(r"mAP(\.area)?|AP(50|75|s|m|l)?|AR(\d+|s|m|l)?")
_CLASS = re.compile(r"(?P<base>AP(50|75|s|m|l)?|AR(\d+|s|m|l)?)\[(?P<name>.+)\]", re.DOTALL)
_PERCENTILE = re.compile(r"latency\.p(?P<q>50|90|95|99)_ms")
ALLOWED = (
    "mAP, mAP.area, AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl, AP[CLASS] and its like or AP[*] for every class, "
    "latency.p50_ms, latency.p90_ms, latency.p95_ms, latency.p99_ms, throughput_per_s, memory, model_size"
)


@dataclass(frozen=True)
class MeasureName:
    """What a rule is about."""

    text: str
    kind: Kind
    base: str = ""
    """Of accuracy: the summary's measure; `AP` of a class is the protocol's headline measure."""
    class_name: str | None = None
    """`*` stands for every class."""
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


def measure_name(text: str) -> MeasureName | None:
    """Return what a spelling means, or None where it means nothing."""
    if _SUMMARY.fullmatch(text):
        return MeasureName(text, "accuracy", base=text)
    if found := _CLASS.fullmatch(text):
        return MeasureName(text, "accuracy", base=found["base"], class_name=found["name"])
    if found := _PERCENTILE.fullmatch(text):
        return MeasureName(text, "latency", percentile=float(found["q"]))
    kinds: dict[str, Kind] = {
        "throughput_per_s": "throughput",
        "memory": "memory",
        "model_size": "model_size",
    }
    return MeasureName(text, kinds[text]) if text in kinds else None


def check_known(
    measure: MeasureName, truths: Iterable[GroundTruth], protocols: Sequence[Protocol]
) -> None:
    """Refuse a measure of accuracy that a run of these cannot have, because its class or its name is mistyped.

    Raises:
        DetbenchError: neither ground truth has the class, or neither these protocols nor the published ones have the measure.
    """
    classes = list(dict.fromkeys(name for truth in truths for name in truth.class_names))
    if measure.class_name not in {None, EVERY_CLASS, *classes}:
        raise _unknown(measure.text, "class", str(measure.class_name), classes)
    if measure.base == AREA or (measure.base == "AP" and measure.class_name is not None):
        return
    ours = list(dict.fromkeys(each.name for protocol in protocols for each in protocol.measures))
    published = {each.name for protocol in PROTOCOLS.values() for each in protocol.measures}
    if measure.base not in {*ours, *published}:
        raise _unknown(measure.text, "measure", measure.base, ours)


def _unknown(rule: str, what: str, name: str, known: Sequence[str]) -> DetbenchError:
    near = get_close_matches(name, known, 1)
    plural = {"class": "classes", "measure": "measures"}[what]
    hint = f"did you mean {near[0]!r}? The" if near else "the"
    return DetbenchError(
        f"the rule on {rule} cannot be asked: there is no {what} {name!r}; {hint} {plural} are {', '.join(known) or 'none'}"
    )
