"""The GPU check in dry mode, on the CPU, and what its page reports as a failure."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detbench.bench.latency.stages import STAGES
from tests.gpu.page import agreement, part_rows

CHECK = Path(__file__).with_name("check.sh")


@pytest.mark.slow
def test_the_dry_mode_writes_a_page(tmp_path):
    pytest.importorskip("jax")
    pytest.importorskip("keras_hub")
    output = tmp_path / "results" / "check.md"
    process = subprocess.run(
        [CHECK, "--dry", output],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    page = output.read_text(encoding="utf-8")
    assert "Result: passed." in page
    assert f"- Command: `tests/gpu/check.sh --dry {output}`" in page
    for model in ("yolo", "retinanet"):
        # Both devices are the CPU.
        assert page.count(f"| {model} | 8 | default | 0.0e+00 | 0.01 | 100.0% | 95% |") == 1
        for batch in (1, 8):
            assert all(f"| {model} | {batch} | {stage} |" in page for stage in STAGES)
    for part in ("cpu-outputs", "device-outputs", "latency", "aa-yolo", "aa-retinanet"):
        assert f"| {part} |" in page


def test_without_a_file_the_usage_is_shown():
    process = subprocess.run([CHECK], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr == "usage: tests/gpu/check.sh [--dry] FILE.md\n"


def arrays(scale=1.0, shift=0.0):
    """Return the outputs of a model for one image, with scaled values and a shifted box."""
    prefix = "yolo/highest/1"
    return {
        f"{prefix}/raw/output": scale * np.arange(1.0, 9.0),
        f"{prefix}/boxes/0": np.array([[0.0, 0, 10, 10], [0, 0, 0, 10]]) + shift,
        f"{prefix}/scores/0": np.array([0.9, 0.8]),
        f"{prefix}/classes/0": np.array([0, 0]),
    }


def test_equal_outputs_agree_and_boxes_without_area_do_not_count():
    rows, failures = agreement(arrays(), arrays())
    assert rows == [("yolo", "1", "highest", "0.0e+00", "0.0001", "100.0%", "99%", 1)]
    assert failures == []


@pytest.mark.parametrize(
    ("device", "failure"),
    [
        (arrays(scale=1.001), "raw outputs differ by 1.0e-03"),
        (arrays(scale=np.nan), "raw outputs differ by nan"),
        (arrays(shift=5.0), "only 0.0% of the boxes match"),
    ],
)
def test_differences_beyond_the_tolerance_are_failures(device, failure):
    _, failures = agreement(arrays(), device)
    assert failures == [f"yolo, batch 1, highest precision: {failure}"]


def test_clock_and_power_are_those_of_the_part():
    part = {"name": "latency", "limit": "95", "start": "10.0", "end": "12.0", "code": "0"}
    samples = [
        {
            "time_s": str(second),
            "sm_clock_mhz": str(1000 + second),
            "power_w": "",
            "temperature_c": "40",
            "clock_reasons": "power limit (software); idle" if second == 11 else "",
        }
        for second in (9, 10, 11, 12, 13)
    ]
    assert list(part_rows([part], samples)) == [
        (
            "latency",
            "2.0 of 95",
            "0",
            "1,010 / 1,011 / 1,012",
            "–",
            "40 / 40 / 40",
            "idle, power limit (software)",
        )
    ]
