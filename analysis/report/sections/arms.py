"""The arms, and accuracy per language in each of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.record.formats import count, intervals, number, p_value, points
from analysis.record.languages import ordered
from analysis.report.figures.heatmap import heat_map
from analysis.report.figures.panels import short_names
from analysis.report.sections.section import Drawing, Section
from analysis.report.sections.sight import UNSEEN, marked
from analysis.report.tables import Format, Table, make_table
from analysis.verdict.results import Results
from analysis.verdict.summary import WIDEST, WORST, arms_summary, languages_summary
from study.selection import INTERPOLATED

__all__ = ["accuracy_by_language", "arms"]

TRIED = "They are the values of the best search trial of each arm, by macro validation accuracy."
INTERPOLATION = (
    "They are the highest point of a curve through the search trials of the arm. If one range is tuned, the "
    "curve is the parabola through the best tried point and its two neighbours; if several ranges are tuned, "
    "the curve is the mean of a Gaussian process. If no curve has its highest point between tried points, "
    "the best tried point itself is selected. best tried: the values of the best search trial, by macro "
    "validation accuracy."
)
OUTCOMES = ("complete", "pruned", "diverged", "failed")


def arms(results: Results) -> Section:
    trials = results.record.trials
    ended = pd.crosstab(trials["arm"], trials["outcome"])
    ended = ended.reindex(index=list(results.record.arms), columns=list(OUTCOMES), fill_value=0)
    summary = arms_summary(results.record).join(ended, on="arm")
    formats: dict[str, Format] = dict.fromkeys(map(str, summary.columns), points)
    formats |= {"arm": str} | dict.fromkeys(["seeds", *OUTCOMES], count)
    note = (
        "Points of accuracy, means over confirm seeds. sd: the standard deviation of test macro over the "
        "seeds. search best: validation accuracy of the selected trial. This trial was selected because its "
        "score is high, so compare arms by the other columns. complete, pruned, diverged, failed: numbers of "
        f"search and confirm trials. {WORST}"
    )
    if "test retention" not in summary:
        note += (
            " Retention (the student's accuracy divided by its teacher's) is left out: the arms have "
            "different "
            "teachers, and a student of a worse teacher retains more."
        )
    if "success rate" in summary:
        note += (
            " success rate: the share of confirm runs, in per cent, that did not end at chance while other "
            "runs of an arm learned. successes: the mean of test macro over these runs. test macro is over "
            "all runs."
        )
    if results.record.costs:
        note += " The runs of an arm are those of the student of its Pareto front with the highest score."
    if results.unseen:
        note += (
            " seen macro, unseen macro: test macro over the languages that the students of the arm are "
            "trained on, and over the other languages."
        )
    table = make_table("arms", "Arms", summary, formats, note)
    tables = (table, *_compared(results), *_selected(results))
    return Section("Arms", (_ended(results.record.trials),), tables)


def _ended(trials: pd.DataFrame) -> str:
    counts = trials[trials["phase"] != "teacher"].groupby(["phase", "outcome"]).size()
    ended = ", ".join(f"{n} {phase} {outcome}" for (phase, outcome), n in counts.items())
    return f"Trials: {ended}." if ended else "No trial has ended yet."


def _compared(results: Results) -> tuple[Table, ...]:
    """The best arm against every other arm, the closest first; no table if the audit has findings."""
    if results.findings or results.compared.empty:
        return ()
    found = results.compared.sort_values("estimate", kind="stable")
    best = found["arm"].iloc[0]
    rows = pd.DataFrame(
        {
            "arm": found["other"],
            "difference": intervals(found),
            "p": found["p"],
            "for all pairs": intervals(found.assign(low=found["low_all"], high=found["high_all"])),
            "p (Holm)": found["p_holm"],
            "seeds": found["seeds"],
        }
    )
    note = (
        f"Macro test accuracy of {best} minus macro test accuracy of each other arm, in points, with the 95% "
        f"interval of the pair alone. {best} is the winner if every p is below .05. The intervals for all "
        "pairs hold 95% together (Bonferroni); the last p is corrected for all pairs (Holm)."
    )
    formats = {"p": p_value, "p (Holm)": p_value, "seeds": count}
    return (make_table("arms_compared", "The best arm against the others", rows, formats, note),)


def _selected(results: Results) -> tuple[Table, ...]:
    """The nuisance values with which each arm was confirmed."""
    record = results.record
    tuned = [name for name in record.nuisance if name in record.trials]
    if not tuned or not record.selections:
        return ()
    found = [
        {"arm": arm, "tuning": tuning}
        | {name: record.selected[arm, tuning].get(name, np.nan) for name in tuned}
        | {"best tried": _said(selection.tried.values), "selected by": selection.rule}
        for (arm, tuning), selection in record.selections.items()
    ]
    interpolated = record.facts.get("selection") == INTERPOLATED
    left_out = [] if interpolated else ["best tried", "selected by"]
    left_out += [] if any(tuning for _, tuning in record.selections) else ["tuning"]
    rows = pd.DataFrame(found).drop(columns=left_out)
    note = "The confirm runs have these values. " + (INTERPOLATION if interpolated else TRIED)
    formats: dict[str, Format] = {"arm": str, "tuning": count}
    formats |= dict.fromkeys(tuned, number)
    return (make_table("selected", "Selected values of the tuned hyperparameters", rows, formats, note),)


def _said(values: Mapping[str, object]) -> str:
    return ", ".join(number(value) for value in values.values())


def accuracy_by_language(results: Results) -> Section:
    tables: list[Table] = []
    drawings: list[Drawing] = []
    said = UNSEEN if results.unseen else ""
    for split in ("test", "validation"):
        means = languages_summary(results.record, split)
        if means.empty:
            continue
        means = means.reindex(ordered(means.index))
        students = [arm for arm in means.columns if arm != "teacher"]
        names = short_names(results.cells.loc[students])
        heading = " · ".join(results.factors) or "arm"
        marks = dict(zip(means.index, marked(means.index, results), strict=True))
        if not drawings:
            drawings.append(_heat_map(means[students], marks, names, heading, split, said))
        if len(students) <= WIDEST:
            shown = dict(zip(students, names, strict=True)) | {"teacher": "the teacher itself"}
            rows = means.rename(columns=shown, index=marks).reset_index()
            formats: dict[str, Format] = {"language": str} | dict.fromkeys(map(str, rows.columns[1:]), points)
            note = f"Points of accuracy, means over confirm seeds. Columns: {heading}. {WORST}{said}"
            title = f"Accuracy per language, {split}"
            tables.append(make_table(f"languages_{split}", title, rows, formats, note))
    return Section("Accuracy per language", (), tuple(tables), tuple(drawings))


def _heat_map(
    means: pd.DataFrame, marks: Mapping[str, str], names: list[str], heading: str, split: str, said: str
) -> Drawing:
    caption = (
        f"Accuracy per language and arm on {split}, mean over confirm seeds. Languages are in the order of "
        f"script and language family. A hatched cell was not measured. {WORST}{said}"
    )
    title = f"{split} accuracy, points"
    return Drawing("languages", caption, lambda: heat_map(means, names, heading, title, marks))
