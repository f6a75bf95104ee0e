"""The sections on single factors: amount of data, depth, alpha and temperature, size."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.record.design import confirmed_trials
from analysis.record.formats import count, intervals, number, p_value, points
from analysis.report.figures.lines import lines
from analysis.report.figures.panels import (
    levels_text,
    marginal_seeds,
    placed,
    short_names,
)
from analysis.report.figures.size import sizes
from analysis.report.figures.surface import surface
from analysis.report.sections.claims import allowed
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Format, make_table
from analysis.statistics.effects.means import arm_means, marginal_means
from analysis.statistics.fractions import fraction_curves
from analysis.statistics.matching import shared_macro
from analysis.verdict.results import Results
from analysis.verdict.scope import held_teacher_data

__all__ = ["alpha_and_temperature", "data_fraction", "depth", "size"]

MACRO = "macro test accuracy, points"


def data_fraction(results: Results) -> Section:
    curves = fraction_curves(results.confirmed, results.factors, results.correct)
    if curves.empty:
        return Section("Data fraction")
    table = pd.DataFrame(
        {
            "line": [levels_text(["init"], row) or "all arms" for row in curves.to_dict("records")],
            "panel": [levels_text(["teacher_data"], row) for row in curves.to_dict("records")],
            "x": curves["data_fraction"].map(results.data_shares),
            "mean": curves["estimate"],
            "low": curves["low"],
            "high": curves["high"],
        }
    )
    slopes = results.advantage
    text, tables = [], []
    if len(slopes):
        shown = pd.DataFrame(
            {
                "teacher_data": slopes["teacher_data"].fillna(held_teacher_data(results) or pd.NA),
                "gain per tenfold reduction": intervals(slopes),
                "p (Holm)": slopes["p_holm"],
                "seeds": slopes["seeds"],
                "fractions": slopes["fractions"],
                "equal within": slopes["equivalent_within"].map(points),
                "cells": slopes["cells"],
                "dropped": slopes["cells_dropped"].replace(0, pd.NA),
                "averaged over": slopes["averaged_over"].replace("", pd.NA),
            }
        ).dropna(axis="columns", how="all")
        note = (
            "The growth of the advantage of init = teacher over init = random for every tenfold reduction "
            "of the data (claim C4), in points of macro test accuracy with a 95% interval. A positive "
            "number means that the advantage grows as the data shrinks. The number is the slope of a "
            "straight line. The figure shows where the curve bends."
        )
        if results.may_claim:
            note += (
                " equal within: as in the table of effects, for a tenfold reduction of the data. p is "
                "corrected over the rows (Holm)."
            )
        formats: dict[str, Format] = {"p (Holm)": p_value}
        formats |= dict.fromkeys(["seeds", "fractions", "cells", "dropped"], count)
        shown = allowed(shown, results)
        tables.append(make_table("data_fraction", "Advantage of the copy by data", shown, formats, note))
    if "teacher_data" in results.factors:
        text.append(
            "teacher_data = full: the teacher saw all training data, and a copy of the teacher carries "
            "information about all data into every fraction. teacher_data = same: the teacher saw only the "
            "student's share. At the whole data both are one arm."
        )
    caption = (
        "Macro test accuracy by share of the training data, averaged over the other factors. "
        f"{_bands(curves)}"
    )
    by = _present(results, "init", "teacher_data", "data_fraction")
    seeds = _seeds(results, by, "data_fraction", ["teacher_data"])
    seeds = seeds.assign(x=seeds["x"].map(results.data_shares))
    if others := {f: share for f, share in results.data_shares.items() if abs(share - float(f)) > 5e-4}:
        named = ", ".join(f"{number(f)} came to {100 * share:.1f}%" for f, share in others.items())
        text.append(
            "Each language keeps one row of each label, so some values of data_fraction are a larger share "
            f"of the training rows: {named}. The figure and the table have the share that students saw."
        )
    drawing = Drawing(
        "data_fraction", caption, lambda: lines(table, "share of the training data", MACRO, "share", seeds)
    )
    return Section("Data fraction", tuple(text), tuple(tables), (drawing,))


def depth(results: Results) -> Section:
    if "depth" not in results.factors:
        return Section("Depth")
    by = _present(results, "init", "depth")
    means, seeds = _means(results, by), _seeds(results, by, "depth")
    rows = means.to_dict("records")
    table = (
        means.assign(
            x=means["depth"], panel="", line=[levels_text(["init"], row) or "all arms" for row in rows]
        )
        if len(means)
        else means
    )
    caption = f"Macro test accuracy by the student's layers, averaged over the other factors. {_bands(means)}"
    xlabel = "layers of the student"
    drawing = Drawing("depth", caption, lambda: lines(table, xlabel, MACRO, "linear", seeds))
    return Section("Depth", (), (), (drawing,) if len(means) else ())


def alpha_and_temperature(results: Results) -> Section:
    """A surface if both are factors; a curve over alpha if alpha has three levels or more."""
    factors = results.factors
    by = _present(results, "init", "loss", "alpha", "temperature")
    if "alpha" in factors and "temperature" in factors:
        means = _means(results, by)
        means = means.assign(panel=[levels_text(by[:-2], row) for row in means.to_dict("records")])
        column = means["temperature"].where(_has_effect(results.cells, "temperature", means[by[:-1]]))
        table = means.assign(row=means["alpha"], column=column).drop_duplicates(["panel", "row", "column"])
        caption = (
            "Macro test accuracy by alpha and temperature, mean over seeds, averaged over the other "
            "factors. A cell that is as wide as its panel has no temperature: at alpha = 1 nothing is "
            "distilled, or the loss has no temperature. A hatched cell was not measured."
        )
        drawing = Drawing("alpha_temperature", caption, lambda: surface(table, "alpha", "temperature", MACRO))
        there = bool(column.notna().any())  # while a study runs, all arms so far may have no temperature
        return Section("Alpha and temperature", (), (), (drawing,) if there else ())
    if len(factors.get("alpha", ())) > 2:
        by = _present(results, "init", "alpha")
        means, seeds = _means(results, by), _seeds(results, by, "alpha")
        line = [levels_text(["init"], row) or "all arms" for row in means.to_dict("records")]
        table = means.assign(x=means["alpha"], panel="", line=line)
        caption = (
            "Macro test accuracy by the weight of the hard labels, averaged over the other factors. "
            f"{_bands(means)}"
        )
        drawing = Drawing("alpha", caption, lambda: lines(table, "alpha", MACRO, "linear", seeds))
        return Section("Alpha", (), (), (drawing,) if len(table) else ())
    return Section("Alpha and temperature")


def size(results: Results) -> Section:
    """Accuracy against the number of parameters, if arms differ in this number."""
    runs = confirmed_trials(results.record)
    macro = shared_macro(results.confirmed)
    if "parameters" not in runs or macro.empty:
        return Section("Size")
    parameters = runs.groupby("arm")["parameters"].mean()
    means = arm_means(results.confirmed, results.correct).rename(columns={"estimate": "mean"})
    table = means.assign(parameters=means["arm"].map(parameters)).dropna(subset=["parameters"])
    if table["parameters"].nunique() < 2:
        return Section("Size")
    where = placed(results.cells, results.factors)
    table = table.assign(
        name=short_names(results.cells.loc[table["arm"]]), line=table["arm"].map(where["line"])
    )
    seeds = macro.assign(parameters=macro["arm"].map(parameters), line=macro["arm"].map(where["line"]))
    caption = (
        "Macro test accuracy against the number of parameters of the student. Each arm has one large mark, "
        f"with its 95% interval over {_sources(table)}. Small dots: one seed each. The front joins the arms "
        "that no other arm beats in both size and accuracy. These arms are named by "
        f"{' · '.join(results.factors)}."
    )
    return Section("Size", (), (), (Drawing("size", caption, lambda: sizes(table, seeds)),))


def _means(results: Results, by: Sequence[str]) -> pd.DataFrame:
    """`*by, mean, low, high, seeds, texts`, for a figure (`marginal_means`)."""
    means = marginal_means(results.confirmed, results.factors, by, results.correct)
    return means.rename(columns={"estimate": "mean"})


def _bands(means: pd.DataFrame) -> str:
    return f"Bands: 95% intervals over {_sources(means)}. Small dots: one seed each."


def _sources(means: pd.DataFrame) -> str:
    return "seeds and test texts" if means["texts"].gt(0).any() else "seeds"


def _seeds(results: Results, by: list[str], x: str, panel: Sequence[str] = ()) -> pd.DataFrame:
    """`panel, line, x, value`: the means of single seeds, for a figure of curves over the factor `x`."""
    found = marginal_seeds(results.confirmed, results.factors, by)
    rows = found.to_dict("records")
    return pd.DataFrame(
        {
            "line": [levels_text(["init"], row) or "all arms" for row in rows],
            "panel": [levels_text(panel, row) for row in rows],
            "x": found[x] if rows else [],
            "value": found["value"] if rows else [],
        }
    )


def _has_effect(cells: pd.DataFrame, factor: str, at: pd.DataFrame) -> list[bool]:
    """Whether `factor` has an effect in an arm at the levels of each row; a missing one is at all levels."""
    names = list(at.columns)
    of_rows = [
        cells[((cells[names] == row) | cells[names].isna()).all(axis="columns")] for _, row in at.iterrows()
    ]
    return [bool(arms[factor].notna().any()) for arms in of_rows]


def _present(results: Results, *names: str) -> list[str]:
    return [name for name in names if name in results.factors]
