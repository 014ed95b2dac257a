"""The parts of a run's record that reports, gates and histories read, with their types.

A record also has parts that are only shown or kept; these may be anything. Absent parts are those
of older versions, or of runs without intervals, times or a model.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

_Ends = tuple[float | None, float | None]
"""Low and high; null without an interval."""


class Intervals(msgspec.Struct):
    """Confidence intervals of measures and of the AP of each class."""

    summary: dict[str, _Ends] = {}
    classes: dict[str, _Ends] = {}


class Suspicion(msgspec.Struct):
    """A suspicion about the input."""

    evidence: str
    fix: str


class Evaluation(msgspec.Struct):
    """One evaluation."""

    intervals: Intervals | None = None
    suspicions: list[Suspicion] | None = None


class Passed(msgspec.Struct):
    """Options as typed."""

    detectors: list[Any] = []


class Effective(msgspec.Struct):
    """Options as used; `Run.protocol` checks the protocol."""

    model: dict[str, Any] | None = None


class Options(msgspec.Struct):
    """The options of a run."""

    passed: Passed | None = None
    effective: Effective | None = None


class Gpu(msgspec.Struct):
    """A GPU."""

    name: str | None = None
    driver: str | None = None


class Environment(msgspec.Struct):
    """The machine and its software."""

    git_commit: str | None = None
    cpu: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    gpus: list[Gpu] = []
    libraries: dict[str, str | None] = {}


class RunRecord(msgspec.Struct):
    """A record."""

    name: str
    digests: dict[str, str | None]
    evaluations: Annotated[list[Evaluation], msgspec.Meta(min_length=1)]
    model: str | None = None
    options: Options | None = None
    sources: dict[str, Any] | None = None
    environment: Environment | None = None
    latency: list[dict[str, Any]] | None = None
