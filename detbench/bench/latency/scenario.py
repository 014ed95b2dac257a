"""Scenarios: how requests come, named as in MLPerf Inference, and which number each of them is quoted by.

MLPerf's load generator sends the next query when the last one is answered (SingleStream, MultiStream) or all at once (Offline):
https://github.com/mlcommons/inference_policies, section 3. Here the same, with queries of whole batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from detbench.bench.latency.stopping import StoppingRule
from detbench.errors import DetbenchError

Name = Literal["single_stream", "multi_stream", "offline"]


@dataclass(frozen=True)
class Scenario:
    """What one sample is the time of."""

    name: Name
    percentile: float | None
    """By which percentile (0..100) the scenario is quoted; None for throughput."""
    pictures_per_query: int | None
    """None for one batch."""
    batches_per_query: int = 1
    """Where `pictures_per_query` does not say."""

    def requests(self, batch: int) -> int:
        """Return how many batches one query has; raises DetbenchError where its pictures are not whole batches."""
        if self.pictures_per_query is None:
            return self.batches_per_query
        if self.pictures_per_query % batch:
            raise DetbenchError(
                f"{self.name} asks for {self.pictures_per_query} pictures at a time, which are no whole batches of {batch}; "
                "change --batch or --query-pictures"
            )
        return self.pictures_per_query // batch

    def rule(self, min_s: float, max_s: float) -> StoppingRule:
        """Return when enough is measured: when the intervals of the median and of the percentile that is quoted are narrow."""
        percentiles = (50.0,) if self.percentile is None else (50.0, self.percentile)
        return StoppingRule(
            percentiles=percentiles, min_s=min_s, max_s=max_s, min_samples=FEWEST_SAMPLES
        )


SINGLE_STREAM = Scenario("single_stream", 90.0, None)
"""One query is one batch; the next one comes when it is answered. Quoted by p90."""
MULTI_STREAM = Scenario("multi_stream", 99.0, 8)
"""One query is N pictures, cut into batches that are all sent before the answer is waited for. Quoted by p99."""
OFFLINE = Scenario("offline", None, None, 4)
"""Everything is there from the start: batches are sent four at a time with one wait behind them. Quoted by pictures per second."""
SCENARIOS = {scenario.name: scenario for scenario in (SINGLE_STREAM, MULTI_STREAM, OFFLINE)}
FEWEST_SAMPLES = 500
"""From as many on, intervals were shown to hold what they say (docs/latency.md); fewer are taken only where the time is over."""


def scenario_named(name: str, query_pictures: int | None = None) -> Scenario:
    """Return a scenario by name; `query_pictures` sets N of multi_stream. Raises DetbenchError for an unknown one."""
    if name not in SCENARIOS:
        raise DetbenchError(f"unknown scenario {name!r}; known are {', '.join(SCENARIOS)}")
    scenario = SCENARIOS[name]
    if query_pictures is not None and scenario.pictures_per_query is not None:
        return replace(scenario, pictures_per_query=query_pictures)
    return scenario
