"""The table of arms for a paper: `tables/paper_main.tex`, with its caption."""

from __future__ import annotations

import pandas as pd

from analysis.record.formats import count, interval, points
from analysis.record.metric import in_words
from analysis.report.latex import latex_table
from analysis.report.sections.worded import worded_table
from analysis.report.tables import make_table
from analysis.statistics.effects.means import arm_means, differences_from
from analysis.verdict.results import Results

__all__ = ["paper_table", "reference_arm"]

NAME = "paper_main"
PLACES = 1
"""Decimal places of points of accuracy."""

BASELINE = {"init": "random", "alpha": 1.0}
"""The levels of students that get nothing from a teacher: new weights, labels alone."""


def paper_table(results: Results) -> str | None:
    """The table in LaTeX; None if no arm has a mean.

    A row for each arm: its name, macro test accuracy with the interval, confirm seeds, and the difference
    from `reference_arm` with its interval. Numbers are points of accuracy with one decimal place.
    """
    means = arm_means(results.confirmed, results.correct)
    if means.empty:
        return None
    reference = reference_arm(results, list(means["arm"]))
    differences = differences_from(results.confirmed, reference, results.tuning, results.correct).set_index(
        "arm"
    )
    of_arms = [differences.loc[arm] if arm in differences.index else None for arm in means["arm"]]
    frame = pd.DataFrame(
        {
            "arm": means["arm"],
            "test accuracy": [
                _bounded(points(row.estimate, PLACES), row.low, row.high) for row in means.itertuples()
            ],
            "seeds": means["seeds"],
            "difference": [None if row is None else _difference(row) for row in of_arms],
        }
    )
    metric = results.record.metric
    table = worded_table(make_table(NAME, "The arms of the study", frame, {"seeds": count}), metric)
    return latex_table(table, in_words(metric, _caption(results, reference)))


def reference_arm(results: Results, arms: list[str]) -> str:
    """The first of `arms` at the levels of `BASELINE` that are factors; otherwise the first arm."""
    asked = {name: level for name, level in BASELINE.items() if name in results.factors}
    cells = results.cells.loc[arms]
    for arm in arms if asked else []:
        if all(cells.loc[arm, name] == level for name, level in asked.items()):
            return arm
    return arms[0]


def _difference(row: pd.Series) -> str:
    return interval(row["estimate"], row["low"], row["high"], PLACES)


def _bounded(mean: str, low: float, high: float) -> str:
    return mean if pd.isna(low) else f"{mean} [{points(low, PLACES)}, {points(high, PLACES)}]"


def _caption(results: Results, reference: str) -> str:
    languages = len(results.languages)
    over = "confirm seeds and test texts" if results.correct else "confirm seeds"
    text = (
        f"{results.record.name}: macro test accuracy over {languages} language{'s' * (languages != 1)}, in "
        f"points. Each arm has its mean with a 95% interval over {over}. The difference is the "
        f"accuracy of the arm minus the accuracy of {reference}, with a 95% interval over the seeds that "
        "both have. The intervals are not corrected for the number of arms."
    )
    if results.findings:
        rules = ", ".join(dict.fromkeys(finding.rule for finding in results.findings))
        text += f" The audit of this study has findings ({rules}): the table names no winner."
    return text
