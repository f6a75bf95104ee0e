"""The figures of the first screen, above all sections. A further figure is one more line in `FIGURES`."""

from __future__ import annotations

from analysis.record.teachers import teachers_on_test
from analysis.report.figures.dots import MOST_ARMS, dots
from analysis.report.figures.panels import placed, short_names
from analysis.report.sections.front import front_drawing
from analysis.report.sections.section import Drawing
from analysis.report.sections.sweep import sweep_drawing
from analysis.report.sections.tuning import search_drawing
from analysis.report.sections.worded import worded_drawing
from analysis.statistics.effects.means import arm_means, seed_means, shared_languages
from analysis.verdict.results import Results

__all__ = ["first_screen"]


def first_screen(results: Results) -> list[Drawing]:
    """The figures that the factors and the runs of the study have, in order."""
    made = (figure(results) for figure in FIGURES)
    return [worded_drawing(drawing, results.record.metric) for drawing in made if drawing is not None]


def arms_at_a_glance(results: Results) -> Drawing | None:
    """The accuracy of every arm on test: seeds, mean and interval, and the teacher."""
    means = arm_means(results.confirmed, results.correct)
    if means.empty or (results.record.costs and len(results.record.arms) == 1):  # the front shows it
        return None
    more = len(means) - MOST_ARMS
    means = means.head(MOST_ARMS)
    of_arms = results.cells.loc[means["arm"]]
    teachers = teachers_on_test(results.record, shared_languages(results.confirmed))
    arms = means.assign(
        name=short_names(of_arms),
        line=list(placed(of_arms, results.factors)["line"]),
        teacher=means["arm"].map(teachers).astype(float),
    )
    seeds = seed_means(results.confirmed)
    caption = (
        "Macro test accuracy of each arm. Small dots: one confirm seed each. Large marks: means. Lines and "
        f"numbers at the right: 95% intervals over {'seeds and texts' if results.correct else 'seeds'}."
    )
    if arms["teacher"].notna().any():
        one = arms["teacher"].nunique() == 1
        caption += " Dashed line: the teacher." if one else " Upright marks: the teacher of the arm."
    if more > 0:
        caption += f" {more} more arms are in the table of arms."
    heading, xlabel = " · ".join(results.factors), "macro test accuracy, points"
    return Drawing("arms", caption, lambda: dots(arms, seeds, heading, xlabel))


FIGURES = (front_drawing, arms_at_a_glance, search_drawing, sweep_drawing)
"""Each function returns a drawing, or None if the study has nothing to draw."""
