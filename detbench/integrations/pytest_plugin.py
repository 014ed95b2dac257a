"""pytest plugin: the fixture `detbench_latency` times a detector inside a test suite, by the rules of `detbench latency`.

The samples become those of pytest-benchmark's `benchmark`, so that its table, `--benchmark-json`, `--benchmark-autosave` and
`--benchmark-compare` have them; what only detbench knows (verdict, reasons, intervals) is in `extra_info`. Nothing heavy is imported
before a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.adapters.detector import Detector
    from detbench.bench.latency.images import EncodedImage
    from detbench.bench.latency.result import LatencyResult
    from detbench.bench.latency.stages import Stage
    from detbench.bench.latency.sweep import Timed

Time = Callable[..., "LatencyResult"]
_NS_PER_S = 1e9


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixture; without pytest-benchmark it is there and skips."""
    kind = _WithBenchmark if config.pluginmanager.hasplugin("benchmark") else _WithoutBenchmark
    config.pluginmanager.register(kind(), "detbench-latency")


class _WithBenchmark:
    @pytest.fixture
    def detbench_latency(self, benchmark: Any) -> Time:
        """Time a detector: `detbench_latency(detector, stage="infer", batch=1)` returns a LatencyResult.

        See `detbench.integrations.pytest_plugin.time_detector` for the arguments. One call per test, as `benchmark` has it.
        """

        def time(detector: Detector | str, **options: Any) -> LatencyResult:
            if benchmark.disabled:
                options |= {"min_seconds": 0.0, "max_seconds": 1e-9}
            result = time_detector(detector, **options)
            benchmark.extra_info["detbench"] = result.summary()
            benchmark.pedantic(_nothing, rounds=1)
            if benchmark.stats is not None:
                benchmark.stats.stats.data[:] = (result.samples_ns / _NS_PER_S).tolist()
            return result

        return time


class _WithoutBenchmark:
    @pytest.fixture
    def detbench_latency(self) -> Time:
        """Skip: there is nothing that would collect the samples."""
        pytest.skip("detbench_latency needs pytest-benchmark: pip install pytest-benchmark")


def time_detector(
    detector: Detector | str,
    *,
    stage: Stage = "infer",
    batch: int | None = None,
    scenario: str = "single_stream",
    images: Sequence[EncodedImage] | None = None,
    min_seconds: float = 0.5,
    max_seconds: float = 10.0,
) -> LatencyResult:
    """Time one stage of a detector in this process.

    Args:
        detector: a loaded detector, or a spec such as `onnx:model.onnx`, which is loaded and freed again.
        stage: what is timed; see `detbench.bench.latency.stages`.
        batch: pictures per batch; None for the only size the model takes, else 1.
        scenario: single_stream, multi_stream or offline.
        images: encoded pictures; None for the embedded ones.
        min_seconds: the least time.
        max_seconds: the longest time.

    Returns:
        The result, whose `verdict` and `reasons` a test can look at: a number that is not valid should fail no build.

    Raises:
        DetbenchError: for a batch size the model cannot take, stored detections, whatever an adapter refuses, and a model without a sample.
        KeyboardInterrupt: Ctrl-C, which ends the test suite and not the measurement alone.
    """
    from detbench.bench.latency.contender import LocalContender
    from detbench.bench.latency.images import embedded_images
    from detbench.bench.latency.models import load_contender, models_of
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.sweep import Plan, sweep

    plan = Plan(
        (stage,), (batch,) if batch else None, scenario_named(scenario), min_seconds, max_seconds
    )
    pictures = images or embedded_images()
    if not isinstance(detector, str):
        return _only_result(sweep([LocalContender(detector, pictures)], plan))
    contender = load_contender(models_of([detector])[0], pictures)
    try:
        return _only_result(sweep([contender], plan))
    finally:
        contender.close()


def _only_result(timed: Timed) -> LatencyResult:
    if timed.interrupted:
        raise KeyboardInterrupt
    [result] = timed.results
    if not len(result.samples_ns):
        raise DetbenchError(f"{result.model} could not be timed: {'; '.join(result.reasons)}")
    return result


def _nothing() -> None:
    """Stand in for the call that `benchmark` wants to time."""
