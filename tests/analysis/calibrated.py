"""The numbers that the report prints, held against the truth of simulated studies: coverage and errors.

A statistic gives, for each of the studies in which there is one, its interval and the truth. Effects and
the slope of claim C4 are taken from the array of a study's runs; `test_calibration.py` shows that the tables
of the report say the same. The F tests and the steps of claim C5 go through the report's own functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from analysis.statistics.conclusion import EQUAL, conclusion
from analysis.statistics.convergence import convergence_difference
from analysis.statistics.effects.arms import best_against_others, winner
from analysis.statistics.effects.contrasts import (
    Contrast,
    Paired,
    interactions,
    main_effects,
)
from analysis.statistics.effects.copying import four_arms
from analysis.statistics.effects.precision import (
    interval_of,
    intervals_of_languages,
    new_languages_of,
)
from analysis.statistics.effects.runs import Runs
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.intervals import ALPHA, MARGIN, Interval, holm, paired_t
from tests.analysis.simulate import Array, Scenario, Studies

__all__ = [
    *("Found", "Rates", "Statistic", "contrasts_of", "coverage", "f_tests", "in_new_languages"),
    *("language_claimed", "macro", "main_effect_claimed", "of_a_language", "rates", "shown_equal"),
    *("sign_concluded", "steps", "winners", "without_texts", "worst"),
]

Rates = dict[str, float]
Found = Iterable[tuple[Interval, float]]
Statistic = Callable[[Studies, str], Found]

LIMIT = 0.97  # of the final score of copied students: where random ones end


def contrasts_of(studies: Studies) -> dict[str, Contrast]:
    """The effects of the studies' one design by name, claims C1 and C4 as "C1" and "C4"."""
    empty = replace(studies, values=np.zeros_like(studies.values[:1]))
    runs, factors = empty.runs(0), studies.scenario.factors
    found = {c.name: c for c in (*main_effects(runs, factors), *interactions(runs, factors))}
    claimed = {"C1": four_arms(runs, factors, "copying - distilling"), "C4": _slope(runs)}
    return found | {name: contrast for name, contrast in claimed.items() if contrast}


def _slope(runs: Runs) -> Contrast | None:
    """What `analysis.statistics.fractions.fraction_interaction` estimates where init and data fraction are
    the factors.

    It is one weighted sum of all arms: with x = log10 fraction - its mean, -x / sum x^2 of init=teacher at
    each fraction, less as much of init=random.
    """
    if runs.cells[0].keys() != {"init", "data_fraction"}:
        return None
    kept = [a for a, cell in enumerate(runs.cells) if cell["init"] in ("teacher", "random")]
    x = np.log10([float(runs.cells[a]["data_fraction"]) for a in kept])
    x -= x.mean()
    sign = np.array([1 if runs.cells[a]["init"] == "teacher" else -1 for a in kept])
    weights = tuple(-sign * x / (x @ x / 2))  # both inits are in x
    groups = ((weights, (tuple(kept),)),)
    return Contrast("contrast", "slope", "of teacher - random", groups, ("init", "data_fraction"))


def macro(studies: Studies, effect: str) -> Found:
    """On these languages, over seeds and, if there are any, texts."""
    contrast = contrasts_of(studies)[effect]
    for study, truth in enumerate(studies.these):
        paired = contrast.on_languages(studies.runs(study), studies.every)
        if paired and len(paired.differences) > 1:
            yield interval_of(paired), float(paired.weights @ truth)


def in_new_languages(studies: Studies, effect: str) -> Found:
    contrast = contrasts_of(studies)[effect]
    for study, truth in enumerate(studies.new):
        paired = contrast.on_languages(studies.runs(study), studies.every)
        if paired and len(paired.differences) > 1:
            yield new_languages_of(paired, interval_of(paired)), float(paired.weights @ truth)


def worst(studies: Studies, effect: str) -> Found:
    """The lowest language of each run."""
    contrast = contrasts_of(studies)[effect]
    for study, truth in enumerate(studies.worst):
        paired = contrast.on_the_lowest(studies.runs(study), studies.every)
        if paired and len(paired.differences) > 1:
            yield interval_of(paired), float(paired.weights @ truth)


def of_a_language(studies: Studies, effect: str) -> Found:
    """The first of them, in the table of all."""
    for study, intervals in enumerate(_of_languages(studies, effect)):
        for paired, interval in intervals[:1]:
            if len(paired.differences) > 1:
                yield interval, float(paired.weights @ studies.languages[study, :, 0])


def _of_languages(studies: Studies, effect: str) -> Iterator[list[tuple[Paired, Interval]]]:
    """For each study, the intervals of all its languages."""
    contrast = contrasts_of(studies)[effect]
    for study in range(len(studies.values)):
        runs = studies.runs(study)
        each = [contrast.on_languages(runs, [language]) for language in studies.every]
        both = zip(each, intervals_of_languages(each), strict=True)
        yield [(paired, interval) for paired, interval in both if paired and interval]


def without_texts(statistic: Statistic) -> Statistic:
    """The same interval over seeds only, and of a language alone: as it was before texts were on record."""

    def over_seeds(studies: Studies, effect: str) -> Found:
        if statistic is of_a_language:
            contrast = contrasts_of(studies)[effect]
            for study, values in enumerate(studies.values):
                if (paired := contrast.paired(values[:, :, :1])) and len(paired.differences) > 1:
                    truth = float(paired.weights @ studies.languages[study, :, 0])
                    yield paired_t(paired.differences[:, 0]), truth
        else:
            yield from statistic(replace(studies, correct=()), effect)

    return over_seeds


def steps(studies: Studies, effect: str, criterion: str = "own", reports: int = 60) -> Found:
    """log2 of the steps to 90% of a final score (claim C5), by the report's own functions.

    `values` are log2 of the steps c in which a run's distance from its limit falls to 1/e: accuracy at step t
    is ``L (1 - exp(-t / c))``, seen at t = 1 ... `reports`. L is 1, and `LIMIT` at random init where the
    criterion is the "better" init's final score. A study that tells no interval is none. If a run never
    reaches the target, the truth is that of its curve continued.
    """
    assert effect == "init: teacher - random", effect
    contrast, at = contrasts_of(studies)[effect], np.arange(1, reports + 1)
    lower = criterion == "better"
    limits = np.array([LIMIT if lower and cell["init"] == "random" else 1.0 for cell in studies.cells])
    for study, expected in enumerate(studies.these):
        runs = studies.runs(study)
        constant = 2 ** runs.values.mean(axis=2)
        scores = limits[:, None, None] * (1 - np.exp(-at / constant[:, :, None]))
        index = pd.MultiIndex.from_product([runs.arms, runs.seeds, at], names=["arm", "seed", "step"])
        curves = pd.Series(scores.ravel(), index, name="macro").reset_index()
        cells = pd.DataFrame(list(runs.cells), index=pd.Index(runs.arms, name="arm"))
        table = convergence_difference(curves, cells, studies.scenario.factors)
        found = table.set_index("criterion").loc[criterion]
        estimate, low, high, p = (float(found[column]) for column in ("estimate", "low", "high", "p"))
        paired = contrast.paired(runs.values)
        assert paired is not None
        seeds = int(found["seeds"])
        if not math.isnan(found["low"]):
            truth = _log2_steps(expected, studies.scenario, limits, reports, lower)
            interval = Interval(estimate, low, high, p, df=seeds - 1, n=seeds)
            yield interval, float(paired.weights @ truth)


def _log2_steps(expected: Array, scenario: Scenario, limits: Array, reports: int, lower: bool) -> Array:
    """[arms]: what is expected of log2 of the step at which a run's curve itself is at its target."""
    assert isinstance(scenario.arm_seed, float)
    spread = math.hypot(scenario.seed, scenario.arm_seed)
    constant = 2 ** (expected[:, None] + spread * ndtri((np.arange(1000) + 0.5) / 1000))
    finals = limits[:, None] * (1 - np.exp(-reports / constant))
    target = 0.9 * (finals.mean(axis=1).max() if lower else finals)
    return np.log2(-constant * np.log(1 - target / limits[:, None])).mean(axis=1)


def coverage(studies: Studies, effect: str, statistic: Statistic = macro) -> Rates:
    return rates(statistic(studies, effect))


def rates(found: Found) -> Rates:
    """Over the studies: share of intervals that hold the truth, share of p < 0.05, the intervals' mean width,
    and the estimates' mean error in units of its standard error (`bias`).

    Where runs are lost, the truth is that of the cells that the estimate is of. An interval that is open at
    one end has no estimate and no width.
    """
    held = list(found)
    closed = [(interval, truth) for interval, truth in held if not math.isnan(interval.estimate)]
    errors = [interval.estimate - truth for interval, truth in closed]
    return {
        "studies": len(held),
        "covered": _share(interval.low <= truth <= interval.high for interval, truth in held),
        "claimed": _share(interval.p < ALPHA for interval, _ in held),
        "width": float(np.mean([interval.high - interval.low for interval, _ in closed])),
        "bias": float(np.mean(errors) / np.std(errors, ddof=1) * np.sqrt(len(errors))),
    }


def shown_equal(found: Found) -> float:
    """Share of the studies that claim "no difference": that it is shown to be within `MARGIN`."""
    return _share(interval.within <= MARGIN for interval, _ in found)


def winners(studies: Studies) -> Rates:
    """Share of the studies that claim the best arm to be above any other (`better`), above all (`winner`)."""
    better, won = [], []
    for study in range(len(studies.values)):
        compared = best_against_others(studies.runs(study))
        better.append(bool(compared["p_holm"].min() < ALPHA))
        won.append(better[-1] and winner(compared) is not None)
    return {"studies": len(won), "better": _share(better), "winner": _share(won)}


def sign_concluded(studies: Studies) -> float:
    """Share of the studies whose answer claims a sign: of C1's number, or of any of C4's slopes."""
    concluded = conclusion(studies.table(0), studies.scenario.factors)
    assert "claim C" in concluded.about
    codes = concluded.of(studies.values.mean(axis=3))
    return _share(((codes != 0) & (codes != EQUAL)).any(axis=1))


def main_effect_claimed(studies: Studies, of: str = "macro") -> float:
    """Share of the studies that claim any main effect on macro, or on worst, after Holm's correction."""
    mains = [c for c in contrasts_of(studies).values() if c.kind == "main"]

    def found(runs: Runs) -> Iterator[Interval]:
        for contrast in mains:
            on = contrast.on_languages if of == "macro" else contrast.on_the_lowest
            if paired := on(runs, studies.every):
                yield interval_of(paired)

    return _share(_any_claimed(found(studies.runs(study))) for study in range(len(studies.values)))


def language_claimed(studies: Studies, effect: str) -> float:
    """Share of the studies that claim `effect` in any of their languages, after Holm's correction."""
    of_studies = _of_languages(studies, effect)
    return _share(_any_claimed(interval for _, interval in found) for found in of_studies)


def _any_claimed(family: Iterable[Interval]) -> bool:
    corrected = holm(np.array([interval.p for interval in family]))
    return bool((corrected < ALPHA).any())


def f_tests(studies: Studies) -> Rates:
    """Share of the studies with p < 0.05 in the F test of each term of the shares of variance."""
    factors = studies.scenario.factors
    tables = (variance_shares(studies.table(n), factors) for n in range(len(studies.values)))
    p = pd.DataFrame([table.set_index("term")["p"] for table in tables])
    shares = (p < ALPHA).mean()[p.notna().any()].drop("seed")
    return {"studies": len(p), **{str(term): float(share) for term, share in shares.items()}}


def _share(cases: Iterable[bool]) -> float:
    return float(np.mean(list(cases)))
