"""Student's t distribution: its distribution function and quantiles, for any degrees of freedom.

With ν degrees of freedom and x = ν / (ν + t²), the tails beyond ±t hold I_x(ν/2, 1/2) and the
center holds I_1−x(1/2, ν/2), where I is the regularized incomplete beta function (DLMF 8.17;
Abramowitz and Stegun 26.7.1). I is computed by its continued fraction (DLMF 8.17.22) with the
modified Lentz method (Press et al., Numerical Recipes, section 6.4).

Quantiles invert the smaller of the two by Newton's method on logarithms: the logarithm of either
is a concave function of ln t, so that Newton's steps cannot oscillate. Results agree with scipy
to ten digits from 0.5 to a million degrees of freedom.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_PRECISION = 1e-15
_MAX_TERMS = 100_000
_MAX_STEPS = 100
_MAX_LOG = math.log(1e300)
_ACCURATE_STEP = 1e-7
"""Newton doubles the digits: after so small a step the error is below 1e-13."""


def student_t_cdf(t: float, freedom: float) -> float:
    """Return the probability of a value up to t.

    Args:
        t: any number.
        freedom: degrees of freedom, greater than 0.
    """
    if t == 0:
        return 0.5
    tail, center, _ = _tail_and_center(math.log(abs(t)), freedom)
    return tail / 2 if t < 0 else (1 + center) / 2


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, freedom: float) -> float:
    """Return the value that a t-distributed variable exceeds with probability 1 − `probability`.

    It is infinite if it is beyond the largest float, as for tiny degrees of freedom.

    Args:
        probability: between 0 and 1.
        freedom: degrees of freedom, greater than 0.
    """
    tail = 2 * min(probability, 1 - probability)
    if tail == 1:
        return 0.0
    if tail <= 0.5:
        t = _t_with_tail(tail, freedom)
    else:
        t = _t_with_center(2 * abs(probability - 0.5), freedom)
    return t if probability > 0.5 else -t


def _t_with_tail(tail: float, freedom: float) -> float:
    """Return the t > 0 beyond which, on both sides together, lies this probability."""
    # t is larger than the normal quantile, because Student's tails are heavier, and smaller than
    # the t at which the leading term of the tail, x^a / (a B(a, 1/2)), reaches the probability.
    a = freedom / 2
    normal = -_NORMAL.inv_cdf(tail / 2)
    lowest = math.log(normal)
    highest = (math.log(freedom) - (math.log(tail * a) + _log_beta_half(a)) / a) / 2
    if highest > _MAX_LOG:
        return math.inf
    log_t = min(max(math.log(_expansion(normal, freedom)), lowest), highest)
    for _ in range(_MAX_STEPS):
        value, _center, slope = _tail_and_center(log_t, freedom)
        step = (math.log(value) - math.log(tail)) * value / slope
        log_t = min(max(log_t + step, lowest), highest)
        if abs(step) < _ACCURATE_STEP:
            break
    return math.exp(log_t)


def _t_with_center(center: float, freedom: float) -> float:
    """Return the t > 0 within which, on both sides together, lies this probability."""
    # The density is largest at 0, so that t is at least the probability / (2 · density at 0).
    log_t = math.log(center / 2 * math.sqrt(freedom)) + _log_beta_half(freedom / 2)
    for _ in range(_MAX_STEPS):
        _tail, value, slope = _tail_and_center(log_t, freedom)
        step = (math.log(center) - math.log(value)) * value / slope
        log_t += step
        if abs(step) < _ACCURATE_STEP:
            break
    return math.exp(log_t)


def _expansion(normal: float, freedom: float) -> float:
    """Return t for a normal quantile, to a few digits (Abramowitz and Stegun 26.7.5)."""
    first = (normal**3 + normal) / 4
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / 96
    third = (3 * normal**7 + 19 * normal**5 + 17 * normal**3 - 15 * normal) / 384
    return normal + first / freedom + second / freedom**2 + max(third, 0.0) / freedom**3


def _tail_and_center(log_t: float, freedom: float) -> tuple[float, float, float]:
    """Return the probabilities beyond ±t and within ±t, and the derivative of the latter by ln t.

    All are accurate relative to their size, except where one of the probabilities is near 1.
    """
    a, b = freedom / 2, 0.5
    log_ratio = 2 * log_t - math.log(freedom)  # of t² / ν
    log_x, log_y = -_log1p_exp(log_ratio), -_log1p_exp(-log_ratio)
    density = math.exp(a * log_x + b * log_y - _log_beta_half(a))  # t · density at t
    x, y = math.exp(log_x), math.exp(log_y)
    # The fraction converges quickly below this x, its mirror image above (Numerical Recipes).
    if x < (a + 1) / (a + b + 2):
        tail = density * _continued_fraction(a, b, x) / a
        return tail, 1 - tail, 2 * density
    center = density * _continued_fraction(b, a, y) / b
    return 1 - center, center, 2 * density


def _log1p_exp(value: float) -> float:
    """Return ln(1 + e^value) without overflow."""
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _log_beta_half(a: float) -> float:
    """Return ln B(a, 1/2).

    The difference of two large logarithms of the gamma function would lose digits, so large `a`
    take the asymptotic series of ln(Γ(a + 1/2) / Γ(a)) (from DLMF 5.11.1).
    """
    if a < 20:
        return math.lgamma(a) + math.lgamma(0.5) - math.lgamma(a + 0.5)
    square = a * a
    series = -1 / 8 + (1 / 192 + (-1 / 640 + 17 / 14336 / square) / square) / square
    return 0.5 * math.log(math.pi / a) - series / a


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction 1 / (1 + d₁ / (1 + d₂ / …)) of I_x(a, b), DLMF 8.17.22.

    Modified Lentz method: `value` is the fraction so far, and `c` and `d` are the ratios of
    successive numerators and denominators.
    """
    c, d = 1.0, _away_from_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for coefficient in (even, odd):
            d = 1 / _away_from_zero(1 + coefficient * d)
            c = _away_from_zero(1 + coefficient / c)
            factor = c * d
            value *= factor
        if abs(factor - 1) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
