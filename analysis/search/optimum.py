"""How far the selected values of an arm may lie below its best values, from the arm's own search.

The search gives one noisy score at each tried point. `Response` turns these scores into curves that could
have given them. In each curve, the shortfall is the highest point of the whole range minus the point that was
selected. Its mean and its spread over the curves are the tuning's part of the uncertainty. This is a
parametric bootstrap of the search, given its scores; resampled trials would leave gaps where the best point
was, and with 8 trials most of the shortfall is what lies between the trials.

The scores are of validation, and the shortfall is taken as the shortfall on test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.record.design import confirm_runs, confirmed
from analysis.record.study_record import StudyRecord
from analysis.search.axes import Array, Axes, Axis
from analysis.search.response import Response
from analysis.search.tuning import search_trials, tuned
from analysis.statistics.effects.tuning import Shortfall

__all__ = ["Searched", "noises", "searched", "shortfall", "shortfalls"]

DRAWS = 200
QUIET = 0.001
"""A score is at least so noisy. A spread of zero over a few seeds shows no more."""
UNKNOWN = 0.01
"""The noise of a score if no arm has two confirm runs."""


@dataclass(frozen=True)
class Searched:
    """The search of one arm. complete: which trials are complete; the other trials diverged.

    trials: the rows of `record.trials` that tell of the response, with the column `value` (validation macro).
    selected: the row with the selected values.
    """

    arm: str
    axes: Axes
    trials: pd.DataFrame
    selected: pd.DataFrame
    response: Response

    @property
    def shortfall(self) -> Shortfall:
        return shortfall(self.response, self.axes.at(self.selected), self.axes.candidates())


def searched(record: StudyRecord) -> Iterator[Searched]:
    """The searches of the arms that tuned something, completed a trial, and selected values.

    Complete trials have their score. A diverged trial counts as the lowest complete trial of the arm: a rate at
    which students diverge is a bad one. Pruned and failed trials have no final score and are left out, so the
    response is uncertain there.
    """
    scores = record.scores_of("search", "validation", "accuracy")
    macro = scores[scores["language"] == "macro"].drop_duplicates("key").set_index("key")["value"]
    runs = confirm_runs(record).drop_duplicates("arm").set_index("arm")
    trials, noise = search_trials(record), noises(record)
    for arm in record.arms:
        own = trials[(trials["arm"] == arm) & trials["outcome"].isin(("complete", "diverged"))]
        values = own["key"].map(macro).astype(float).where(own["outcome"] == "complete")
        own = own.assign(value=values)[values.notna() | (own["outcome"] == "diverged")]
        names = [name for name in tuned(record, own) if _has_places(record, name)]
        if not names or not own["value"].notna().any():
            continue
        selected = runs.loc[[arm]] if arm in runs.index else own[own["key"] == record.best.get(arm)]
        if selected.empty:
            continue
        axes = Axes([Axis(name, record.nuisance[name]) for name in names])
        filled = own["value"].fillna(own["value"].min()).to_numpy(float)
        response = Response(axes.at(own), filled, noise.get(arm, noise.get("", UNKNOWN)))
        yield Searched(arm, axes, own, selected, response)


def shortfalls(record: StudyRecord) -> dict[str, Shortfall]:
    """The shortfall of each arm of `searched`."""
    return {each.arm: each.shortfall for each in searched(record)}


def shortfall(response: Response, selected: Array, candidates: Array) -> Shortfall:
    """Mean and standard deviation, over curves, of the highest point minus the selected point.

    selected: [1 x dimensions]; candidates: [points x dimensions]. The highest point is looked for among the
    candidates, the tried points and the selected point, so no shortfall is below 0.
    """
    curves = response.draws(np.concatenate([selected, response.x, candidates]), DRAWS)
    lost = curves.max(axis=1) - curves[:, 0]
    return Shortfall(float(lost.mean()), float(lost.std()))


def noises(record: StudyRecord) -> dict[str, float]:
    """The noise of one score in each arm: the spread of macro validation accuracy over its confirm seeds.

    No spread is shared between arms, because students that hardly learn are far noisier than copies. The
    entry "" is the median of all arms, for arms with fewer than two confirm runs.
    """
    scores = confirmed(record, "validation")
    by_arm = scores[scores["language"] == "macro"].groupby("arm")["value"]
    found = {str(arm): max(float(values.std()), QUIET) for arm, values in by_arm if len(values) > 1}
    return found | {"": float(np.median(list(found.values())))} if found else {}


def _has_places(record: StudyRecord, name: str) -> bool:
    """Whether the record tells where the hyperparameter was tuned, at more than one place."""
    domain = record.nuisance[name]
    return domain.is_range or len(domain.levels) > 1
