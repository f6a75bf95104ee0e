"""The answer in sentences: a number, its interval, and the scope for which the number holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.formats import margin_text, p_value, points, signed
from analysis.record.metric import in_words
from analysis.statistics.effects.arms import next_best, winner
from analysis.statistics.effects.estimates import THESE_LANGUAGES
from analysis.statistics.effects.precision import interval_for
from analysis.statistics.effects.runs import TEACHER_SEED, over_teachers, runs_of
from analysis.statistics.intervals import ALPHA
from analysis.verdict.claim import claim_in_words
from analysis.verdict.front_answer import front_answer
from analysis.verdict.results import Results
from analysis.verdict.scope import saw, scope, tuning_in
from analysis.verdict.sweep_answer import sweep_answer
from analysis.verdict.transfer import transfer_in_words

__all__ = ["answer"]

SLOPE = (
    "whether the difference rises or falls",
    "the fitted straight line stays equal from the smallest to the largest share of the data",
)
"""What runs do not show if the interval of a slope contains 0; what they show if it is within the margin."""


def answer(results: Results) -> list[str]:
    """The answer as a list of paragraphs, in the words of the study's metric; see `_answer`."""
    return [in_words(results.record.metric, paragraph) for paragraph in _answer(results)]


def _answer(results: Results) -> list[str]:
    """The answer as a list of paragraphs. The first paragraph is the answer, the others add to the answer.

    The answer is claim C1 (`claim.py`) if the factors of the study ask for claim C1; otherwise the number of
    claim C4 if the factors ask for claim C4; otherwise the best arm against the next arm, and the largest
    main effect of each factor. If students have unseen languages, a paragraph on copying in these languages
    follows. For a study with one arm, the answer is the accuracy of the arm. A study that varies
    hyperparameters has an answer of its own (`sweep_answer.py`). In a study with costs, a paragraph on its
    Pareto front follows (`front_answer.py`), or is the answer if there is one arm. If the audit
    has findings, the answer names no winner. If an interval contains 0 and the two one-sided tests exclude a
    difference of the margin or more, the answer calls the two sides equal. P values of numbers that are
    claimed together are corrected together (Holm): the slopes of C4 with each other.
    """
    where = scope(results) if results.languages else "on the validation texts of the study"
    front = front_answer(results.record, results.front, where)
    if results.sweep is not None:
        return [*sweep_answer(results.sweep, len(results.findings)), *front]
    if front and len(results.record.arms) == 1:
        return [*front, *_beside_a_front(results)]
    return [*_of_selected(results), *front]


def _beside_a_front(results: Results) -> Iterator[str]:
    """What the audit found of a study with one arm and a front."""
    if count := len(results.findings):
        yield f"The audit has {count} finding{'s' * (count > 1)}, listed below: other students may be better."


def _of_selected(results: Results) -> list[str]:
    """The answer of a study that selects: a comparison of its arms."""
    if {finding.rule for finding in results.findings} == {"arms"} and results.languages:
        return [_of_one(results)]
    if results.findings:
        reasons = len(results.findings)
        return [
            f"No winner is named: the audit has {reasons} finding{'s' * (reasons > 1)}, listed below. "
            "The numbers in this report describe the runs; they do not show which arm is better."
        ]
    if results.copying is not None:
        claim = results.copying
        row = {
            "averaged_over": ", ".join(claim.averaged_over),
            "texts": claim.intervals["copying"].texts,
            "could_be_tuning": claim.could_be_tuning,
        }
        return [*claim_in_words(claim, _scope(results, row), bool(results.unseen)), *_of_transfer(results)]
    if len(results.advantage):
        return [*_of_fractions(results), *_of_transfer(results)]
    if len(results.compared):
        more = _of_factors(results) if len(results.compared) > 1 else []
        return [_of_arms(results), *_of_transfer(results), *more]
    if len(results.confirmed) and not results.languages:
        return [
            "There is no answer: the record has no scores per language, and all numbers need these scores."
        ]
    return ["There is no answer yet: no seed has confirm runs in all arms.", *_of_factors(results)]


def _macro(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["outcome"] == "macro"]


def _of_fractions(results: Results) -> list[str]:
    return [
        "With every tenfold reduction of the data, the difference between weights copied from the teacher"
        f"{saw(results, row)} and random weights (teacher - random) changes by "
        f"{_points(row['estimate'])} of macro test accuracy {_interval(row)}."
        f"{_zero(results.record.margin, row, *SLOPE, of_all=row['decades'])} "
        f"{_scope(results, row)}"
        for row in results.advantage.to_dict("records")
    ]


def _of_transfer(results: Results) -> Iterator[str]:
    """Whether copying preserves transfer, if there are random and copied students with unseen languages."""
    return transfer_in_words(results.transfer, results.record.margin)


def _of_arms(results: Results) -> str:
    compared, row = results.compared, next_best(results.compared)
    seeds = _seeds(row)
    if pd.isna(row["low"]):
        bounds = f"no interval: the arms share {seeds}"
    else:
        bounds = f"95% interval {_bounds(row)}, {seeds}"
    first = (
        f"The arm {row['arm']} has the highest mean macro test accuracy. The difference from the next arm, "
        f"{row['other']}, is {_points(row['estimate'])} ({bounds})."
    )
    unknown, corrected = "which of the two arms is better", ", corrected for all pairs of arms"
    shown = (
        " These runs show that the best arm is above every other arm."
        if winner(compared)
        else _zero(
            results.record.margin,
            row.to_dict() | {"p_holm": row["p"]},
            unknown,
            "these two arms are equal",
            corrected,
        )
        or " These runs do not show that one arm is above all other arms."
    )
    return f"{first}{shown} {_scope(results)}{tuning_in(row)}"


def _of_factors(results: Results) -> list[str]:
    """The largest main effect of each factor, and whether the runs show the sign of the effect."""
    main = _macro(results.effects[results.effects["kind"] == "main"])
    main = main[(main["estimand"] == THESE_LANGUAGES) & main["estimate"].notna()]
    sentences = []
    for _, of_factor in main[main["factor"] != TEACHER_SEED].groupby("factor", sort=False):
        row = of_factor.loc[of_factor["estimate"].abs().idxmax()]
        sentence = (
            f"The largest main effect of {row['factor']} is {row['levels']}: {_points(row['estimate'])} of "
            f"macro test accuracy {_interval(row)}."
        )
        if pd.notna(row["p_holm"]):
            # the effect was chosen because it is large, so its own interval and p claim too much
            shown = "these runs show" if row["p_holm"] < ALPHA else "these runs do not show"
            sentence += (
                f" After Holm's correction for all {main['p'].count()} main effects, {shown} the sign of "
                "this "
                f"effect (p {p_value(row['p_holm'])}); the interval is not corrected."
            )
        sentences.append(f"{sentence} {_scope(results, row)}")
    return sentences


def _of_one(results: Results) -> str:
    """For a study with one arm: the accuracy of the students of this arm."""
    runs = over_teachers(runs_of(results.confirmed, {}, correct=results.correct))
    macro = runs.values[0].mean(axis=1)  # the study has one arm
    seeds = np.isfinite(macro)
    texts = runs.texts.spread(np.ones(1), seeds, runs.shared([0])) if runs.texts else None
    found = interval_for(macro[seeds], texts)
    row = {"low": found.low, "high": found.high, "seeds": found.n}
    name = "" if runs.arms[0] == "all" else f", {runs.arms[0]}"
    return (
        f"The study has one arm{name}, and therefore no winner. The students of this arm have a macro test "
        f"accuracy of {points(found.estimate)}% {_interval(row)}. {_scope(results)}"
    )


def _scope(results: Results, row: Any = None) -> str:
    return f"Scope: {scope(results, row)}.{tuning_in(row)}"


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


def _zero(margin: float, row: Any, unknown: str, equal: str, corrected: str = "", of_all: float = 1.0) -> str:
    """A sentence for a difference that is not shown, or that is shown to be within the margin; otherwise
    empty.

    A difference is not shown if its interval contains 0, or if its corrected p is `ALPHA` or more. `unknown`:
    what the runs do not show. `equal`: what the tests show for a difference within the margin. `corrected`:
    for which comparisons the tests are corrected. `of_all`: the factor between the difference of the row and
    the difference that must be within the margin.
    """
    if pd.isna(row["low"]):
        return ""
    if not row["low"] <= 0 <= row["high"]:
        shown = row["p_holm"] < ALPHA
        return (
            "" if shown else f" After Holm's correction (p {p_value(row['p_holm'])}), {_not_shown(unknown)}."
        )
    if row["equivalent_within"] * of_all <= margin:
        return (
            f" The interval contains 0, and two one-sided tests (TOST, at 5%{corrected}) show that {equal} "
            f"within {margin_text(margin)}."
        )
    return f" The interval contains 0: {_not_shown(unknown)}."


def _not_shown(what: str) -> str:
    return f"these runs do not show {what}"
