"""The accuracy of the teachers on test. The record has no such score, but the retention of every student.

Retention is the student's accuracy divided by the accuracy of its teacher (`study.trial.scores`), so the
accuracy of the teacher is accuracy / retention.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.record.design import confirmed
from analysis.record.study_record import StudyRecord

__all__ = ["teachers_on_test"]

SAME = 1e-6
"""Accuracies of one teacher that differ by less are equal: the rest is rounding."""


def teachers_on_test(record: StudyRecord, languages: Sequence[str]) -> pd.Series:
    """Arm -> macro test accuracy over `languages` of the arm's teacher, the mean over its confirm seeds.

    A student without a right answer in a language has the retention 0 there, which shows nothing of its
    teacher. If all other students show one teacher, all arms have this teacher. Otherwise an arm has no
    number if no student of the arm shows its teacher in one of the languages.
    """
    index = ["arm", "seed", "language"]
    accuracy = confirmed(record).set_index(index)["value"]
    retention = confirmed(record, "test", "retention").set_index(index)["value"]
    ratio = (accuracy / retention[retention > 0]).dropna().rename("teacher").reset_index()
    ratio = ratio[ratio["language"].isin(languages)]
    by_language = ratio.groupby("language")["teacher"]
    spread = by_language.max() - by_language.min()
    if len(spread) == len(languages) and (spread < SAME).all():
        return pd.Series(float(by_language.mean().mean()), index=list(record.arms))
    of_arms = ratio.groupby(["arm", "language"])["teacher"].mean().unstack("language")
    whole = of_arms.reindex(columns=list(languages)).dropna()
    return whole.mean(axis=1).reindex([arm for arm in record.arms if arm in whole.index])
