"""pytest plugin: the fixture `detbench_latency` times a detector within a test suite.

It follows the rules of `detbench latency`. Its samples become those of pytest-benchmark's fixture
`benchmark`, so that its table, `--benchmark-json`, `--benchmark-autosave` and `--benchmark-compare`
include them. What only detbench has (verdict, reasons, intervals) is in `extra_info`. Nothing heavy
is imported before a test uses the fixture.
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
    from detbench.bench.latency.sweep import SweepResult

TimeDetector = Callable[..., "LatencyResult"]
_NS_PER_S = 1e9


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixture; without pytest-benchmark it skips the test."""
    has_benchmark = config.pluginmanager.hasplugin("benchmark")
    plugin = _WithBenchmark() if has_benchmark else _WithoutBenchmark()
    config.pluginmanager.register(plugin, "detbench-latency")


class _WithBenchmark:
    @pytest.fixture
    def detbench_latency(self, benchmark: Any) -> TimeDetector:
        """Time a detector: `detbench_latency(detector, stage="infer", batch=1)`.

        It returns a LatencyResult. See `detbench.integrations.pytest_plugin.time_detector` for the
        arguments. Call it once per test, as `benchmark` requires.
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
    def detbench_latency(self) -> TimeDetector:
        """Skip the test: nothing would collect the samples."""
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
        detector: A loaded detector, or a spec such as `onnx:model.onnx`, which is loaded and freed.
        stage: See `detbench.bench.latency.stages`.
        batch: Images per batch. None for the only size that the model accepts, otherwise 1.
        scenario: single_stream, multi_stream or offline.
        images: Encoded images, None for embedded ones.
        min_seconds: Minimum time.
        max_seconds: Maximum time.

    Returns:
        The result. Its `verdict` and `reasons` show whether the times are valid: an invalid time
        should not fail a build.

    Raises:
        DetbenchError: The model does not accept the batch size, cannot be loaded, or gave no
            sample. KeyboardInterrupt: Ctrl-C, which ends the test suite too.
    """
    from detbench.bench.latency.images import embedded_images
    from detbench.bench.latency.local_model import LocalModel, load_model
    from detbench.bench.latency.model_specs import model_specs
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.sweep import TimingPlan, sweep

    plan = TimingPlan(
        stages=(stage,),
        batches=(batch,) if batch else None,
        scenario=scenario_named(scenario),
        min_s=min_seconds,
        max_s=max_seconds,
    )
    images = images or embedded_images()
    if not isinstance(detector, str):
        return _only_result(sweep([LocalModel(detector, images)], plan))
    model = load_model(model_specs([detector])[0], images)
    try:
        return _only_result(sweep([model], plan))
    finally:
        model.close()


def _only_result(timed: SweepResult) -> LatencyResult:
    if timed.interrupted:
        raise KeyboardInterrupt
    [result] = timed.results
    if not len(result.samples_ns):
        raise DetbenchError(f"{result.model} could not be timed: {'; '.join(result.reasons)}")
    return result


def _nothing() -> None:
    """Stand in for the call that `benchmark` would time."""
