"""Planted studies whose arms are equal at their best learning rates, with optima of unequal widths.

Each arm has a best rate that nobody knows, and a curve around it (`optima.py`). The search tries evenly
spread rates, the same in all arms, and sees one noisy score at each. Confirm runs then score at the selected
rate. What the report's own functions claim is false, because the estimand is the difference at the best
values: best against best. `simulate.py` has the difference at the selected values as its estimand.

Selected is the best tried rate, or the interpolated optimum (`study.optimum`). Intervals are with the
tuning's part (`analysis.search.optimum`) or without.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import qmc

from analysis.record.domain import Value
from analysis.search.axes import ALONG
from analysis.search.optimum import QUIET, shortfall
from analysis.search.response import Response
from analysis.statistics.effects.arms import best_against_others, winner
from analysis.statistics.effects.contrasts import Contrast, main_effects
from analysis.statistics.effects.copying import copying_of
from analysis.statistics.effects.precision import interval_of
from analysis.statistics.effects.runs import Runs
from analysis.statistics.effects.tuning import Shortfall
from analysis.statistics.intervals import ALPHA, Interval, holm
from study.optimum import interpolate
from tests.analysis.optima import Array, Curve

__all__ = ["Arm", "Planted", "judged", "studies"]

FACTORS: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "alpha": (1.0, 0.2)}
CELLS: tuple[dict[str, Value], ...] = tuple(
    {"init": init, "alpha": alpha} for init in FACTORS["init"] for alpha in FACTORS["alpha"]
)


@dataclass(frozen=True)
class Arm:
    """curve: the accuracy lost off the best rate. best: log units above the lowest rate, between which the
    best rate lies. noise: of one score of validation.
    """

    curve: Curve
    best: tuple[float, float]
    noise: float = 0.01


@dataclass(frozen=True)
class Planted:
    """copies and random: two arms of each, on labels and distilled, each with a best rate of its own.

    trials: of each search; seeds: confirm runs of each arm. length: log units that the range of rates spans.
    test: the noise of a test score, in units of the noise of a validation score.
    """

    copies: Arm
    random: Arm
    trials: int = 8
    seeds: int = 5
    length: float = math.log(1000)
    test: float = 1.2


def studies(planted: Planted, count: int, interpolated: bool, rng: np.random.Generator) -> Iterator[Runs]:
    """`count` independent studies, as the runs that the report reads, with the tuning of each arm."""
    power = max(1, planted.trials - 1).bit_length()
    names = tuple(" ".join(f"{name}={level}" for name, level in cell.items()) for cell in CELLS)
    for _ in range(count):
        tried = planted.length * qmc.Sobol(1, rng=rng).random_base2(power)[: planted.trials, 0]
        values, tuning = [], {}
        for name, cell in zip(names, CELLS, strict=True):
            arm = planted.copies if cell["init"] == "teacher" else planted.random
            scores, tuning[name] = _tuned(planted, arm, tried, interpolated, rng)
            values.append(scores)
        seeds = tuple(range(1, planted.seeds + 1))
        yield Runs(names, seeds, ("all",), np.array(values)[:, :, None], CELLS, tuning)


def _tuned(
    planted: Planted, arm: Arm, tried: Array, interpolated: bool, rng: np.random.Generator
) -> tuple[Array, Shortfall]:
    """The test scores of an arm, whose best value is 0, and its shortfall as the report computes it."""
    best = rng.uniform(*arm.best)
    seen = -arm.curve(tried - best) + arm.noise * rng.standard_normal(len(tried))
    if interpolated:
        points = [{"learning_rate": math.exp(at)} for at in tried]
        selected = math.log(
            interpolate(points, seen.tolist(), {"learning_rate": True}).point["learning_rate"]
        )
    else:
        selected = float(tried[seen.argmax()])
    reached = -float(arm.curve(np.array(selected - best)))
    noise = max(float(np.std(arm.noise * rng.standard_normal(planted.seeds), ddof=1)), QUIET)
    along = np.linspace(0, planted.length, ALONG)[:, None]
    lacking = shortfall(Response(tried[:, None], seen, noise), np.array([[selected]]), along)
    return reached + planted.test * arm.noise * rng.standard_normal(planted.seeds), lacking


def judged(found: Iterable[Runs], tuning: bool = True) -> dict[str, float]:
    """Shares of studies with a false claim, and what intervals cover, by the report's own functions.

    C1: copying or distilling is claimed to matter more. effect: some main effect, after Holm's correction.
    winner: of two arms (on labels, random and copied) the better one is named. covered, pair: the interval of
    copying, and of the two arms, contains 0, which is the difference best against best. width: the mean width
    of the interval of the two arms, in points.
    """
    rows = [_judged(each if tuning else replace(each, tuning={})) for each in found]
    names = ("C1", "effect", "winner", "covered", "pair", "width")
    return {"studies": len(rows)} | dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def _judged(runs: Runs) -> tuple[float, ...]:
    mains = [_interval(runs, contrast) for contrast in main_effects(runs, FACTORS)]
    claim = copying_of(runs, FACTORS)
    assert claim is not None
    two = _of_labels(runs)
    (pair,) = (_interval(two, contrast) for contrast in main_effects(two, {"init": FACTORS["init"]}))
    return (
        claim.shown in ("copying", "distilling"),
        bool((holm(np.array([each.p for each in mains])) < ALPHA).any()),
        winner(best_against_others(two)) is not None,
        mains[0].low <= 0 <= mains[0].high,
        pair.low <= 0 <= pair.high,
        100 * (pair.high - pair.low),
    )


def _interval(runs: Runs, contrast: Contrast) -> Interval:
    paired = contrast.on_languages(runs, [0])
    assert paired is not None
    return interval_of(paired)


def _of_labels(runs: Runs) -> Runs:
    """The two arms that are trained on labels alone."""
    kept = [number for number, cell in enumerate(runs.cells) if cell["alpha"] == 1.0]
    cells: tuple[dict[str, Value], ...] = tuple({"init": runs.cells[number]["init"]} for number in kept)
    arms = tuple(runs.arms[number] for number in kept)
    return replace(runs, arms=arms, values=runs.values[kept], cells=cells)
