"""The interpolated optimum of a search: the highest point of a curve through the tried points.

The best of a few tried points lies beside the optimum. The narrower the optimum is, the more this costs. So
arms that are equal at their best values differ at their best tried values, and more confirm seeds only make
that difference more certain. With one range the curve is the parabola through the best tried point and its
two neighbours. With more ranges the curve is the posterior mean of a Gaussian process (Rasmussen and
Williams, 2006, chapters 2 and 5), by scikit-learn.

The optimum is the same to the bit on every machine, except if two candidates are equal up to rounding: the
Gaussian process takes its length scales, its noise and its optimum from fixed lists, and the values of the
optimum are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray
    from sklearn.gaussian_process import GaussianProcessRegressor

__all__ = ["Optimum", "interpolate"]

BEST_TRIED, PARABOLA, GAUSSIAN_PROCESS = "best tried", "parabola", "gaussian process"

LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Length scales of the Gaussian process that are compared, as shares of the tried span of a range."""
NOISES = (0.001, 0.01, 0.1, 0.3)
"""Variances of the noise that are compared, as shares of the variance of all scores."""
CANDIDATES = 4096
"""Points of the tried box at which the posterior mean is computed."""
DIGITS = 3
ROUNDING = 0.005
"""Rounding moves a value by at most this share of the tried span; a narrow span needs more than DIGITS."""


@dataclass(frozen=True)
class Optimum:
    """The point to confirm: the value of every range.

    rule: "parabola" or "gaussian process"; "best tried" if nothing was interpolated. about: the fit in a few
    words, or the reason why nothing was interpolated.
    """

    point: dict[str, float]
    rule: str
    about: str


def interpolate(
    points: Sequence[Mapping[str, float]], values: Sequence[float], logarithmic: Mapping[str, bool]
) -> Optimum:
    """Return the interpolated optimum of the tried `points` with these `values`, of which higher is better.

    The optimum lies in the box of the tried points: no range is left, and none is extrapolated. The order of
    the points does not matter, unless several have the highest value: then the first of these is the best
    tried point.

    Nothing is interpolated, and the optimum is the best tried point itself, if there are fewer than 2 d + 1
    points (d: number of ranges), if all values are equal, or if the fit is not finite; with one range also if
    the best tried point is the lowest or the highest tried point.

    Args:
        points: for each trial the values of the ranges. All have the same levels of all that is not a range.
        values: the score of each trial.
        logarithmic: for each range, whether the range is logarithmic: then the fit is in the logarithm.

    Raises:
        ValueError: if there is no point, or a value is not finite.
    """
    if not points or not all(map(math.isfinite, values)):
        raise ValueError("interpolation needs at least one point, and finite values")
    names = sorted(logarithmic)
    best = max(range(len(points)), key=lambda i: (values[i], -i))
    tried = {name: points[best][name] for name in names}
    if not names:
        return Optimum(tried, BEST_TRIED, "no range is tuned")
    if len(points) < 2 * len(names) + 1:
        return Optimum(tried, BEST_TRIED, f"{len(points)} tried points are too few to interpolate")
    if min(values) == max(values):
        return Optimum(tried, BEST_TRIED, "all tried points have the same score")
    spans = {name: _Span.of([point[name] for point in points], logarithmic[name]) for name in names}
    if fixed := [name for name, span in spans.items() if span.low == span.high]:
        return Optimum(tried, BEST_TRIED, f"{fixed[0]} has one tried value")
    if len(names) == 1:
        return _parabola(points, values, best, names[0], spans[names[0]])
    return _gaussian_process(points, values, best, spans)


@dataclass(frozen=True)
class _Span:
    """The tried values of a range, from `low` to `high`, as positions from 0 to 1 on the range's scale."""

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: Sequence[float], log: bool) -> _Span:
        return cls(min(values), max(values), log)

    def position(self, value: float) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, position: float) -> float:
        """The value at `position`, rounded; never outside the span."""
        if self.log:
            exact = self.low * math.pow(self.high / self.low, position)
        else:
            exact = self.low + (self.high - self.low) * position
        exact = min(max(exact, self.low), self.high)
        for digits in range(DIGITS, 17):
            rounded = min(max(float(f"{exact:.{digits}g}"), self.low), self.high)
            if abs(self.position(rounded) - self.position(exact)) <= ROUNDING:
                return rounded
        return exact


def _parabola(
    points: Sequence[Mapping[str, float]], values: Sequence[float], best: int, name: str, span: _Span
) -> Optimum:
    """The vertex of the parabola through the best point and its neighbours."""
    tried = {name: points[best][name]}
    at = tried[name]
    below = [i for i, point in enumerate(points) if point[name] < at]
    above = [i for i, point in enumerate(points) if point[name] > at]
    if not below or not above:
        end = "highest" if below else "lowest"
        return Optimum(tried, BEST_TRIED, f"the best tried {name} is the {end} tried")
    left = max(below, key=lambda i: (points[i][name], values[i]))
    right = min(above, key=lambda i: (points[i][name], -values[i]))
    x0, x1, x2 = (span.position(points[i][name]) for i in (left, best, right))
    rise, fall = (values[best] - values[left]) * (x2 - x1), (values[best] - values[right]) * (x1 - x0)
    if not rise + fall > 0:  # both neighbours are as good as the best
        return Optimum(tried, BEST_TRIED, "the neighbours of the best tried point have the same score")
    # the parabola through three points, shifted so that x1 = 0 and its value is 0
    vertex = x1 + (rise * (x2 - x1) - fall * (x1 - x0)) / (2 * (rise + fall))
    through = ", ".join(f"{points[i][name]:.3g}: {values[i]:.4f}" for i in (left, best, right))
    return Optimum({name: span.value(vertex)}, PARABOLA, f"through {through}")


def _gaussian_process(
    points: Sequence[Mapping[str, float]], values: Sequence[float], best: int, spans: Mapping[str, _Span]
) -> Optimum:
    """The highest posterior mean among the tried points and evenly spread points of the tried box."""
    import numpy as np
    from scipy.stats import qmc

    tried = {name: points[best][name] for name in spans}
    placed = sorted(
        (tuple(span.position(point[name]) for name, span in spans.items()), value)
        for point, value in zip(points, values, strict=True)
    )
    x, y = np.array([place for place, _ in placed]), np.array([value for _, value in placed])
    spread = qmc.Sobol(len(spans), scramble=False).random(CANDIDATES)
    fit, lengths, noise = _fit(x, y)
    candidates = np.concatenate([x, spread])
    means = fit.predict(candidates)
    if not np.isfinite(means).all():
        return Optimum(tried, BEST_TRIED, "the Gaussian process is not finite")
    highest = int(means.argmax())
    scales = ", ".join(f"{name} {length:g}" for name, length in zip(spans, lengths, strict=True))
    about = f"through {len(points)} points; length scales {scales} of the tried span, noise {noise:g}"
    if highest < len(x):  # a tried point, which needs no rounding
        at = next(
            p for p in points if tuple(s.position(p[n]) for n, s in spans.items()) == placed[highest][0]
        )
        return Optimum({name: at[name] for name in spans}, GAUSSIAN_PROCESS, about)
    found = {
        name: span.value(float(u)) for (name, span), u in zip(spans.items(), candidates[highest], strict=True)
    }
    return Optimum(found, GAUSSIAN_PROCESS, about)


def _fit(x: ndarray[Any, Any], y: ndarray[Any, Any]) -> tuple[GaussianProcessRegressor, list[float], float]:
    """The Gaussian process on `x` [n x d] with the highest marginal likelihood: (fit, length scales, noise).

    All ranges first have the same length scale. Then one range after another takes the length scale that is
    best for it, until none changes. A list of hyperparameters has an exact best; a gradient's end depends on
    the machine.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern, WhiteKernel

    known: dict[tuple[tuple[float, ...], float], float] = {}

    def fitted(lengths: tuple[float, ...], noise: float) -> GaussianProcessRegressor:
        kernel = Matern(lengths, nu=2.5) + WhiteKernel(noise)
        return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None, normalize_y=True).fit(x, y)

    def likelihood(lengths: tuple[float, ...], noise: float) -> float:
        if (lengths, noise) not in known:
            known[lengths, noise] = float(fitted(lengths, noise).log_marginal_likelihood_value_)
        return known[lengths, noise]

    d = x.shape[1]
    chosen = max(
        (((length,) * d, noise) for noise in NOISES for length in LENGTHS), key=lambda c: likelihood(*c)
    )
    while True:
        before = chosen
        for i in range(d):
            lengths, _ = chosen
            others = [(*lengths[:i], length, *lengths[i + 1 :]) for length in LENGTHS]
            every = [chosen, *((each, noise) for noise in NOISES for each in others)]
            chosen = max(every, key=lambda c: likelihood(*c))
        if chosen == before:
            return fitted(*chosen), list(chosen[0]), chosen[1]
