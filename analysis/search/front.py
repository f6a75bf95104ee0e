"""The Pareto front of a study with costs: its students, with their costs, and their scores on fresh seeds.

The search makes the front, on validation, at one seed: a student may be on it by luck, so its search score is
biased upwards. The confirm runs of each student of the front, on fresh seeds, are what it is worth.
"""

from __future__ import annotations

from math import isfinite

import pandas as pd

from analysis.record.shares import seeds_of
from analysis.record.study_record import StudyRecord
from analysis.statistics.effects.means import arm_means
from analysis.statistics.effects.texts import Correct
from study.front import front_of

__all__ = ["confirmed_by_student", "devices", "front_table", "searched"]


def searched(record: StudyRecord) -> pd.DataFrame:
    """`key, arm, score` and a column for each cost: the complete search trials that have all costs."""
    found = [
        {"key": c.key, "arm": c.arm, "score": c.value} | dict(zip(record.costs, c.costs, strict=True))
        for c in record.candidates
        if c.outcome == "complete" and c.value is not None and all(map(isfinite, c.costs))
    ]
    return pd.DataFrame(found, columns=["key", "arm", "score", *record.costs])


def front_table(record: StudyRecord) -> pd.DataFrame:
    """One row for each student on the front of all arms together, the highest search score first.

    `student`: its number, from 1; `key`, `arm`; `score`: on validation, in the search; the costs; the values
    of what was searched; and over its confirm runs on test `estimate, low, high, seeds, texts` as `arm_means`
    gives them, and `worst`, the mean of the lowest language. Without confirm runs these are missing.
    """
    front = front_of(c for front in record.fronts.values() for c in front)
    keys = [student.key for student in front]
    table = searched(record).set_index("key").reindex(keys).rename_axis("key").reset_index()
    trials = record.trials.set_index("key").reindex(keys)
    for name in [name for name in (*record.nuisance, *record.varied) if name in trials]:
        table[name] = trials[name].to_numpy()
    runs, correct = confirmed_by_student(record)
    means = arm_means(runs, correct).set_index("arm")
    worst = runs[runs["language"] == "worst"].groupby("arm")["value"].mean()
    of_runs = means.assign(worst=worst).reindex(keys).reset_index(drop=True)
    table.insert(0, "student", range(1, len(table) + 1))
    return pd.concat([table, of_runs], axis=1)


def confirmed_by_student(record: StudyRecord) -> tuple[pd.DataFrame, Correct]:
    """The complete confirm runs of the students of the front, on test, each student as an arm of its own.

    The table has the columns `arm, seed, language, value` of `analysis.record.design.confirmed`, where `arm`
    is the key of the student's search trial; the second part is as `correct_texts` returns it.
    """
    trials = record.trials[(record.trials["phase"] == "confirm") & (record.trials["outcome"] == "complete")]
    student = dict(zip(trials["key"], trials["tried"], strict=True)) if "tried" in trials else {}
    scores = record.scores_of("confirm", "test", record.metric)
    scores = scores[scores["key"].isin(list(student)) & scores["seed"].notna()].astype({"seed": int})
    table = scores.assign(arm=scores["key"].map(student))[["arm", "seed", "language", "value"]]
    correct: Correct = {
        (str(student[key]), int(seed)): record.answers[key].correct()
        for key, seed in zip(trials["key"], seeds_of(trials), strict=True)
        if key in record.answers and not pd.isna(seed)
    }
    return table.reset_index(drop=True), correct


def devices(record: StudyRecord) -> list[str]:
    """The devices on which latencies were measured."""
    if "latency_on" not in record.trials:
        return []
    return sorted(record.trials["latency_on"].dropna().unique())
