"""The report's numbers that MLflow's runs of arms and of the study show: metric -> value."""

from __future__ import annotations

import math
import re

import pandas as pd

from analysis.record.formats import number
from analysis.record.languages import ordered
from analysis.record.metric import test_metrics
from analysis.statistics.effects.estimates import THESE_LANGUAGES
from analysis.statistics.effects.means import arm_means, language_means
from analysis.sweep.swept import MACRO, Sweep
from analysis.verdict.results import Results
from analysis.verdict.summary import arms_summary, languages_summary

__all__ = ["languages_of", "numbers_of_arms", "numbers_of_study"]

Numbers = dict[str, float]

OF_ARMS = {
    "test macro": ("{}", "macro"),
    "sd": ("{}_sd", "macro"),
    "test worst": ("{}", "worst"),
    "test macro-F1": ("macro_f1", "macro"),
    "test precision": ("precision", "macro"),
    "test recall": ("recall", "macro"),
    "test retention": ("retention", "macro"),
}
"""Column of the table of arms -> metric and language; {} is the metric of the study."""

NOT_IN_NAMES = re.compile(r"[^/\w.\- :]")
"""Characters that MLflow refuses in the name of a metric."""


def numbers_of_arms(results: Results) -> dict[str, Numbers]:
    """For each arm with confirm runs: the means over its seeds, with interval and standard deviation.

    `test/METRIC/LANGUAGE` is the mean of accuracy, macro_f1 or retention in a language; `macro` and `worst`
    are among the languages. `test/accuracy_low/LANGUAGE` and `test/accuracy_high/LANGUAGE` are the ends of
    the 95% interval (not of `worst`), `test/accuracy_sd/LANGUAGE` is the standard deviation over seeds. In a
    study that is compared by the F1 of entities, f1 stands in the place of accuracy, precision and recall in
    that of macro_f1.
    """
    found: dict[str, Numbers] = {}

    def put(arm: str, metric: str, language: str, value: float) -> None:
        if math.isfinite(value):
            found.setdefault(arm, {})[f"test/{metric}/{language}"] = float(value)

    main = results.record.metric
    for metric in test_metrics(main):
        table = languages_summary(results.record, "test", metric)
        for arm in [name for name in table.columns if name in results.record.arms]:
            for language, value in table[arm].items():
                put(arm, metric, str(language), value)
    for row in arms_summary(results.record).to_dict("records"):  # the same means, to the last digit
        for column, (metric, language) in OF_ARMS.items():
            if (value := row.get(column)) is not None:
                put(str(row["arm"]), metric.format(main), language, float(value))
    macro = arm_means(results.confirmed, results.correct).assign(language="macro")
    for row in [*macro.itertuples(), *language_means(results.confirmed, results.correct).itertuples()]:
        put(row.arm, f"{main}_low", row.language, row.low)
        put(row.arm, f"{main}_high", row.language, row.high)
    spread = results.confirmed.groupby(["arm", "language"])["value"].std(ddof=1)
    for (arm, language), value in spread.items():
        if language != "macro":
            put(arm, f"{main}_sd", language, value)
    return found


def languages_of(numbers: Numbers, main: str = "accuracy") -> pd.DataFrame:
    """The numbers of one arm as a table: a row for each language, then macro and worst.

    main: the metric of the study. The columns: language; this metric with its interval, low and high, and its
    standard deviation over seeds, sd; macro_f1 (or precision and recall); retention. A number that was not
    measured is missing.
    """
    found: dict[str, dict[str, float]] = {}
    for name, value in numbers.items():
        _, metric, language = name.split("/", 2)
        found.setdefault(language, {})[metric.removeprefix(f"{main}_")] = value
    table = pd.DataFrame.from_dict(found, orient="index").reindex(ordered(found))
    columns = [main, "low", "high", "sd", *test_metrics(main)[1:]]
    return table.reindex(columns=columns).rename_axis("language").reset_index()


def numbers_of_study(results: Results) -> Numbers:
    """The effects on macro accuracy: `effect/NAME`, `effect_low/NAME` and `effect_high/NAME`.

    They are those of `effects.csv` for these languages: claim C1, its parts, and the main effects. If the
    audit has findings, nothing may be claimed, and there is no number.
    """
    if not results.may_claim:
        return {}
    if results.sweep is not None:
        return _of_sweep(results.sweep)
    found = {}
    for table in (results.claim, results.effects):
        rows = table[(table["outcome"] == "macro") & (table["estimand"] == THESE_LANGUAGES)]
        for row in rows.itertuples():
            if (name := _name(row.kind, row.factor, row.effect)) is None:
                continue
            for kind, value in (("effect", row.estimate), ("effect_low", row.low), ("effect_high", row.high)):
                if math.isfinite(value):
                    found[f"{kind}/{name}"] = float(value)
    return found


def _of_sweep(sweep: Sweep) -> Numbers:
    """The effects on macro validation accuracy of a study that varies hyperparameters."""
    if sweep.model is None:
        return {}
    found: Numbers = {}
    for row in sweep.effects[sweep.effects["score"] == MACRO].itertuples():
        name = NOT_IN_NAMES.sub("_", f"{row.factor} {number(row.at)} - {number(row.against)}")
        found |= {
            f"effect/{name}": row.estimate,
            f"effect_low/{name}": row.low,
            f"effect_high/{name}": row.high,
        }
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _name(kind: str, factor: str, effect: str) -> str | None:
    """The name of an effect as MLflow takes names; None if the study's run does not show the effect."""
    if kind == "claim":
        return "C1"
    if kind in ("mean", "part"):
        return factor.replace(",", "")
    return NOT_IN_NAMES.sub("_", effect) if kind == "main" else None
