"""pytest plugin: the fixture `detbench_latency` times detectors within a test suite.

It follows the rules of `detbench latency`. Its samples become those of pytest-benchmark's fixture
`benchmark`, so that its table, `--benchmark-json`, `--benchmark-autosave` and `--benchmark-compare`
include them. What only detbench has (verdict, reasons, intervals, comparisons) is in `extra_info`.
Nothing heavy is imported before a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.adapters.detector import Detector
    from detbench.bench.latency.assembly import SweepResult
    from detbench.bench.latency.images import EncodedImage
    from detbench.bench.latency.result import LatencyResult, Turns
    from detbench.bench.latency.stages import Stage
    from detbench.bench.latency.timing_plan import TimingPlan

TimeDetectors = Callable[..., "LatencyResult | SweepResult"]
_MEDIAN = 50.0
_NS_PER_S = 1e9


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixture; without pytest-benchmark it skips the test."""
    has_benchmark = config.pluginmanager.hasplugin("benchmark")
    plugin = _WithBenchmark() if has_benchmark else _WithoutBenchmark()
    config.pluginmanager.register(plugin, "detbench-latency")


class _WithBenchmark:
    @pytest.fixture
    def detbench_latency(self, benchmark: Any) -> TimeDetectors:
        """Time detectors: `detbench_latency("onnx:model.onnx", stage="infer", batch=1)`.

        It returns a LatencyResult for one detector, and a SweepResult with `results` and `pairs`
        for several. The samples of the first one become those of `benchmark`. See
        `detbench.integrations.pytest_plugin.time_detectors` for the arguments. Call it once per
        test, as `benchmark` requires. With `--benchmark-disable` it runs a few samples in this
        process. It skips the test if a detector gave no samples, or if a single one was timed while
        the machine was slow.
        """

        def time(*detectors: Detector | str, **options: Any) -> LatencyResult | SweepResult:
            if benchmark.disabled:
                options |= {"turns": "in_process", "min_seconds": 0.0, "max_seconds": 1e-9}
            timed = time_detectors(*detectors, **options)
            _skip_useless_times(timed)
            first = timed.results[0]
            benchmark.extra_info["detbench"] = first.summary()
            if len(detectors) > 1:
                benchmark.extra_info["detbench_models"] = _document(timed)
            benchmark.pedantic(_nothing, rounds=1)
            if benchmark.stats is not None:
                benchmark.stats.stats.data[:] = (first.samples_ns / _NS_PER_S).tolist()
            return first if len(detectors) == 1 else timed

        return time


class _WithoutBenchmark:
    @pytest.fixture
    def detbench_latency(self) -> TimeDetectors:
        """Skip the test: nothing would collect the samples."""
        pytest.skip("detbench_latency needs pytest-benchmark: pip install pytest-benchmark")


def time_detectors(
    *detectors: Detector | str,
    stage: Stage = "infer",
    batch: int | None = None,
    scenario: str = "single_stream",
    images: Sequence[EncodedImage] | None = None,
    min_seconds: float | None = None,
    max_seconds: float | None = None,
    processes: int | None = None,
    turns: Turns | None = None,
) -> SweepResult:
    """Time one stage of detectors, and compare them if there are several.

    Args:
        *detectors: Specs such as `onnx:model.onnx`, each of which is loaded in fresh processes, one
            awake at a time. Or loaded detectors, which are timed in this process: a quick look,
            whose interval does not cover how much processes differ.
        stage: See `detbench.bench.latency.stages`.
        batch: Images per batch. None for the only size that the model accepts, otherwise 1.
        scenario: single_stream, multi_stream or offline.
        images: Encoded images, None for embedded ones.
        min_seconds: Minimum time of each detector, over all its processes. None for 0.5 s, or
            `max_seconds` if that is less.
        max_seconds: Maximum time, likewise. None for 6 s, or less if loading takes most of a
            minute.
        processes: Of each detector. None for as many as fit in a minute, from 5 to 10.
        turns: What the other detectors do while one is timed: `stopped`, `restarted` or
            `in_process`. None for `stopped`, and for `in_process` with loaded detectors.

    Returns:
        The result of each detector, in the order of the arguments, and the comparison of each pair.
        `verdict` and `reasons` show whether times are valid: an invalid time should not fail a
        build.

    Raises:
        DetbenchError: A model does not accept the batch size, cannot be loaded, or gave no
            sample, not even one that was set aside.
        KeyboardInterrupt: Ctrl-C, which ends the test suite too.
    """
    from detbench.bench.latency.images import embedded_images
    from detbench.bench.latency.measurement import measure
    from detbench.bench.latency.model_specs import model_specs
    from detbench.bench.latency.scenario import scenario_named
    from detbench.bench.latency.timing_plan import TimingPlan
    from detbench.metrics.warmup import warm_postprocessing

    specs = [detector for detector in detectors if isinstance(detector, str)]
    loaded = [detector for detector in detectors if not isinstance(detector, str)]
    _check(specs, loaded, turns)
    plan = TimingPlan(
        stages=(stage,),
        batches=(batch,) if batch else None,
        scenario=scenario_named(scenario),
        min_s=min_seconds,
        max_s=max_seconds,
        processes=processes,
        turns=turns or ("in_process" if loaded else "stopped"),
    )
    images = images or embedded_images()
    if loaded:
        return _complete(_time_loaded(loaded, images, plan))
    warm_postprocessing(lambda _: None)
    return _complete(measure(model_specs(specs), images, plan))


def _check(specs: Sequence[str], loaded: Sequence[Detector], turns: Turns | None) -> None:
    names = [detector.name for detector in loaded]
    if not specs and not loaded:
        raise DetbenchError("no detector to time; pass a spec such as 'onnx:model.onnx'")
    if specs and loaded:
        raise DetbenchError(
            f"{specs[0]} is a spec and {names[0]} is loaded; pass only specs to compare them"
        )
    if loaded and turns not in (None, "in_process"):
        raise DetbenchError(
            f"{names[0]} is loaded in this process, which turns={turns!r} does not allow;"
            " pass its spec"
        )
    if len(set(names)) < len(names):
        raise DetbenchError(f"detectors need different names, got {', '.join(names)}")


def _time_loaded(
    detectors: Sequence[Detector], images: Sequence[EncodedImage], plan: TimingPlan
) -> SweepResult:
    from detbench.bench.latency.local_model import LocalModel
    from detbench.bench.latency.sources import LoadedSource
    from detbench.bench.latency.sweep import sweep

    models = [LocalModel(detector, images, closes_detector=False) for detector in detectors]
    return sweep([LoadedSource(model) for model in models], plan)


def _complete(timed: SweepResult) -> SweepResult:
    """Return what was measured if every detector was timed."""
    if timed.interrupted:
        raise KeyboardInterrupt
    for result in timed.results:
        if result.set_aside_share is None:
            raise DetbenchError(f"{result.model} could not be timed: {'; '.join(result.reasons)}")
    return timed


def _skip_useless_times(timed: SweepResult) -> None:
    """Skip the test for want of samples, or if those of a single detector are a slow machine's.

    The ratio of several detectors holds on a slow machine too.
    """
    for result in timed.results:
        is_slow = result.with_slow_turns and len(timed.results) == 1
        if is_slow or result.percentile_ms(_MEDIAN) is None:
            pytest.skip(f"{result.model} could not be timed now: {'; '.join(result.reasons)}")


def _document(timed: SweepResult) -> dict[str, Any]:
    from detbench.bench.latency.run_folder import latency_document

    return latency_document(timed)


def _nothing() -> None:
    """Stand in for the call that `benchmark` would time."""
