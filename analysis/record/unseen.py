"""Which languages the student of each trial is not trained on, from a metric of the trial's run.

The metric `data_share/LANGUAGE` is the share of the language's training texts that the student saw. Trials
whose students saw all texts of all languages do not have the metric.
"""

from __future__ import annotations

import pandas as pd

__all__ = ["unseen_languages"]

SHARE = "data_share/"


def unseen_languages(runs: pd.DataFrame, metrics: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The key of a trial to the languages of which its student saw no training text.

    runs: as `shares.trials_of` returns them; `at` in `metrics` is a place in `runs`.
    """
    rows = metrics[metrics["name"].str.startswith(SHARE) & (metrics["value"] == 0)]
    keys = runs["key"].to_dict()
    found: dict[str, set[str]] = {}
    for at, name in zip(rows["at"], rows["name"], strict=True):
        found.setdefault(str(keys[at]), set()).add(str(name).removeprefix(SHARE))
    return {key: frozenset(languages) for key, languages in found.items()}
