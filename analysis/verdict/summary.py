"""Summaries of arms and of languages: means over confirm seeds, and the best search trial of each arm.

The tables only describe: they have no interval and no test. A pruned, diverged or failed trial is an outcome
and never counts as an accuracy of zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.record.design import confirmed, teachers_differ
from analysis.record.domain import parse_arm
from analysis.record.languages import SUMMARIES
from analysis.record.metric import test_metrics
from analysis.record.study_record import StudyRecord
from analysis.statistics.two_kinds import runs_by_kind

__all__ = ["WIDEST", "WORST", "arms_summary", "by_levels", "languages_summary"]

WIDEST = 12
"""With more arms there is no table of languages x arms; the figure and the CSV file have the numbers."""

WORST = (
    "worst is the lowest of the languages in each run. The minimum of noisy numbers is low: on average it is "
    "lower than the accuracy of the language that is the worst in truth."
)


COLUMNS = {"macro_f1": "macro-F1", "precision": "precision", "recall": "recall"}
"""How the columns of the table of arms call the metrics beside the study's own."""


def arms_summary(record: StudyRecord) -> pd.DataFrame:
    """One row for each arm.

    `search best`: the highest validation macro accuracy among the complete search trials of the arm, over the
    languages that the study selects on. The trial was selected because its score is high, so this number is
    biased upwards. The other columns are over confirm seeds: the number of seeds, the mean and the standard
    deviation of macro accuracy (or of the F1 of entities, with precision and recall in the place of
    macro-F1), the mean of the worst language, and the mean retention (left out if the arms have different
    teachers: a share of a lower accuracy is higher). If students have unseen languages: `seen macro` and
    `unseen macro`, the means of test macro over the languages that a student is trained on, and over the
    others. If in some arm some runs ended at chance while the others learned
    (`analysis.statistics.two_kinds`), two more columns: `success rate`, the share of runs that learned, and
    `successes`, the mean of test macro over these runs.
    """
    main, metrics = record.metric, test_metrics(record.metric)
    results = {
        (split, metric): confirmed(record, split, metric)
        for split, metric in (("validation", main), *(("test", metric) for metric in metrics))
    }

    def values(arm: str, split: str, metric: str, language: str) -> pd.Series:
        table = results[split, metric]
        return table.loc[(table["arm"] == arm) & (table["language"] == language), "value"]

    kinds = runs_by_kind(results["test", main], record.chance)
    differ, unseen = teachers_differ(record), record.unseen_of_arms()
    rows = []
    for arm in record.arms:
        test = values(arm, "test", main, "macro")
        row: dict[str, object] = {
            "arm": arm,
            "search best": record.selecting[record.best[arm]] if arm in record.best else None,
            "seeds": len(test),
            "validation macro": _mean(values(arm, "validation", main, "macro")),
            "test macro": _mean(test),
            "sd": test.std(ddof=1) if len(test) > 1 else None,
            "test worst": _mean(values(arm, "test", main, "worst")),
            **{f"test {COLUMNS[m]}": _mean(values(arm, "test", m, "macro")) for m in metrics if m in COLUMNS},
        }
        if unseen:
            for group in ("seen", "unseen"):
                row[f"{group} macro"] = _mean(values(arm, "test", main, f"{group}_macro"))
        if not differ:
            row["test retention"] = _mean(values(arm, "test", "retention", "macro"))
        if kinds["two_kinds"].any():
            learned = ~kinds.loc[kinds["arm"] == arm, "low"]
            row["success rate"] = _mean(learned)
            row["successes"] = _mean(kinds.loc[learned.index[learned], "value"])
        rows.append(row)
    return pd.DataFrame(rows)


def languages_summary(record: StudyRecord, split: str, metric: str | None = None) -> pd.DataFrame:
    """Languages x arms: means over confirm seeds. On validation the first column is the teacher.

    The last rows are `macro` and `worst`, and those of seen and unseen languages if there are any. Without
    confirm runs the table is empty.
    """
    metric = metric or record.metric
    scores = confirmed(record, split, metric)
    if scores.empty:
        return pd.DataFrame()
    table = scores.pivot_table(index="language", columns="arm", values="value", aggfunc="mean")
    table = table.reindex(columns=[arm for arm in record.arms if arm in table.columns])
    teacher = record.scores_of("teacher", split, metric)
    if len(teacher) and teacher["key"].nunique() == 1:
        table.insert(0, "teacher", teacher.set_index("language")["value"])
    names = sorted(name for name in table.index if name not in SUMMARIES)
    return table.reindex([*names, *(name for name in SUMMARIES if name in table.index)])


def by_levels(languages: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """The table with arms named by their levels of `factors` alone; a dash for a factor without an effect."""

    def levels(arm: str) -> str:
        of_arm = parse_arm(arm)
        return " ".join(str(of_arm.get(factor, "-")) for factor in factors)

    return languages.rename(columns={arm: levels(arm) for arm in languages.columns if arm != "teacher"})


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None
