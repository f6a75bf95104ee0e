"""Arms and languages at a glance: means over confirm seeds, and each arm's best of the search.

Descriptions only: no interval and no test. Pruned, diverged and failed trials are outcomes, never zeros.
"""

from __future__ import annotations

import pandas as pd

from analysis.record import StudyRecord
from study.selection import BestValidation

__all__ = ["arms_summary", "languages_summary"]


def arms_summary(record: StudyRecord) -> pd.DataFrame:
    """One row an arm.

    `search best`: highest validation macro accuracy among its complete search trials (selected for being
    high, so biased upwards). The other columns are over confirm seeds: their number, the mean and standard
    deviation of macro accuracy, the mean of the worst language, and mean retention.
    """
    rows = []
    best = _search_best(record)
    for arm in record.arms:
        row: dict[str, object] = {"arm": arm, "search best": best.get(arm)}
        validation = _of(record, arm, "validation", "accuracy", "macro")
        test = _of(record, arm, "test", "accuracy", "macro")
        row |= {
            "seeds": len(test),
            "validation macro": validation.mean() if len(validation) else None,
            "test macro": test.mean() if len(test) else None,
            "sd": test.std(ddof=1) if len(test) > 1 else None,
        }
        for column, metric, language in (
            ("test worst", "accuracy", "worst"),
            ("test macro-F1", "macro_f1", "macro"),
            ("test retention", "retention", "macro"),
        ):
            values = _of(record, arm, "test", metric, language)
            row[column] = values.mean() if len(values) else None
        rows.append(row)
    return pd.DataFrame(rows)


def languages_summary(record: StudyRecord, split: str, metric: str = "accuracy") -> pd.DataFrame:
    """Languages x arms: mean over confirm seeds; on validation the teacher's column stands first.

    The last rows are `macro` and `worst`.
    """
    scores = record.scores_of("confirm", split, metric)
    table = scores.pivot_table(index="language", columns="arm", values="value", aggfunc="mean")
    table = table.reindex(columns=[arm for arm in record.arms if arm in table.columns])
    teacher = record.scores_of("teacher", split, metric)
    if len(teacher) and teacher["key"].nunique() == 1:
        table.insert(0, "teacher", teacher.set_index("language")["value"])
    names = sorted(name for name in table.index if name not in ("macro", "worst"))
    return table.reindex([*names, *(name for name in ("macro", "worst") if name in table.index)])


def _of(record: StudyRecord, arm: str, split: str, metric: str, language: str) -> pd.Series:
    s = record.scores_of("confirm", split, metric)
    return s[(s["arm"] == arm) & (s["language"] == language)]["value"]


class _Candidate:
    """A search trial as the selection rule sees it."""

    def __init__(self, arm: str, number: int, outcome: str | None, value: float) -> None:
        self.arm, self.number, self.outcome, self.value = arm, number, outcome, value


def _search_best(record: StudyRecord) -> dict[str, float]:
    scores = record.scores_of("search", "validation", "accuracy")
    macro = scores[scores["language"] == "macro"].set_index("key")["value"]
    search = record.trials[record.trials["phase"] == "search"]
    candidates = [
        _Candidate(row.arm, number, row.outcome, float(macro[row.key]))
        for number, row in enumerate(search.itertuples())
        if row.key in macro
    ]
    return {arm: best.value for arm, best in BestValidation().best_of_arms(candidates).items()}
