"""The answer in one sentence, with its interval and with what it is an answer for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.effects import winner
from analysis.results import Results

__all__ = ["answer"]

THESE, NEW = "these languages", "new languages"
SAW = {"full": ", which saw all data,", "same": ", which saw the same share,"}


def answer(results: Results) -> list[str]:
    """Sentences; the first is the answer.

    It is claim C1's number where the factors ask it, else claim C4's, else the best arm against the next,
    else the largest main effect. Where the audit has findings, no winner is named.
    """
    if results.findings:
        reasons = len(results.findings)
        return [
            f"No winner is named: the audit has {reasons} finding{'s' * (reasons > 1)}, listed below. "
            "The numbers further down describe what was run; they do not settle which arm is better."
        ]
    claim = _macro(results.claim)
    if len(claim):
        return _of_claim(results, claim)
    if len(results.advantage):
        return _of_fractions(results)
    if len(results.compared):
        more = _largest(results) if len(results.compared) > 1 else []
        return [_of_arms(results), *more]
    if main := _largest(results):
        return main
    return ["There is no answer yet: no two arms have a confirm run on the same seed."]


def _macro(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["outcome"] == "macro"]


def _of_claim(results: Results, claim: pd.DataFrame) -> list[str]:
    row = claim[claim["estimand"] == THESE].iloc[0]
    more = "more" if row["estimate"] >= 0 else "less"
    first = (
        "Initialising from the fine-tuned teacher rather than at random gains "
        f"{_size(row['estimate'])} {more} macro test accuracy {_interval(row)} than distilling rather than "
        f"training on labels alone does, {_scope(results)}."
    )
    sentences = [_so_far(results, first) + _zero(row, "which of the two does more")]
    new = claim[(claim["estimand"] == NEW) & claim["low"].notna()]
    for row in new.to_dict("records"):
        sentences.append(
            f"For new languages of the same kind the difference is {100 * row['estimate']:+.2f} points "
            f"{_interval(row)}." + _zero(row, "which of the two does more")
        )
    return sentences


def _of_fractions(results: Results) -> list[str]:
    sentences = []
    for row in results.advantage.to_dict("records"):
        seen = SAW.get(row["teacher_data"], "")
        grows = "grows" if row["estimate"] >= 0 else "shrinks"
        sentence = (
            f"With every tenfold less data the advantage of weights copied from the teacher{seen} over "
            f"random ones {grows} by {_size(row['estimate'])} of macro test accuracy {_interval(row)}, "
            f"{_scope(results)}."
        )
        sentences.append(_so_far(results, sentence) + _zero(row, "whether it grows or shrinks"))
    return sentences


def _of_arms(results: Results) -> str:
    compared = results.compared
    best, seeds = compared["arm"].iloc[0], int(compared["seeds"].min())
    row = compared.loc[compared["estimate"].idxmin()]
    if pd.isna(row["low"]):
        told = f"with {seeds} seed{'s' * (seeds != 1)} in common there is no interval"
    else:
        told = f"95% interval {_bounds(row)} for all pairs of arms together, {seeds} seeds"
    first = (
        f"The arm {best} has the highest mean macro test accuracy, {_size(row['estimate'])} above the next, "
        f"{row['other']} ({told}), {_scope(results)}."
    )
    shown = (
        " It is shown to be above every other arm."
        if winner(compared)
        else _zero(row, "them apart") or " No arm is shown to be above all others."
    )
    return _so_far(results, first) + shown


def _largest(results: Results) -> list[str]:
    main = _macro(results.effects[results.effects["kind"] == "main"])
    main = main[(main["estimand"] == THESE) & main["estimate"].notna()]
    if main.empty:
        return []
    row = main.loc[main["estimate"].abs().idxmax()]
    first = (
        f"The largest main effect is {row['effect']}: {100 * row['estimate']:+.2f} points of macro test "
        f"accuracy {_interval(row)}, {_scope(results)}."
    )
    return [_so_far(results, first) + _zero(row, "its sign")]


def _so_far(results: Results, sentence: str) -> str:
    return f"So far: {sentence}" if results.record.partial else sentence


def _scope(results: Results) -> str:
    record = results.record
    teachers = int((record.trials["phase"] == "teacher").sum())
    teacher = "for these teachers" if teachers > 1 else "for this teacher"
    tuned = ", ".join(sorted(record.nuisance))
    values = f"at the selected values of {tuned}" if tuned else "at the fixed values of all hyperparameters"
    count = len(results.languages)
    return f"{teacher}, {values}, on these {count} languages"


def _size(estimate: float) -> str:
    return f"{100 * abs(estimate):.2f} points"


def _bounds(row: Any) -> str:
    return f"{100 * row['low']:.2f} to {100 * row['high']:.2f}"


def _interval(row: Any) -> str:
    seeds = int(row["seeds"])
    if pd.isna(row["low"]):
        return f"(no interval: {seeds} seed{'s' * (seeds != 1)})"
    return f"(95% interval {_bounds(row)}, {seeds} seeds)"


def _zero(row: Any, what: str) -> str:
    """Says it plainly where the interval contains 0."""
    contains = not pd.isna(row["low"]) and row["low"] <= 0 <= row["high"]
    return f" The interval contains 0: these runs do not tell {what}." if contains else ""
