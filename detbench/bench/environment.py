"""Environment: the machine and the library versions a result was made with."""

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


@dataclass(frozen=True)
class Environment:
    """What a number may depend on besides its input."""

    python: str
    platform: str
    cpu: str
    cores: int
    memory_bytes: int | None
    git_commit: str | None
    """Of the repository the command ran in, with `+` when it held uncommitted changes; None outside of one."""
    libraries: dict[str, str] = field(default_factory=dict)
    """Versions of what is installed."""
    cpu_governor: str | None = None
    """None where the system has none."""
    gpus: list[GpuInfo] = field(default_factory=list)
    """The NVIDIA devices that NVML knows."""

    def as_dict(self) -> dict[str, object]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


def environment() -> Environment:
    """Return the environment of this process."""
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_model(),
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        git_commit=_git_commit(),
        libraries={
            library: found for library in LIBRARIES if (found := installed_version(library))
        },
        cpu_governor=governor(),
        gpus=[gpu.info() for gpu in open_gpus()],
    )


def installed_version(library: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    if sys.platform == "linux" and listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _git_commit() -> str | None:
    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return None
