"""The scope of a number of the answer: averages, teachers, selected values, languages."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.record.design import own_teachers
from analysis.statistics.effects.runs import TEACHER_SEED
from analysis.verdict.results import Results

__all__ = ["held_teacher_data", "sampled", "saw", "scope", "tuning_in"]

TEACHER_DATA = "teacher_data"
SAW = {"full": ", which saw all data,", "same": ", which saw the same share,"}


def scope(results: Results, row: Any = None) -> str:
    """The scope for which a number holds, as part of a sentence.

    row: the row of an effect. Its column `averaged_over` names the factors that the effect is averaged over.
    """
    record = results.record
    tuned = ", ".join(sorted(record.nuisance))
    values = f"at the selected values of {tuned}" if tuned else "at the fixed values of all hyperparameters"
    averaged = () if row is None else str(row["averaged_over"]).split(", ")
    others = ", ".join(name for name in averaged if name and name != TEACHER_SEED)
    over = f"averaged over {others}, " * bool(others)
    return f"{over}{_teachers(results, row)}, {values}, {sampled(results, row)}"


def sampled(results: Results, row: Any = None) -> str:
    """The languages and test texts of a number, and what its interval is over, as part of a sentence.

    row: a row with the column `texts`, the number of test texts that its interval is over. Without the
    column, the interval is over texts if the record has the answers of the confirm runs.
    """
    number = len(results.languages)
    languages = "this language" if number == 1 else f"these {number} languages"
    counts = [results.record.text_counts.get(language) for language in results.languages]
    known = [count for count in counts if count is not None]
    each = ""
    if known and len(known) == number:
        few, many = min(known), max(known)
        each = f" ({few}{f' to {many}' * (few < many)} texts{' each' * (number > 1)})"
    each += _unseen(results)
    crossed = bool(results.correct) if row is None or "texts" not in row else row["texts"] > 0
    if crossed:
        return f"on texts like the test texts of {languages}{each}; intervals are over seeds and texts"
    return f"on the test texts of {languages}{each}; intervals are over seeds only"


def _unseen(results: Results) -> str:
    """How many of the languages are unseen, as part of a sentence; empty if none is."""
    counts = {len(results.unseen.get(arm, ())) for arm in results.record.arms}
    few, many = min(counts, default=0), max(counts, default=0)
    return f", {few}{f' to {many}' * (few < many)} of them unseen" if many else ""


def tuning_in(row: Any) -> str:
    """A sentence on how much of the row's difference tuning could explain; empty if nothing was tuned."""
    share = 0.0 if row is None else row.get("could_be_tuning", 0.0)
    if not share > 0:
        return ""
    explained = f"{100 * share:.1f} points of this difference"
    return f" Tuning could explain up to {explained}; the interval includes this."


def saw(results: Results, row: Any) -> str:
    """What the teacher of the row's arms saw, as part of a sentence; empty if that is not known."""
    kind = row[TEACHER_DATA] if TEACHER_DATA in results.factors else held_teacher_data(results)
    return SAW.get(str(kind), "")


def held_teacher_data(results: Results) -> str | None:
    """What all teachers saw. None if the study varied that, or if the user gave the teacher."""
    record = results.record
    return None if record.facts.get("teacher") else record.fixed.get(TEACHER_DATA)


def _teachers(results: Results, row: Any = None) -> str:
    """The teachers for which a number holds. A row of one `teacher_data` has the teachers of its arms."""
    record, seeds = results.record, results.factors.get(TEACHER_SEED, ())
    if seeds:
        return f"averaged over {len(seeds)} teacher seeds"
    arms, own = set(record.arms), set(own_teachers(record))
    if row is not None and pd.notna(kind := row.get(TEACHER_DATA)):
        cells = results.cells[TEACHER_DATA]
        arms = set(cells.index[(cells == kind) | cells.isna()])
    if own >= arms:
        return "for teachers trained on each seed's own sample"
    if own & arms:
        return (
            "for teachers trained on each seed's own sample, and in the other arms for one teacher of all "
            "data"
        )
    varied = {*results.factors, *record.nuisance} - {TEACHER_DATA}
    several = any(name.startswith("teacher_") for name in varied)
    return "for these teachers" if several else "for this teacher"
