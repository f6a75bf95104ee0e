"""The answer of a study that varies hyperparameters, in sentences: effects, pairs, claim C4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.record.formats import interval, number, points, signed
from analysis.record.languages import SUMMARIES
from analysis.statistics.intervals import ALPHA
from analysis.sweep.swept import MACRO, Sweep

__all__ = ["sweep_answer", "sweep_scope"]

MOST = 3
"""Interactions that the answer names."""


def sweep_answer(sweep: Sweep, findings: int) -> list[str]:
    """The answer as a list of paragraphs; the first one has the strongest effect.

    An effect is called shown if its interval excludes 0 and its p value is below 5% after Holm's correction
    over all effects on macro. findings: the number of findings of the audit; with any, no effect is claimed.
    """
    if findings:
        plural = "s" * (findings > 1)
        return [f"No effect is claimed: the audit has {findings} finding{plural}, listed below."]
    if sweep.model is None:
        return [
            f"There is no answer yet: {len(sweep.trials)} trials have a score above chance, and the simplest "
            f"model of {len(sweep.factors)} hyperparameters needs {sweep.fewest}."
        ]
    macro = sweep.effects[sweep.effects["score"] == MACRO]
    ends = {factor.name: factor.ends[::-1] for factor in sweep.factors}
    asked = [ends[row.factor] == (row.at, row.against) for row in macro.itertuples()]
    rows = macro[asked].set_index("factor").loc[sweep.strongest].reset_index().to_dict("records")
    return [*_effects(rows), *_pairs(sweep), *_advantage(sweep), f"Scope: {sweep_scope(sweep)}."]


def sweep_scope(sweep: Sweep) -> str:
    """For what the effects hold, as part of a sentence."""
    tuned = [factor.name for factor in sweep.factors if factor.nuisance]
    best = f"at the best {', '.join(tuned)} of each setting, " if tuned else ""
    languages = len(set(sweep.scores) - set(SUMMARIES))
    texts = "this language" if languages == 1 else f"these {languages} languages"
    return (
        "each effect is averaged over all values of the other factors, "
        f"{best}for {_teacher(sweep)}, on the validation texts of {texts}; intervals are over seeds and "
        "data samples"
    )


def _teacher(sweep: Sweep) -> str:
    record = sweep.record
    if any(factor.name == "teacher_seed" for factor in sweep.factors):
        return "the teachers of the study"
    return (
        "this teacher"
        if record.facts.get("teacher") or record.fixed.get("teacher_data") != "full"
        else ("this teacher, which saw all data")
    )


def _effects(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One paragraph: the effects that are shown, the strongest in bold; then those that are not."""
    shown = [f"{_span(row)}: {_change(row)}." for row in rows if row["p_holm"] < ALPHA]
    first, *others = shown or ["No factor is shown to change macro validation accuracy."]
    rest = [
        f"{_span(row)} {interval(row['estimate'], row['low'], row['high'])}"
        for row in rows
        if not row["p_holm"] < ALPHA
    ]
    not_shown = [f"Signs that are not shown after Holm's correction: {'; '.join(rest)}."] if rest else []
    yield " ".join([f"**{first}**", *others, *not_shown])


def _span(row: Mapping[str, Any]) -> str:
    return f"{row['factor']} from {number(row['against'])} to {number(row['at'])}"


def _change(row: Mapping[str, Any]) -> str:
    change = f"{signed(row['estimate'])} points of macro validation accuracy"
    return f"{change} (95% interval {points(row['low'])} to {points(row['high'])})"


def _pairs(sweep: Sweep) -> Iterator[str]:
    """The interactions that the runs show, the strongest first."""
    table = sweep.interactions
    if table.empty:
        yield (
            f"{len(sweep.trials)} trials are too few to show which factors work together; that takes "
            f"{sweep.fewest_for_pairs} trials."
        )
        return
    shown = table[table["p_holm"] < ALPHA]
    if shown.empty:
        yield f"No pair of factors is shown to work together (Holm's correction for {len(table)} pairs)."
        return
    said = [_pair(row) for row in shown.head(MOST).to_dict("records")]
    more = len(shown) - MOST
    yield (
        "Factors that work together: "
        + "; ".join(said)
        + (f"; and {more} more pairs" if more > 0 else "")
        + "."
    )


def _pair(row: Mapping[str, Any]) -> str:
    low, high = (f"{signed(row[at])} at {row['by']} {number(row[value])}" for at, value in ENDS)
    bounds = f"difference {signed(row['estimate'])}, {points(row['low'])} to {points(row['high'])}"
    return f"the effect of {row['factor']} is {low} and {high} ({bounds})"


ENDS = (("at_low", "low_value"), ("at_high", "high_value"))


def _advantage(sweep: Sweep) -> Iterator[str]:
    """Claim C4, if init and the data fraction were varied."""
    rows = sweep.advantage[sweep.advantage["score"] == MACRO]
    for row in rows.to_dict("records"):
        change = f"{signed(row['estimate'])} points for every tenfold reduction of the data"
        shown = "" if row["p"] < ALPHA else "; its sign is not shown"
        yield (
            "Claim C4: the advantage of weights copied from the teacher over random weights changes by "
            f"{change} (95% interval {points(row['low'])} to {points(row['high'])}){shown}."
        )
