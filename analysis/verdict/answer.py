"""The answer in one sentence, with its interval and with what it is an answer for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.record.formats import p_value, points, signed
from analysis.statistics.effects.arms import next_best, winner
from analysis.statistics.effects.estimates import NEW_LANGUAGES, THESE_LANGUAGES, claim_parts
from analysis.statistics.effects.runs import TEACHER_SEED, over_teachers, runs_of
from analysis.statistics.intervals import ALPHA, MARGIN, paired_t
from analysis.verdict.results import Results
from analysis.verdict.scope import saw, scope

__all__ = ["answer"]

WHICH = ("which of the two does more", "the two effects are equal")
"""What is not told where the interval of a difference contains 0; what is where it is shown to be none."""

EQUAL_DIFFERENCE = "from the smallest to the largest share of the data its straight line stays equal"


def answer(results: Results) -> list[str]:
    """Sentences; the first is the answer.

    It is claim C1's number where the factors ask it, else claim C4's, else the best arm against the next and
    of each factor the largest main effect; of one arm it is how well that does. Where the audit has findings,
    no winner is named. Where an interval contains 0 and the margin that does not matter is excluded, the two
    are said to be equal. What is claimed together is corrected together (Holm): C1's number with how copying
    and distilling act on one another, C4's slopes with each other.
    """
    if {finding.rule for finding in results.findings} == {"arms"} and results.languages:
        return [_of_one(results)]
    if results.findings:
        reasons = len(results.findings)
        return [
            f"No winner is named: the audit has {reasons} finding{'s' * (reasons > 1)}, told below. "
            "The numbers further down describe what was run; they do not settle which arm is better."
        ]
    claim = _macro(results.claim)
    if len(claim):
        return _of_claim(results, claim)
    if len(results.advantage):
        return _of_fractions(results)
    if len(results.compared):
        more = _of_factors(results) if len(results.compared) > 1 else []
        return [_of_arms(results), *more]
    if len(results.confirmed) and not results.languages:
        return ["There is no answer: scores per language, over which all is computed, are not on record."]
    return ["There is no answer yet: no seed has a confirm run of every arm.", *_of_factors(results)]


def _macro(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["outcome"] == "macro"]


def _of_claim(results: Results, claim: pd.DataFrame) -> list[str]:
    row = claim[claim["estimand"] == THESE_LANGUAGES].iloc[0]
    parts = claim_parts(results.confirmed, results.factors)
    assert parts is not None  # the claim is their difference
    alphas = ", ".join(map(str, parts.alphas))
    mean = f" (the mean at alpha {alphas})" if len(parts.alphas) > 1 else ""
    sentences = [
        "Initialising from the fine-tuned teacher rather than at random changes macro test accuracy by "
        f"{_points(parts.init)}, distilling rather than training on labels alone by "
        f"{_points(parts.distillation)}{mean}, each averaged over the other: a difference of "
        f"{_points(row['estimate'])} {_interval(row)}, which is what copying without distilling has over "
        f"distilling without copying, {scope(results, row)}." + _zero(row, *WHICH)
    ]
    new = claim[(claim["estimand"] == NEW_LANGUAGES) & claim["low"].notna()]
    for row in new.to_dict("records"):
        sentences.append(
            f"For new languages of the same kind the difference is {_points(row['estimate'])} "
            f"{_interval(row)}." + _zero(row, *WHICH)
        )
    crossed = _macro(results.claim_interaction)
    crossed = crossed[(crossed["estimand"] == THESE_LANGUAGES) & (crossed["p_holm"] < ALPHA)]
    for row in crossed.to_dict("records"):  # means over each other's levels hide that the two interact
        sentences.append(
            "These are means, and the one depends on the other: copying changes accuracy by "
            f"{_points(row['estimate'])} more where students are distilled than where not {_interval(row)}."
        )
    return sentences


def _of_fractions(results: Results) -> list[str]:
    return [
        "With every tenfold less data the difference between weights copied from the teacher"
        f"{saw(results, row)} and random ones (teacher - random) changes by "
        f"{_points(row['estimate'])} of macro test accuracy {_interval(row)}, {scope(results, row)}."
        + _zero(row, "whether it rises or falls", EQUAL_DIFFERENCE, of_all=row["decades"])
        for row in results.advantage.to_dict("records")
    ]


def _of_arms(results: Results) -> str:
    compared, row = results.compared, next_best(results.compared)
    seeds = _seeds(row)
    if pd.isna(row["low"]):
        told = f"no interval: {seeds} in common"
    else:
        told = f"95% interval {_bounds(row)} for all pairs of arms together, {seeds}"
    first = (
        f"The arm {row['arm']} has the highest mean macro test accuracy, {_points(row['estimate'])} against "
        f"the next, {row['other']} ({told}), {scope(results)}."
    )
    shown = (
        " It is shown to be above every other arm."
        if winner(compared)
        else _zero(row, "them apart", "these two arms are equal", ", corrected for all pairs of arms")
        or " No arm is shown to be above all others."
    )
    return first + shown


def _of_factors(results: Results) -> list[str]:
    """Of each factor the largest main effect, and whether its sign is shown."""
    main = _macro(results.effects[results.effects["kind"] == "main"])
    main = main[(main["estimand"] == THESE_LANGUAGES) & main["estimate"].notna()]
    sentences = []
    for _, of_factor in main[main["factor"] != TEACHER_SEED].groupby("factor", sort=False):
        row = of_factor.loc[of_factor["estimate"].abs().idxmax()]
        sentence = (
            f"The largest main effect of {row['factor']} is {row['levels']}: {_points(row['estimate'])} of "
            f"macro test accuracy {_interval(row)}, {scope(results, row)}."
        )
        if pd.notna(row["p_holm"]):
            # it was chosen for being large, so its own interval and p say too much
            told = "its sign is shown" if row["p_holm"] < ALPHA else "these runs do not tell its sign"
            sentence += (
                f" After Holm's correction for all main effects, {main['p'].count()} in number, {told} (p "
                f"{p_value(row['p_holm'])}); the interval is not corrected."
            )
        sentences.append(sentence)
    return sentences


def _of_one(results: Results) -> str:
    """Of a study with one arm: how well its selected student does."""
    runs = over_teachers(runs_of(results.confirmed, {}))
    macro = runs.values[0].mean(axis=1)  # of the one arm that there is
    found = paired_t(macro[np.isfinite(macro)])
    row = {"low": found.low, "high": found.high, "seeds": found.n}
    name = "" if runs.arms[0] == "all" else f", {runs.arms[0]}"
    return (
        f"There is one arm{name}, and so no winner: its students have a macro test accuracy of "
        f"{points(found.estimate)}% {_interval(row)}, {scope(results)}."
    )


def _points(estimate: float) -> str:
    return f"{signed(estimate)} points"


def _bounds(row: Any) -> str:
    return f"{points(row['low'])} to {points(row['high'])}"


def _seeds(row: Any) -> str:
    seeds = int(row["seeds"])
    return f"{seeds} seed{'s' * (seeds != 1)}"


def _interval(row: Any) -> str:
    if pd.isna(row["low"]):
        return f"(no interval: {_seeds(row)})"
    return f"(95% interval {_bounds(row)}, {_seeds(row)})"


def _zero(row: Any, untold: str, equal: str, corrected: str = "", of_all: float = 1.0) -> str:
    """Says it plainly where nothing is told, or the two are shown to be equal.

    Nothing is told where the interval contains 0, or the test says so after its correction for others.
    `of_all`: how many times the row's difference is the one that must be within the margin.
    """
    if pd.isna(row["low"]):
        return ""
    if not row["low"] <= 0 <= row["high"]:
        shown = row["p_holm"] < ALPHA
        return "" if shown else f" After Holm's correction (p {p_value(row['p_holm'])}) {_not_told(untold)}."
    if row["equivalent_within"] * of_all <= MARGIN:
        return (
            f" The interval contains 0, and {equal} within {100 * MARGIN:g} point (two one-sided tests, "
            f"TOST, at 5%{corrected})."
        )
    return f" The interval contains 0: {_not_told(untold)}."


def _not_told(what: str) -> str:
    return f"these runs do not tell {what}"
