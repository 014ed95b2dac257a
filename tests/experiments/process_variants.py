"""The causes for which processes of a model may differ, each with the variants that are tried."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_DATA = Path(os.environ.get("DETBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")
FASTEST_DET, YOLOX_NANO = "FastestDet", "YOLOX-nano"
MODELS = {
    FASTEST_DET: _DATA / "models" / "fastestdet" / "FastestDet.onnx",
    YOLOX_NANO: _DATA / "models" / "yolox_nano_kazuhito" / "yolox_nano.onnx",
}
"""ONNX files by the name in tables."""
KERAS_YOLO = "YOLO in Keras"
"""Detbench's own YOLO, shipped with it, on TensorFlow."""

REUSED, FRESH, OFFSET = "reused", "fresh", "offset"
OTHER_THREAD_ONCE, OTHER_THREAD = "other thread once", "other thread"
"""How the input of each call comes about; see `process_worker.py`."""


@dataclass(frozen=True)
class Variant:
    """One way of running a model in a process of its own."""

    cause: str
    name: str
    threads: int | None = None
    """Of ONNX Runtime's operators; None for its default."""
    entries: Mapping[str, str] = field(default_factory=dict)
    """Configuration entries of ONNX Runtime's session."""
    cores: tuple[int, ...] | None = None
    """Indices of the cores that the process is limited to before it loads anything."""
    main_core: int | None = None
    """Index of the core that the calling thread is limited to after the model was loaded."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that are added."""
    fixed_addresses: bool = False
    """Switch address-space randomization off."""
    without_huge_pages: bool = False
    """Switch transparent huge pages off for the process."""
    array: str = REUSED
    before: tuple[str, ...] = ()
    """Steps before the model is loaded; see `process_worker.py`."""
    after: tuple[str, ...] = ()
    """Steps after the model was loaded and before it first runs."""
    needs: str | None = None
    """A module without which the variant is left out."""
    companion: str | None = None
    """What another process of the same model does during the turns; None without one."""
    only: str | None = None
    """The model that it is tried with; None for every model."""

    def suits(self, model: str) -> bool:
        """Return whether it is tried with a model, and whether this installation can run it."""
        if self.only not in (None, model):
            return False
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


DEFAULT = "default"
SAME = "the same again"
STOPPED, IDLE, JUST_RAN = "stopped", "idle", "just ran"
"""What a companion does during a turn. One that just ran is not stopped either."""

ALONE = Variant("another process", "no other process")
"""The baseline of company: nothing else of this experiment exists."""
_BASE = Variant(DEFAULT, DEFAULT)
BASELINES = (_BASE, replace(_BASE, name=SAME))

_SPINNING = "session.intra_op.allow_spinning"
_AFFINITIES = "session.intra_op_thread_affinities"
_PADDING = "DETBENCH_EXPERIMENT_PADDING"


def _malloc_in_huge_pages() -> dict[str, str]:
    return {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def _imported(framework: str, module: str) -> Variant:
    """Return a variant that imports a framework and does not use it.

    Loading takes seconds, and a model that is fast shows disturbances best.
    """
    name, step = f"{framework} imported", f"import {module}"
    return Variant("frameworks", name, before=(step,), needs=module, only=FASTEST_DET)


VARIANTS = (
    Variant("threads", "1 thread", threads=1),
    Variant("threads", "2 threads", threads=2),
    Variant("threads", "4 threads", threads=4),
    Variant("threads", "waiting threads do not spin", entries={_SPINNING: "0"}),
    Variant("affinity", "limited to one core, default threads", cores=(0,)),
    Variant("affinity", "limited to one core, 1 thread", cores=(0,), threads=1),
    Variant("affinity", "limited to both cores", cores=(0, 1)),
    Variant(
        "affinity",
        "each of 2 threads on a core of its own",
        threads=2,
        entries={_AFFINITIES: "2"},
        main_core=0,
    ),
    Variant("addresses", "not randomized", fixed_addresses=True),
    Variant("addresses", "one arena of malloc", environment={"MALLOC_ARENA_MAX": "1"}),
    Variant("addresses", "input 4 bytes off a cache line", array=OFFSET),
    Variant("environment", "4 KB more", environment={_PADDING: "x" * 4096}),
    Variant("environment", "64 KB more", environment={_PADDING: "x" * 65536}),
    Variant("first touch", "input first written by another thread", array=OTHER_THREAD_ONCE),
    Variant("first touch", "input written by another thread before each call", array=OTHER_THREAD),
    Variant("first touch", "input newly allocated before each call", array=FRESH),
    Variant("huge pages", "never", without_huge_pages=True),
    Variant("huge pages", "malloc asks for them", environment=_malloc_in_huge_pages()),
    Variant("order of loading", "after the other model, which ran", before=("other model",)),
    Variant("order of loading", "before the other model, which ran", after=("other model",)),
    _imported("TensorFlow", "tensorflow"),
    Variant("frameworks", "TensorFlow ran YOLO", before=("run tensorflow",), needs="tensorflow"),
    _imported("JAX", "jax"),
    Variant("frameworks", "JAX ran YOLO", before=("run jax",), needs="jax"),
    _imported("PyTorch", "torch"),
    Variant("frameworks", "PyTorch ran a convolution", before=("run torch",), needs="torch"),
)
"""Those that take turns with the baselines, one awake and all others stopped."""

KERAS_VARIANTS = (
    Variant("threads", "1 thread", environment={"TF_NUM_INTRAOP_THREADS": "1"}),
    Variant("addresses", "not randomized", fixed_addresses=True),
    Variant("environment", "64 KB more", environment={_PADDING: "x" * 65536}),
    Variant("huge pages", "never", without_huge_pages=True),
    Variant("frameworks", "ONNX Runtime ran FastestDet", before=("other model",)),
)

COMPANY = (
    ALONE,
    replace(ALONE, name="one of the same model, stopped", companion=STOPPED),
    replace(ALONE, name="one that is idle, not stopped", companion=IDLE),
    replace(ALONE, name="one that ran just before, not stopped", companion=JUST_RAN),
)
"""Those that are started one after the other, so that no other process exists at the baseline."""
