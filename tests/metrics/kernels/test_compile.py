"""The cache of compiled kernels: damage, full disks and closed folders cost only time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import numpy as np
import warnings
from detbench.metrics.kernels.compile import kernel

@kernel
def total(values):
    return values.sum() + 1

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    results = total(np.arange(4.0)), total(np.arange(4))
print(*results, len(caught), *{str(warning.message) for warning in caught})
"""


def run(folder, limit=None):
    """Run a kernel in a new process; files longer than `limit` bytes cannot be written."""
    script = folder / "program.py"
    script.write_text(_PROGRAM)
    start = (
        f"import resource, signal, runpy; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        f"runpy.run_path({str(script)!r})"
        if limit
        else f"import runpy; runpy.run_path({str(script)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def cached(tmp_path):
    """Return the files of a cache that one process has filled."""
    assert run(tmp_path) == "7.0 7 0"
    files = [path for path in (tmp_path / "cache").rglob("*") if path.suffix in {".nbi", ".nbc"}]
    assert len(files) == 3
    return files


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x05\x95"])
def test_a_damaged_cache_is_replaced(content, cached, tmp_path):
    for file in cached:
        file.write_bytes(content)
    assert run(tmp_path) == "7.0 7 0"
    assert all(file.read_bytes() != content for file in cached)


def test_a_full_disk_is_a_warning(tmp_path):
    result, *message = run(tmp_path, limit=64).split(" compiled code ", 1)
    assert result == "7.0 7 2"
    (text,) = message
    assert text.startswith(f"cannot be cached in {tmp_path / 'cache'}")
    assert text.endswith("(File too large): the next process compiles it again")
