"""The sections of a study that varies hyperparameters: effects, curves, pairs, predictions, the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.record.formats import count, interval, intervals, number, p_value, percent, points
from analysis.record.languages import SUMMARIES
from analysis.report.figures.response import responses
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Format, make_table
from analysis.sweep.curves import highest
from analysis.sweep.swept import MACRO, Sweep
from analysis.verdict.results import Results
from analysis.verdict.summary import WORST

__all__ = [
    "sweep_drawing",
    "sweep_effects",
    "sweep_languages",
    "sweep_model",
    "sweep_pairs",
    "sweep_predictions",
]

MEAN, RUN = ("mean", "low", "high"), ("run_low", "run_high")
YLABEL = "macro validation accuracy, points"
MOST_LANGUAGES = 12
"""With more languages the table of effects per language is in the CSV file alone."""

HOW = (
    "The response model: the logit of the score of each trial is a sum of lines and contrasts of the "
    "factors, curves of the amounts, and products of two factors, fitted by least squares; factors with a "
    "strong effect have finer curves. Errors may differ from trial to trial (HC3), and intervals are "
    "Student t intervals.",
    "An effect is the difference of the mean predicted score between two values of a factor, over settings "
    "that are spread evenly over all other factors. Each setting has the nuisance values at which the model "
    "predicts its highest macro score.",
    "Tests: p of a difference is corrected over all differences on one score, p of a pair over all pairs "
    "(Holm).",
)


def sweep_effects(results: Results) -> Section:
    """The effect of each factor on macro and on the worst language."""
    title, sweep = "What each factor does", results.sweep
    if sweep is None or sweep.model is None:
        return Section(title)
    wide = _differences(sweep, [MACRO, "worst"])
    macro = sweep.effects[sweep.effects["score"] == MACRO].reset_index(drop=True)
    table = pd.DataFrame(
        {
            **wide,
            "p": macro["p"],
            "p, corrected": macro["p_holm"],
            "p, any effect": macro["p_any"],
            "highest at": [_highest(sweep, factor) for factor in macro["factor"]],
        }
    )
    if not results.may_claim:
        table = table.drop(columns=["p", "p, corrected", "p, any effect"])
    note = (
        "Differences of validation accuracy in points, with 95% intervals. any effect: the factor changes "
        "the score alone or together with another factor. highest at: the value at which the mean curve is "
        "highest. " + WORST
    )
    formats: dict[str, Format] = dict.fromkeys(["p", "p, corrected", "p, any effect"], p_value)
    return Section(title, (), (make_table("sweep_effects", title, table, formats, note),), _by_names(sweep))


def sweep_pairs(results: Results) -> Section:
    """Which factors work together, and claim C4."""
    title, sweep = "Which factors work together", results.sweep
    if sweep is None or sweep.model is None or sweep.interactions.empty:
        return Section(title)
    found = sweep.interactions
    table = pd.DataFrame(
        {
            "effect of": found["factor"],
            "at": [
                f"{by} {number(value)}" for by, value in zip(found["by"], found["low_value"], strict=True)
            ],
            "points": found["at_low"],
            "and at": [number(value) for value in found["high_value"]],
            "points ": found["at_high"],
            "difference": intervals(found),
            "p, corrected": found["p_holm"],
        }
    )
    if not results.may_claim:
        table = table.drop(columns="p, corrected")
    note = (
        "Macro validation accuracy. The effect of the first factor, from end to end, at both ends of the "
        "second factor; of init, teacher minus random. On another scale than accuracy, such as its logit, "
        "pairs may differ."
    )
    formats: dict[str, Format] = {"points": points, "points ": points, "p, corrected": p_value}
    text = tuple(_c4(sweep, results.may_claim))
    return Section(title, text, (make_table("sweep_pairs", title, table, formats, note),))


def sweep_predictions(results: Results) -> Section:
    """What the model predicts at settings, most of which were not run."""
    title, sweep = "Predictions", results.sweep
    if sweep is None or sweep.model is None:
        return Section(title)
    found = sweep.predictions
    names = [factor.name for factor in sweep.factors]
    table = found[[name for name in found if name in names]].map(number)
    table["mean"] = [
        f"{points(mean)} [{points(low)}, {points(high)}]" for mean, low, high in _rows(found, *MEAN)
    ]
    table["one new run"] = [f"{points(low)} to {points(high)}" for low, high in _rows(found, *RUN)]
    note = (
        "Macro validation accuracy in points, with 95% intervals: of the mean over seeds, and of one new "
        "run. The factors with the strongest effects vary, the others are at the middle of their values. "
        "For another setting: kdstudy report NAME --at key=value."
    )
    return Section(title, (), (make_table("sweep_predictions", title, table, {}, note),))


def sweep_languages(results: Results) -> Section:
    """The effect of each factor in each language."""
    title, sweep = "Effects by language", results.sweep
    if sweep is None or sweep.model is None:
        return Section(title)
    languages = [score for score in sweep.scores if score not in SUMMARIES]
    if len(languages) > MOST_LANGUAGES:
        return Section(title, (f"The effects in {len(languages)} languages are in sweep_effects.csv.",))
    if len(languages) < 2:
        return Section(title)
    table = pd.DataFrame(_differences(sweep, languages))
    note = (
        "Differences of validation accuracy in points, with 95% intervals that are not corrected for many "
        "languages."
    )
    return Section(title, (), (make_table("sweep_languages", title, table, {}, note),))


def sweep_model(results: Results) -> Section:
    """The model, and how well it predicts."""
    title, sweep = "The response model", results.sweep
    if sweep is None or sweep.model is None:
        return Section(title, HOW) if sweep is not None else Section(title)
    model, check = sweep.model, sweep.check
    finer = f"; finer curves of {', '.join(model.strong)}" if model.strong else ""
    facts = {
        "trials of the model": count(len(model.matrix)),
        "trials at chance, left out": count(int(sweep.at_chance.sum())),
        "model": f"{model.step}{finer}",
        "terms": count(len(model.terms)),
        "spread of the scores, points": points(check.spread),
        "spread of a run around the model, points": points(check.noise),
        "variance of new runs explained (leave-one-out), %": percent(max(check.explained, 0.0)),
        "runs within the 95% interval predicted from the others, %": percent(check.covered),
        "error on runs not seen (tenfold), points": points(check.error),
        "the same of a Gaussian process, points": points(check.process_error),
    }
    table = pd.DataFrame(list(facts.items()), columns=["fact", "value"])
    fit = "not smaller" if check.fits else "smaller: the model lacks a bend"
    note = (
        "A Gaussian process may bend in any way. If its error on new runs is smaller than the spread of a "
        f"run around the model, the model misses something. Here it is {fit}."
    )
    return Section(title, HOW, (make_table("sweep_model", title, table, {}, note),))


def sweep_drawing(results: Results) -> Drawing | None:
    """The response curve of each factor, for the first screen."""
    sweep = results.sweep
    if sweep is None or sweep.model is None:
        return None
    runs = sweep.trials.assign(score=sweep.trials[MACRO])
    caption = (
        "Macro validation accuracy along each factor: the mean over all values of the other factors, with "
        f"its pointwise 95% band. Dots: the {len(runs)} trials, whose other values differ too."
    )
    return Drawing("sweep", caption, lambda: responses(sweep.curves, runs, _logarithmic(sweep), YLABEL))


def _by_names(sweep: Sweep) -> tuple[Drawing, ...]:
    """The curves for each name of init, or of the first factor that has names."""
    if sweep.by is None or sweep.curves_by.empty:
        return ()
    assert sweep.model is not None, "the caller has looked at the model"
    by = sweep.model.factor(sweep.by)
    runs = sweep.trials.assign(score=sweep.trials[MACRO], line=[by.text(v) for v in sweep.trials[by.name]])
    caption = f"The same curves for each {by.name}, with pointwise 95% bands."
    return (
        Drawing("sweep_by", caption, lambda: responses(sweep.curves_by, runs, _logarithmic(sweep), YLABEL)),
    )


def _logarithmic(sweep: Sweep) -> set[str]:
    return {factor.name for factor in sweep.factors if factor.log}


def _differences(sweep: Sweep, scores: list[str]) -> dict[str, list[str]]:
    """`factor`, `difference`, and a column for each score: the effects with their intervals."""
    first = sweep.effects[sweep.effects["score"] == scores[0]]
    found = {
        "factor": list(first["factor"]),
        "difference": [f"{number(at)} - {number(against)}" for at, against in _rows(first, "at", "against")],
    }
    return found | {score: intervals(sweep.effects[sweep.effects["score"] == score]) for score in scores}


def _highest(sweep: Sweep, factor: str) -> str:
    return number(highest(sweep.curves[sweep.curves["factor"] == factor]))


def _c4(sweep: Sweep, may_claim: bool) -> Iterator[str]:
    for row in sweep.advantage[sweep.advantage["score"] == MACRO].to_dict("records"):
        p = f" (p {p_value(row['p'])})" if may_claim else ""
        yield (
            "Claim C4: the difference teacher - random at the smallest share of the data, minus the "
            "difference at the largest share, for every tenfold reduction: "
            f"{interval(row['estimate'], row['low'], row['high'])} points{p}."
        )


def _rows(table: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    return table[list(columns)].itertuples(index=False, name=None)
