"""How far the selected values of an arm may lie below its best values, from the arm's own search.

The search gives one noisy score at each tried point. `Response` turns these scores into curves that could
have given them. In each curve, the shortfall is the highest point of the whole range minus the point that was
selected. Its mean and its spread over the curves are the tuning's part of the uncertainty. This is a
parametric bootstrap of the search, given its scores; resampled trials would leave gaps where the best point
was, and with 8 trials most of the shortfall is what lies between the trials.

The scores are of validation, and the shortfall is taken as the shortfall on test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.record.design import confirmed
from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.search.axes import Array, Axes, Axis
from analysis.search.response import Response
from analysis.search.tuning import search_trials, tuned
from analysis.statistics.effects.tuning import Shortfall, mean_shortfall

__all__ = ["Searched", "noises", "searched", "shortfall", "shortfalls", "shortfalls_of"]

DRAWS = 200
QUIET = 0.001
"""A score is at least so noisy. A spread of zero over a few seeds shows no more."""
UNKNOWN = 0.01
"""The noise of a score if no arm has two confirm runs."""


@dataclass(frozen=True)
class Searched:
    """The search of one arm, in one of its tunings.

    trials: the rows of `record.trials` that tell of the response, with the column `value` (validation macro;
    missing for a diverged trial). selected: one row, the selected values.
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
    """The searches of the arms that tuned something and selected values.

    Complete trials have their score. A diverged trial counts as the lowest complete trial of the arm: rates
    at which students diverge are bad rates. Pruned and failed trials have no final score and are left out, so
    the response is uncertain there.
    """
    scores = record.scores_of("search", "validation", record.metric)
    macro = scores[scores["language"] == "macro"].drop_duplicates("key").set_index("key")["value"]
    trials, noise = search_trials(record), noises(record)
    tunings = trials["tuning"] if "tuning" in trials else pd.Series(0, trials.index)
    for (arm, tuning), values in record.selected.items():
        own = trials[(trials["arm"] == arm) & (tunings == tuning)]
        complete, diverged = own["outcome"] == "complete", own["outcome"] == "diverged"
        own = own.assign(value=own["key"].map(macro).astype(float).where(complete))
        own = own[own["value"].notna() | diverged]
        names = [name for name in tuned(record, own) if _has_places(record.nuisance[name])]
        if not names or not own["value"].notna().any():
            continue
        axes = Axes([Axis(name, record.nuisance[name]) for name in names])
        filled = own["value"].fillna(own["value"].min()).to_numpy(float)
        response = Response(axes.at(own), filled, noise.get(arm, noise.get("", UNKNOWN)))
        selected = pd.DataFrame({name: [values.get(name)] for name in names}, dtype=object)
        yield Searched(arm, axes, own, selected, response)


def shortfalls(record: StudyRecord) -> dict[str, Shortfall]:
    """The shortfall of each arm of `searched`: the mean over its tunings."""
    return shortfalls_of(searched(record))


def shortfalls_of(searches: Iterable[Searched]) -> dict[str, Shortfall]:
    """The shortfall of each arm of `searches`: the mean over its tunings."""
    found: dict[str, list[Shortfall]] = {}
    for each in searches:
        found.setdefault(each.arm, []).append(each.shortfall)
    return {arm: mean_shortfall(of_arm) for arm, of_arm in found.items()}


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


def _has_places(domain: Domain) -> bool:
    """Whether the record tells where the hyperparameter was tuned, at more than one place."""
    return domain.is_range or len(domain.levels) > 1
