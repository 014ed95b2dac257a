"""Environment: the machine and the library versions that a result was made with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from detbench.bench.gpu import GpuInfo, open_gpus
from detbench.bench.machine import governor
from detbench.threads import usable_cores

LIBRARIES = (
    "detbench",
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "duckdb",
    "pycocotools",
    "onnxruntime",
    "tensorflow",
    "keras",
    "keras-hub",
    "jax",
    "torch",
)
_GIT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Environment:
    """What a number may depend on besides its input."""

    python: str
    platform: str
    cpu: str
    cores: int
    memory_bytes: int | None
    git_commit: str | None
    """Of the repository that the command ran in, with `+` if it had uncommitted changes; None
    outside of a repository."""
    libraries: dict[str, str] = field(default_factory=dict)
    """Versions of installed libraries."""
    cpu_governor: str | None = None
    """None if the system has none."""
    gpus: list[GpuInfo] = field(default_factory=list)
    """NVIDIA devices, as NVML lists them."""

    def as_dict(self) -> dict[str, object]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


def environment() -> Environment:
    """Return the environment of this process."""
    versions = {library: installed_version(library) for library in LIBRARIES}
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=cpu_model(),
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        git_commit=_git_commit(),
        libraries={library: number for library, number in versions.items() if number},
        cpu_governor=governor(),
        gpus=[gpu.info() for gpu in open_gpus()],
    )


def installed_version(library: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def cpu_model() -> str:
    """Return the name of the processor; its architecture if the system has no name."""
    cpu_info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and cpu_info.exists():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _git_commit() -> str | None:
    try:
        commit = _git("rev-parse", "HEAD")
        is_changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if is_changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=_GIT_TIMEOUT_S,
    ).stdout.strip()
