"""Scenarios: the load pattern of a measurement, and the number that each is reported by.

They are named after MLPerf Inference. Its load generator sends the next query when the last one is
answered (SingleStream, MultiStream) or all at once (Offline). Here the same holds for queries of
whole batches. Source: https://github.com/mlcommons/inference_policies, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from detbench.bench.latency.statistics.stopping import StoppingRule
from detbench.errors import DetbenchError

ScenarioName = Literal["single_stream", "multi_stream", "offline"]
_MEDIAN = 50.0


@dataclass(frozen=True)
class Scenario:
    """What one sample times."""

    name: ScenarioName
    percentile: float | None
    """The percentile (0..100) that the scenario is reported by; None for throughput."""
    images_per_query: int | None
    """None for whole batches, see `batches_per_query`."""
    batches_per_query: int = 1

    def requests(self, batch: int) -> int:
        """Return how many batches of a size make one query.

        Raises:
            DetbenchError: The query's images do not fill whole batches.
        """
        if self.images_per_query is None:
            return self.batches_per_query
        if self.images_per_query % batch:
            raise DetbenchError(
                f"{self.name} sends {self.images_per_query} images per query, which do not fill"
                f" whole batches of {batch}; change --batch or --query-images"
            )
        return self.images_per_query // batch

    def stopping_rule(self, min_s: float, max_s: float) -> StoppingRule:
        """Return the rule that requires narrow intervals of the median and the percentile."""
        percentiles = (_MEDIAN,) if self.percentile is None else (_MEDIAN, self.percentile)
        return StoppingRule(
            percentiles=percentiles, min_s=min_s, max_s=max_s, min_samples=MIN_SAMPLES
        )


SINGLE_STREAM = Scenario("single_stream", 90.0, None)
"""One query is one batch; the next one follows its answer. Reported by p90."""
MULTI_STREAM = Scenario("multi_stream", 99.0, 8)
"""One query is N images, in batches that are all sent before one wait. Reported by p99."""
OFFLINE = Scenario("offline", None, None, 4)
"""All images are available at the start: four batches are sent before one wait. Reported by images
per second."""
SCENARIOS = {scenario.name: scenario for scenario in (SINGLE_STREAM, MULTI_STREAM, OFFLINE)}
MIN_SAMPLES = 500
"""From this number on, intervals hold the true value as often as they claim
(docs/latency-statistics.md). Fewer samples are taken only if time runs out."""


def scenario_named(name: str, query_images: int | None = None) -> Scenario:
    """Return a scenario by name; `query_images` sets the images per query of multi_stream.

    Raises:
        DetbenchError: There is no such scenario.
    """
    if name not in SCENARIOS:
        raise DetbenchError(f"unknown scenario {name!r}; choose one of {', '.join(SCENARIOS)}")
    scenario = SCENARIOS[name]
    if query_images is not None and scenario.images_per_query is not None:
        return replace(scenario, images_per_query=query_images)
    return scenario
