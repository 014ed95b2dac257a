"""Style: colors that differ, also for color-blind readers, and contrast with the background."""

from __future__ import annotations

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest

from detbench.reports.plots.style import (
    COLORS,
    DARK_COLORS,
    background,
    color,
    dashes,
    marker,
    muted,
    plot_style,
)

# Machado, Oliveira and Fernandes (2009), severity 1: colors as people without one kind of cone see
# them, in linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(color_name):
    srgb = np.array(mpl.colors.to_rgb(color_name))
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def luminance(color_name) -> float:
    return float(linear(color_name) @ [0.2126, 0.7152, 0.0722])


def contrast(a, b) -> float:
    dark, bright = sorted((luminance(a), luminance(b)))
    return (bright + 0.05) / (dark + 0.05)


def lab(rgb):
    xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ np.clip(rgb, 0, 1)
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089] + 1e-9)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", VISION)
@pytest.mark.parametrize("colors", [COLORS, DARK_COLORS], ids=["light", "dark"])
def test_any_two_colors_look_different(colors, kind):
    seen = {name: lab(VISION[kind] @ linear(name)) for name in colors}
    for a, b in combinations(colors, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 11, (a, b)


def test_dark_background():
    with plot_style("dark"):
        assert all(contrast(color_name, background()) > 5 for color_name in DARK_COLORS)
        assert contrast(muted(), background()) > 4.5
        assert contrast(mpl.rcParams["text.color"], background()) > 7
        assert color(0) == DARK_COLORS[0]


def test_light_background():
    with plot_style():
        assert contrast(muted(), background()) > 4.5
        assert contrast(mpl.rcParams["text.color"], background()) > 7
        assert [color(index) for index in range(8)] == [*COLORS, COLORS[0]]


def test_the_style_ends_with_the_block():
    before = dict(mpl.rcParams)
    with plot_style("dark"):
        pass
    assert dict(mpl.rcParams) == before


def test_combinations_with_color_repeat_late():
    with plot_style():
        assert len({(color(index), str(dashes(index))) for index in range(28)}) == 28
        assert len({(color(index), marker(index)) for index in range(63)}) == 63
