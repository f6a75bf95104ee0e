"""The search trials as a table: values tried, outcomes, scores on validation."""

from __future__ import annotations

import pandas as pd

from analysis.record.study_record import StudyRecord

__all__ = ["search_results"]


def search_results(record: StudyRecord) -> pd.DataFrame:
    """The search trials that have ended, arm by arm, in the order in which they were started.

    Columns `arm, key, outcome, value`, and a column of text for each nuisance hyperparameter. `value` is
    validation macro accuracy, for complete trials only: the score that a pruned or diverged trial had reached
    is not its final score.
    """
    trials = record.trials[(record.trials["phase"] == "search") & record.trials["outcome"].notna()]
    scores = record.scores_of("search", "validation", record.metric)
    macro = scores[scores["language"] == "macro"].drop_duplicates("key").set_index("key")["value"]
    complete = trials["outcome"] == "complete"
    table = trials.assign(value=trials["key"].map(macro).astype(float).where(complete))
    nuisance = [name for name in record.nuisance if name in table]
    order = table["arm"].map({arm: n for n, arm in enumerate(record.arms)})
    table = table.iloc[order.argsort(kind="stable")]
    return table[["arm", "key", "outcome", "value", *nuisance]].reset_index(drop=True)
