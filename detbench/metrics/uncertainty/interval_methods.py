"""Interval methods: which share of the bootstrap replicates lies below each end of an interval.

- `percentile`: the tails themselves (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
  section 13.3).
- `expanded`: the percentile interval, wider if few images have objects, as Student's t is wider
  than the normal distribution. The share is Φ(t √(m / (m − 1))), with m such images and t of m − 1
  degrees of freedom (Hesterberg, What Teachers Should Know about the Bootstrap, 2015, section 5.3).
- `halves`: as `expanded`, but of halves of the images (Politis and Romano, Large sample confidence
  regions based on subsamples, 1994). A measure on half of the images differs from that on all
  images about as much as that on all images differs from the truth: exactly in spread, roughly in
  bias. The truth is therefore expected as far on the other side of the estimate. Interpolation
  makes the AP of few objects too high, and this method removes that bias. It is meant for single
  detectors; in differences the bias cancels.
- `bca`: corrected for the bias of the median, and for a spread that changes with the value (Efron
  and Tibshirani, section 14.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, Protocol

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.uncertainty.student_t import student_t_cdf, student_t_quantile

Method = Literal["percentile", "expanded", "bca", "halves"]

_NORMAL = NormalDist()
_ROUNDING = 1e-9


class TailShares(Protocol):
    """How a method turns the tail of an interval into a share of the replicates, and back."""

    def share(self, tail: float) -> float:
        """Return the share of replicates below the end of an interval with this lower tail."""
        ...

    def tail(self, share: float) -> float:
        """Return the largest tail, up to 0.5, that needs at most this share of the replicates."""
        ...

    def mirrored(self) -> TailShares:
        """Return the method for the negated replicates, whose lower tail is the upper one here."""
        ...


class Percentile:
    """The share is the tail itself."""

    def share(self, tail: float) -> float:
        """Return the tail."""
        return tail

    def tail(self, share: float) -> float:
        """Return the share, up to 0.5."""
        return min(share, 0.5)

    def mirrored(self) -> Percentile:
        """Return the same method."""
        return self


@dataclass(frozen=True)
class Expanded:
    """The tail of Student's t, as a share of normally distributed replicates."""

    clusters: int
    """m, the number of images with objects; 2 or more."""

    def share(self, tail: float) -> float:
        """Return Φ(t √(m / (m − 1)))."""
        return _NORMAL.cdf(expanded_quantile(tail, self.clusters))

    def tail(self, share: float) -> float:
        """Return the probability below the t with this share."""
        if share >= 0.5:
            return 0.5
        t = _NORMAL.inv_cdf(share) / _spread_correction(self.clusters)
        return student_t_cdf(t, self.clusters - 1)

    def mirrored(self) -> Expanded:
        """Return the same method: Student's t is symmetric."""
        return self


@dataclass(frozen=True)
class BiasCorrected:
    """BCa: the normal quantile of the tail, shifted by the bias and scaled by the acceleration."""

    bias: float
    """z₀, the normal quantile of the share of replicates below the estimate."""
    acceleration: float
    """a, how fast the spread changes with the value."""

    def share(self, tail: float) -> float:
        """Return Φ(z₀ + s / (1 − a s)) with s = z₀ + Φ⁻¹(tail)."""
        shifted = self.bias + _NORMAL.inv_cdf(tail)
        divisor = 1 - self.acceleration * shifted
        if divisor <= 0:
            return 1.0 if shifted > 0 else 0.0
        return _NORMAL.cdf(self.bias + shifted / divisor)

    def tail(self, share: float) -> float:
        """Return the inverse of `share`: Φ(y / (1 + a y) − z₀) with y = Φ⁻¹(share) − z₀."""
        if share >= 1:
            return 0.5
        scaled = _NORMAL.inv_cdf(share) - self.bias
        divisor = 1 + self.acceleration * scaled
        if divisor <= 0:
            return 0.5 if scaled > 0 else 0.0
        return min(_NORMAL.cdf(scaled / divisor - self.bias), 0.5)

    def mirrored(self) -> BiasCorrected:
        """Return the method with the signs of bias and acceleration reversed."""
        return BiasCorrected(-self.bias, -self.acceleration)


def expanded_quantile(probability: float, clusters: int) -> float:
    """Return by how many standard deviations of the replicates the method `expanded` reaches.

    Args:
        probability: between 0 and 1.
        clusters: m, the number of images with objects; 2 or more.
    """
    return _spread_correction(clusters) * student_t_quantile(probability, clusters - 1)


def _spread_correction(clusters: int) -> float:
    """Return √(m / (m − 1)): replicates vary as m values do about their own mean, too little."""
    return math.sqrt(clusters / (clusters - 1))


def bias_corrected(estimate: float, replicates: Floats, left_out: Floats) -> BiasCorrected:
    """Return BCa with its two corrections.

    Args:
        estimate: on all images.
        replicates: (B,) the bootstrap.
        left_out: (G,) without each of G parts of the images: the jackknife.
    """
    count = len(replicates)
    # z₀: equal replicates count half. The share is kept away from 0 and 1, where Φ⁻¹ is infinite.
    n_below, n_equal = (replicates < estimate).sum(), (replicates == estimate).sum()
    below = (float(n_below) + 0.5 * float(n_equal)) / count
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / count), 1 - 0.5 / count))
    # a = Σd³ / (6 (Σd²)^1.5), with d the mean of the jackknife values − each of them.
    steps = left_out.mean() - left_out
    spread = 6 * float((steps**2).sum()) ** 1.5
    return BiasCorrected(bias, float((steps**3).sum()) / spread if spread > 0 else 0.0)


def interval_ends(
    replicates: Floats, method: TailShares, confidence: float, bounds: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return the ends of an interval.

    The share α of B replicates ends at the (B + 1) α-th smallest, interpolated. If that lies beyond
    the outermost replicate, the replicates do not show how far the interval reaches, and it ends at
    the bound.

    Args:
        replicates: (B, ...) one or more.
        method: gives the share of the replicates for a tail.
        confidence: between 0 and 1.
        bounds: the smallest and largest possible value.

    Returns:
        low and high (...).
    """
    tail, outermost = (1 - confidence) / 2, (1 - _ROUNDING) / (len(replicates) + 1)
    shares = method.share(tail), method.share(1 - tail)
    low, high = np.clip(np.quantile(replicates, shares, axis=0, method="weibull"), *bounds)
    if shares[0] < outermost:
        low = np.full_like(low, bounds[0])
    if shares[1] > 1 - outermost:
        high = np.full_like(high, bounds[1])
    return low, high


def two_sided_p(replicates: Floats, method: TailShares) -> float:
    """Return the smallest 1 − confidence at which the interval of these replicates excludes 0.

    Args:
        replicates: (B,) of a difference, one or more.
        method: gives the share of the replicates for a tail.
    """
    lower = method.tail(_share_up_to_zero(replicates))
    upper = method.mirrored().tail(_share_up_to_zero(-replicates))
    return 2 * min(lower, upper)


def _share_up_to_zero(replicates: Floats) -> float:
    """Return the share of replicates up to 0, interpolated as the ends of intervals are."""
    rising = np.sort(replicates)
    n_up_to_zero = int((rising <= 0).sum())
    if n_up_to_zero == 0:
        return 1 / (len(rising) + 1)
    if n_up_to_zero == len(rising):
        return 1.0
    last, following = rising[n_up_to_zero - 1], rising[n_up_to_zero]
    return float(n_up_to_zero + last / (last - following)) / (len(rising) + 1)
