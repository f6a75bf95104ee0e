"""The design of a study: its factors, the level of each factor in each arm, and the results that count.

A factor that has no effect in an arm, such as the temperature if nothing is distilled, has no level there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.record.domain import Domain, Value, parse_arm, parse_value
from analysis.record.shares import IDENTITY, seeds_of
from analysis.record.study_record import StudyRecord
from study.config import TrialConfig

__all__ = [
    "Domain",
    "Value",
    "cells",
    "confirm_runs",
    "confirmed",
    "confirmed_trials",
    "correct_texts",
    "data_shares",
    "factors",
    "hyperparameters",
    "own_teachers",
    "teachers_differ",
]

Bits = np.ndarray[Any, np.dtype[np.bool_]]


def factors(record: StudyRecord) -> dict[str, tuple[Value, ...]]:
    """The scientific factors for which the arms have at least two levels; levels in planned order."""
    there = _levels(record)
    found = {
        factor: tuple(level for level in levels if any(of.get(factor) == level for of in there.values()))
        for factor, levels in record.scientific.items()
    }
    return {factor: levels for factor, levels in found.items() if len(levels) > 1}


def cells(record: StudyRecord) -> pd.DataFrame:
    """A row for each arm (the index `arm`), a column for each factor: its level, missing without effect."""
    there = _levels(record)
    index = pd.Index(record.arms, name="arm", dtype=str)
    return pd.DataFrame(
        {factor: [there[arm].get(factor) for arm in record.arms] for factor in factors(record)}, index=index
    )


def confirmed(record: StudyRecord, split: str = "test", metric: str | None = None) -> pd.DataFrame:
    """The results that count: `arm`, a column for each factor, `seed`, `language`, `value`.

    metric: by default the metric of the study.
    There is one row for each (arm, seed, language) of `confirmed_trials`; `macro` and `worst` are rows too.
    The order is the order of the arms, of their seeds, and of the names of the languages.
    """
    scores = record.scores_of("confirm", split, metric or record.metric)
    scores = scores[scores["key"].isin(confirmed_trials(record)["key"]) & scores["seed"].notna()]
    scores = scores.drop_duplicates(["arm", "seed", "language"]).astype({"seed": int})
    of_arms = cells(record)
    table = scores[["arm", "seed", "language", "value"]].join(of_arms, on="arm")
    return table[["arm", *of_arms.columns, "seed", "language", "value"]].reset_index(drop=True)


def correct_texts(record: StudyRecord) -> dict[tuple[str, int], dict[str, Bits]]:
    """For each (arm, seed) of `confirmed_trials`: language to [texts], whether each test text was correct.

    Empty if the record has no answers, or answers to the texts of several tasks.
    """
    if len({answers.task for answers in record.answers.values()}) != 1:
        return {}
    trials = confirmed_trials(record)
    found: dict[tuple[str, int], dict[str, Bits]] = {}
    for key, arm, seed in zip(trials["key"], trials["arm"], seeds_of(trials), strict=True):
        if key in record.answers and not pd.isna(seed):
            found[str(arm), int(seed)] = record.answers[key].correct()
    return found


def confirm_runs(record: StudyRecord) -> pd.DataFrame:
    """The confirm runs, of every outcome, that have the values that are now selected in their arm.

    The rows are rows of `record.trials`. A larger budget may have changed the selected values of an arm:
    confirm runs of the former values are superseded. If the record has no complete search trial of an arm,
    its confirm runs count if all of them have the same values.
    """
    trials = record.trials
    runs = trials[(trials["phase"] == "confirm") & trials["arm"].notna()]
    first = runs.drop_duplicates("arm").set_index("arm")["key"].to_dict()
    names = hyperparameters(record)
    there = runs[names].to_numpy(object)
    tunings = runs["tuning"] if "tuning" in runs else pd.Series(0, runs.index)
    selections = [record.selections.get(search) for search in zip(runs["arm"], tunings, strict=True)]
    tried = [
        first[arm] if found is None else found.tried.key
        for arm, found in zip(runs["arm"], selections, strict=True)
    ]
    asked = trials.set_index("key")[names].loc[tried].to_numpy(object)
    for row, found in zip(asked, selections, strict=True):
        for name, value in ({} if found is None else found.point).items():
            row[names.index(name)] = str(value)
    # a value that one of the two lacks has no effect, or its version did not record the value
    same = pd.Series(((there == asked) | pd.isna(there) | pd.isna(asked)).all(axis=1), index=runs.index)
    agreed = same.groupby(runs["arm"]).transform("all")
    return runs[same & (runs["arm"].isin(list(record.best)) | agreed)]


def confirmed_trials(record: StudyRecord) -> pd.DataFrame:
    """The complete runs of `confirm_runs`."""
    runs = confirm_runs(record)
    return runs[runs["outcome"] == "complete"]


def data_shares(record: StudyRecord) -> dict[Value, float]:
    """For each level of data_fraction, the share of the training rows that the trials record.

    The share is more than the level if the task has many labels and few rows: each language keeps one row of
    each label. A level without a recorded share (all of the data, or a study of an older version) counts as
    it is.
    """
    levels = factors(record).get("data_fraction", ())
    if not levels:
        return {}
    columns, recorded = ["data_fraction", "data_share"], {}
    if set(columns) <= set(record.trials.columns):
        seen = record.trials[columns].dropna().drop_duplicates("data_fraction")
        recorded = {parse_value(level): float(share) for level, share in seen.itertuples(index=False)}
    return {level: recorded.get(level, float(level)) for level in levels}


def hyperparameters(record: StudyRecord) -> list[str]:
    """The columns of `record.trials` that are hyperparameters with a role: neither identity nor seeds."""
    known = {*TrialConfig.model_fields, *record.nuisance, *record.scientific} - {*IDENTITY}
    return [name for name in record.trials.columns if name in known]


def own_teachers(record: StudyRecord) -> list[str]:
    """The arms in which each confirm seed has a teacher of its own, trained on the data sample of the seed.

    That is so if `teacher_data` is same and students have a share of the data: then the recipe of the teacher
    contains the share and `data_seed`. For tuned hyperparameters the selected values decide.
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


def teachers_differ(record: StudyRecord) -> bool:
    """Whether the arms have different teachers, so that a share of the teacher's accuracy does not compare.

    The recipe of a teacher decides (`study.trial.inputs`): the hyperparameters of the teacher, the length of
    the texts, and the share of the data that the teacher saw. For tuned hyperparameters the selected values
    decide.
    """
    if record.facts.get("teacher"):
        return False
    recipe = [name for name in TrialConfig.model_fields if name.startswith("teacher_")] + ["max_length"]
    recipe.remove("teacher_data")
    planned, runs, own = cells(record), confirm_runs(record), own_teachers(record)
    tuned = [name for name in (*recipe, "data_fraction") if name in record.nuisance and name in runs]
    selected = runs.groupby("arm")[tuned].first().to_dict("index") if tuned else {}
    teachers = set()
    for arm in record.arms:
        said = planned.loc[arm].to_dict() | selected.get(arm, {})
        share = str(said.get("data_fraction", "")) if arm in own else "full"
        teachers.add((share, *(str(said.get(name, "")) for name in recipe)))
    return len(teachers) > 1


def _levels(record: StudyRecord) -> dict[str, dict[str, Value]]:
    """For each arm, the levels that have an effect.

    Trials, and the name of an arm, record effective values only. The params of the run of an arm record the
    planned values, also values without an effect.
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
