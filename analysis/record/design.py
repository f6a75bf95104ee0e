"""A study's design: its factors, which level each arm has of them, and the results that count.

A factor without an effect in an arm, such as the temperature where nothing is distilled, has no level there.
"""

from __future__ import annotations

import pandas as pd

from analysis.record.domain import Domain, Value, parse_arm, parse_value
from analysis.record.shares import IDENTITY
from analysis.record.study_record import StudyRecord
from study.config import TrialConfig

__all__ = [
    "Domain",
    "Value",
    "cells",
    "confirm_runs",
    "confirmed",
    "confirmed_trials",
    "factors",
    "hyperparameters",
    "own_teachers",
]


def factors(record: StudyRecord) -> dict[str, tuple[Value, ...]]:
    """The scientific factors of which the arms have at least two levels; levels in planned order."""
    there = _levels(record)
    found = {
        factor: tuple(level for level in levels if any(of.get(factor) == level for of in there.values()))
        for factor, levels in record.scientific.items()
    }
    return {factor: levels for factor, levels in found.items() if len(levels) > 1}


def cells(record: StudyRecord) -> pd.DataFrame:
    """A row an arm (the index `arm`), a column a factor: its level, missing where it has no effect."""
    there = _levels(record)
    index = pd.Index(record.arms, name="arm", dtype=str)
    return pd.DataFrame(
        {factor: [there[arm].get(factor) for arm in record.arms] for factor in factors(record)}, index=index
    )


def confirmed(record: StudyRecord, split: str = "test", metric: str = "accuracy") -> pd.DataFrame:
    """The results that count: `arm`, a column a factor, `seed`, `language`, `value`.

    One row a (arm, seed, language) of `confirmed_trials`; `macro` and `worst` stand among the
    languages. In the order of the arms, their seeds, and the languages' names.
    """
    scores = record.scores_of("confirm", split, metric)
    scores = scores[scores["key"].isin(confirmed_trials(record)["key"]) & scores["seed"].notna()]
    scores = scores.drop_duplicates(["arm", "seed", "language"]).astype({"seed": int})
    of_arms = cells(record)
    table = scores[["arm", "seed", "language", "value"]].join(of_arms, on="arm")
    return table[["arm", *of_arms.columns, "seed", "language", "value"]].reset_index(drop=True)


def confirm_runs(record: StudyRecord) -> pd.DataFrame:
    """Rows of `record.trials`: confirm runs, however they ended, of the values now selected in their arm.

    A larger budget may have replaced an arm's best: the confirm runs of a former one are superseded. Where
    an arm has no complete search trial on record, its confirm runs count if they all have the same values.
    """
    trials = record.trials
    runs = trials[(trials["phase"] == "confirm") & trials["arm"].notna()]
    first = runs.drop_duplicates("arm").set_index("arm")["key"].to_dict()
    names = hyperparameters(record)
    there = runs[names].to_numpy(object)
    asked = trials.set_index("key")[names].loc[runs["arm"].map(first | record.best)].to_numpy(object)
    # a value that one of the two does not say has no effect, or was not recorded by its version
    same = pd.Series(((there == asked) | pd.isna(there) | pd.isna(asked)).all(axis=1), index=runs.index)
    agreed = same.groupby(runs["arm"]).transform("all")
    return runs[same & (runs["arm"].isin(list(record.best)) | agreed)]


def confirmed_trials(record: StudyRecord) -> pd.DataFrame:
    """Those of `confirm_runs` that are complete."""
    runs = confirm_runs(record)
    return runs[runs["outcome"] == "complete"]


def hyperparameters(record: StudyRecord) -> list[str]:
    """Columns of `record.trials` that are hyperparameters with a role: neither identity nor seeds."""
    known = {*TrialConfig.model_fields, *record.nuisance, *record.scientific} - {*IDENTITY}
    return [name for name in record.trials.columns if name in known]


def own_teachers(record: StudyRecord) -> list[str]:
    """Arms in which each confirm seed has a teacher of its own, trained on its sample of the data.

    That is where `teacher_data` is same and students have a share of the data: the teacher's recipe then
    holds the share and `data_seed`. Of what was tuned the selected values decide.
    """
    if record.facts.get("teacher"):
        return []
    names = ("teacher_data", "data_fraction")
    planned, runs = cells(record), confirm_runs(record)
    tuned = [name for name in names if name in record.nuisance and name in runs]
    selected = runs.groupby("arm")[tuned].first().to_dict("index") if tuned else {}
    found = []
    for arm in record.arms:
        said = dict(record.fixed) | planned.loc[arm].to_dict() | selected.get(arm, {})
        share = said.get("data_fraction", "1")
        if said.get("teacher_data") == "same" and not pd.isna(share) and float(share) < 1:
            found.append(arm)
    return found


def _levels(record: StudyRecord) -> dict[str, dict[str, Value]]:
    """Of each arm the levels that have an effect there.

    Trials record effective values only, and so does the arm's name; the params of the arm's run say what was
    planned, values without effect included.
    """
    trials = record.trials[record.trials["phase"] != "teacher"]
    names = [factor for factor in record.scientific if factor in trials]
    with_params = trials[trials[hyperparameters(record)].notna().any(axis="columns")]
    of_trials = with_params.groupby("arm")[names].first().to_dict("index")
    found: dict[str, dict[str, Value]] = {}
    for arm in record.arms:
        said = {name: parse_value(text) for name, text in record.arm_params.get(arm, {}).items()}
        named = parse_arm(arm)
        if arm in of_trials:
            seen = {name: text for name, text in of_trials[arm].items() if isinstance(text, str)}
            said = {name: said.get(name, parse_value(text)) for name, text in seen.items()}
        elif named:
            said = {name: said.get(name, level) for name, level in named.items()}
        found[arm] = {factor: said[factor] for factor in record.scientific if factor in said}
    return found
